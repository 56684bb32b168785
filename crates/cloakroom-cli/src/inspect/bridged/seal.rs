//! The seals of other frameworks that are recognizable by the cookie's form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Seals of frameworks that have several, recognizable by the cookie's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// `base64(content)--base64(12 bytes)--base64(16 bytes)`
    RailsEncrypted,
    /// `base64(content)--hex(tag)`; cookies encrypted with AES-256-CBC look the same
    RailsSigned,
    PlugSigned,
    PlugEncrypted,
    /// `payload:time:tag` with a tag of 20 bytes, or `base64(hex(tag):JSON)` as in old rows
    DjangoSha1,
    /// Encryption of `plug_crypto` before version 2, which is never opened
    PlugBefore2,
}

pub(super) fn seal(value: &str) -> Option<Seal> {
    for (start, seal) in
        [("SFMyNTY.", Seal::PlugSigned), ("XCP.", Seal::PlugEncrypted), ("QTEyOEdDTQ.", Seal::PlugBefore2)]
    {
        if value.starts_with(start) {
            return Some(seal);
        }
    }
    if is_django_sha1(value) {
        return Some(Seal::DjangoSha1);
    }
    // Browsers store it percent-encoded.
    let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let is_base64 = |text: &str| STANDARD.decode(text).is_ok();
    match value.split("--").collect::<Vec<_>>().as_slice() {
        [content, nonce, tag] if is_base64(content) && is_base64(nonce) && is_base64(tag) => Some(Seal::RailsEncrypted),
        [content, tag] if is_base64(content) && is_hex(tag) && matches!(tag.len(), 40 | 64) => Some(Seal::RailsSigned),
        _ => None,
    }
}

fn is_django_sha1(value: &str) -> bool {
    if let [_, _, tag] = value.split(':').collect::<Vec<_>>().as_slice() {
        return URL_SAFE_NO_PAD.decode(tag).is_ok_and(|tag| tag.len() == 20);
    }
    let row = STANDARD.decode(value).unwrap_or_default();
    matches!(row.split_at_checked(40), Some((tag, [b':', ..])) if std::str::from_utf8(tag).is_ok_and(is_hex))
}

/// Returns true for a complete value of a framework with a recognizable form.
pub(in crate::inspect) fn is_sealed(value: &str) -> bool {
    seal(value).is_some()
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}
