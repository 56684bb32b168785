//! Packing and unpacking the text of a record.
//!
//! Packed text is `p1.` and unpadded base64url, because stores keep text. It cannot be confused
//! with a plain record, which begins with the digit of its version. The decoded bytes are a kind
//! byte and the packed contents:
//!
//! | kind | contents |
//! |---|---|
//! | 0 | the text |
//! | 1 | the text, compressed |
//! | 2 | the owner and the text, encrypted |
//! | 3 | the owner and the text, compressed and then encrypted |
//!
//! The owner is encoded as 4 big-endian bytes, 0 without an owner and otherwise its length plus
//! one, followed by the owner. It is encrypted with the text, because the index only has its hash.
//! The seal is bound to the kind byte and to the store key.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::factory::{RecordSealer, Rejected, StoreKey, random};

use super::owners::{Owners, hashed};
use super::sealing::Sealing;
use super::zip;
use crate::at_rest::{COMPRESSED, ENCRYPTED, MARK, key_of};
use crate::checkup::{Checkup, Severity, Topic};
use crate::entry::Entry;
use crate::error::StoreError;

const MALFORMED: &str = "it isn't packed in a way that this release knows";
const UNENCRYPTED: &str = "it isn't encrypted, and only encrypted records are accepted";

/// The packing options.
#[derive(Debug)]
pub(super) struct Packer {
    pub(super) compress_above: Option<usize>,
    pub(super) sealer: Option<RecordSealer>,
    pub(super) sealing: Sealing,
    pub(super) only_encrypted: bool,
}

impl Default for Packer {
    fn default() -> Self {
        Self { compress_above: None, sealer: None, sealing: Sealing::OpenOnly, only_encrypted: false }
    }
}

impl Packer {
    /// Returns the sealer if new records must be encrypted.
    fn seals(&self) -> Option<&RecordSealer> {
        self.sealer.as_ref().filter(|_| self.sealing == Sealing::Seal)
    }

    /// Returns the names of an owner in the wrapped store's index.
    pub(super) fn owners(&self, owner: &str) -> Owners {
        Owners::new(owner, self.sealer.as_ref(), self.sealing)
    }

    /// Converts an entry into the one that the wrapped store keeps.
    pub(super) fn pack<'a>(&self, key: &StoreKey, entry: &'a Entry) -> Result<Cow<'a, Entry>, StoreError> {
        let text = entry.text();
        let Some(sealer) = self.seals() else {
            if self.only_encrypted {
                return Err(StoreError::unsupported("records that aren't encrypted"));
            }
            let zipped = self.zip(text.as_bytes()).filter(|zipped| packed_len(zipped.len()) < text.len());
            let bytes = match &zipped {
                Some(zipped) => [&[COMPRESSED], &zipped[..]].concat(),
                // Wrap a text with this prefix, so that it is not mistaken for a packed one.
                None if text.starts_with(MARK) => [&[0], text.as_bytes()].concat(),
                None => return Ok(Cow::Borrowed(entry)),
            };
            return Ok(Cow::Owned(entry.packed(armour(&bytes), entry.owner.clone())));
        };
        let mut content = join(entry.owner.as_deref(), text);
        let mut kind = ENCRYPTED;
        if let Some(zipped) = self.zip(&content).filter(|zipped| zipped.len() < content.len()) {
            content = zipped;
            kind |= COMPRESSED;
        }
        let nonce = random().map_err(StoreError::unavailable)?;
        let sealed = sealer.seal(&context(kind, key), content, nonce).map_err(StoreError::unavailable)?;
        let owner = entry.owner.as_deref().and_then(|owner| hashed(sealer, owner));
        Ok(Cow::Owned(entry.packed(armour(&[&[kind], &sealed[..]].concat()), owner)))
    }

    /// Converts the wrapped store's entry back into the caller's.
    pub(super) fn unpack(&self, key: &StoreKey, entry: Entry) -> Result<Entry, StoreError> {
        let unreadable = |why: Cow<'static, str>| StoreError::unreadable(*key, why);
        let Some(body) = entry.text().strip_prefix(MARK) else {
            return if self.only_encrypted { Err(unreadable(UNENCRYPTED.into())) } else { Ok(entry) };
        };
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| unreadable(MALFORMED.into()))?;
        let (kind, rest) = bytes.split_first().ok_or_else(|| unreadable(MALFORMED.into()))?;
        if *kind > COMPRESSED | ENCRYPTED {
            return Err(unreadable(MALFORMED.into()));
        }
        let is_encrypted = kind & ENCRYPTED != 0;
        let mut content = if is_encrypted {
            Cow::Owned(self.unseal(*kind, key, rest).map_err(unreadable)?)
        } else if self.only_encrypted {
            return Err(unreadable(UNENCRYPTED.into()));
        } else {
            Cow::Borrowed(rest)
        };
        if kind & COMPRESSED != 0 {
            content = Cow::Owned(zip::unzip(&content).map_err(|why| unreadable(why.into()))?);
        }
        if is_encrypted {
            let (owner, text) = split(&content).ok_or_else(|| unreadable(MALFORMED.into()))?;
            let (owner, text): (_, Arc<str>) = (owner.map(str::to_owned), text.into());
            return Ok(entry.with_text(text).owner(owner));
        }
        let text: Arc<str> = std::str::from_utf8(&content).map_err(|_| unreadable(MALFORMED.into()))?.into();
        Ok(entry.with_text(text))
    }

    fn unseal(&self, kind: u8, key: &StoreKey, sealed: &[u8]) -> Result<Vec<u8>, Cow<'static, str>> {
        let sealer = self.sealer.as_ref().ok_or("it is encrypted, and there is no keyring")?;
        sealer.unseal(&context(kind, key), sealed).map_err(|rejected| {
            if rejected == Rejected::UnknownKey {
                let id: String = sealed.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                format!("it is encrypted with key {id}, which isn't in the keyring").into()
            } else if rejected == Rejected::Forged {
                "its seal is broken, or was made for another session".into()
            } else {
                MALFORMED.into()
            }
        })
    }

    /// Returns `true` if a kept text is encrypted with a key that this packer doesn't have.
    pub(super) fn is_locked(&self, text: &str) -> bool {
        key_of(text)
            .is_some_and(|id| !self.sealer.iter().flat_map(RecordSealer::ids).any(|known| *known.as_bytes() == id))
    }

    fn zip(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let above = self.compress_above?;
        if bytes.len() > above { zip::zip(bytes) } else { None }
    }

    /// Adds the packing of records to the report of the wrapped store's server.
    pub(super) fn report(&self, mut checkup: Checkup) -> Checkup {
        let note = |checkup: Checkup, text: String| checkup.found(Topic::Records, Severity::Note, text);
        if let Some(sealer) = self.seals() {
            let ids: Vec<String> = sealer.ids().map(|id| id.to_string()).collect();
            let text =
                format!("records are encrypted; keys that open them, the one that seals first: {}", ids.join(", "));
            checkup = checkup.found(Topic::Records, Severity::Good, text);
            if !self.only_encrypted {
                checkup = note(checkup, "records that aren't encrypted are read, too".to_owned());
            }
        } else if self.sealer.is_some() {
            checkup = note(checkup, "encrypted records are read, and new ones aren't encrypted".to_owned());
        }
        match self.compress_above {
            Some(above) => note(checkup, format!("records of more than {above} bytes are compressed")),
            None => checkup,
        }
    }
}

/// Returns the associated data of a seal: a record copied under another key doesn't open, and none
/// is unpacked differently from how it was packed.
fn context(kind: u8, key: &StoreKey) -> [u8; 33] {
    let mut context = [kind; 33];
    for (slot, byte) in context.iter_mut().skip(1).zip(key.as_bytes()) {
        *slot = *byte;
    }
    context
}

fn armour(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(packed_len(bytes.len()));
    text.push_str(MARK);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text
}

/// Returns the length of the packed text for this many bytes and the kind byte.
const fn packed_len(bytes: usize) -> usize {
    MARK.len() + (bytes.saturating_add(1).saturating_mul(4)).div_ceil(3)
}

fn join(owner: Option<&str>, text: &str) -> Vec<u8> {
    // An owner of 4 GiB would not fit, and no store accepts one.
    let length = owner.map_or(0, |owner| u32::try_from(owner.len()).unwrap_or(u32::MAX).saturating_add(1));
    [&length.to_be_bytes(), owner.unwrap_or_default().as_bytes(), text.as_bytes()].concat()
}

fn split(content: &[u8]) -> Option<(Option<&str>, &str)> {
    let (length, rest) = content.split_first_chunk()?;
    let length = u32::from_be_bytes(*length).checked_sub(1);
    let (owner, text) = rest.split_at_checked(usize::try_from(length.unwrap_or(0)).ok()?)?;
    let (owner, text) = (std::str::from_utf8(owner).ok()?, std::str::from_utf8(text).ok()?);
    Some((length.map(|_| owner), text))
}
