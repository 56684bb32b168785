//! The frame of a packed record. It shows whether the record is compressed or encrypted without
//! opening it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The prefix of every packed record.
pub(crate) const MARK: &str = "p1.";

/// The bits of the first byte of a packed record.
pub(crate) const COMPRESSED: u8 = 1;
pub(crate) const ENCRYPTED: u8 = 2;

/// Returns the id of the key that encrypted a stored text, if it is encrypted.
pub(crate) fn key_of(text: &str) -> Option<[u8; 4]> {
    // Eight characters are six bytes: the kind, the key id, and one of the nonce.
    let head = URL_SAFE_NO_PAD.decode(text.strip_prefix(MARK)?.get(..8)?).ok()?;
    let (kind, rest) = head.split_first()?;
    let is_encrypted = *kind <= COMPRESSED | ENCRYPTED && kind & ENCRYPTED != 0;
    is_encrypted.then(|| rest.first_chunk().copied()).flatten()
}

/// Returns `true` if a stored text is encrypted.
pub(crate) fn is_encrypted(text: &str) -> bool {
    key_of(text).is_some()
}
