//! The seals of other frameworks that are recognizable by the cookie's form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Seals of frameworks that have several, recognizable by the cookie's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// `base64(content)--base64(12 bytes)--base64(16 bytes)`
    RailsEncrypted,
    /// `base64(content)--hex(tag)`; cookies of Rails before 5.2 look the same
    RailsSigned,
    PlugSigned,
    PlugEncrypted,
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
    // Browsers store it percent-encoded.
    let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let is_base64 = |text: &str| STANDARD.decode(text).is_ok();
    match value.split("--").collect::<Vec<_>>().as_slice() {
        [content, nonce, tag] if is_base64(content) && is_base64(nonce) && is_base64(tag) => Some(Seal::RailsEncrypted),
        [content, tag] if is_base64(content) && is_hex(tag) && matches!(tag.len(), 40 | 64) => Some(Seal::RailsSigned),
        _ => None,
    }
}

/// Returns true for a complete value of a framework with a recognizable form.
pub(in crate::inspect) fn is_sealed(value: &str) -> bool {
    seal(value).is_some()
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}
