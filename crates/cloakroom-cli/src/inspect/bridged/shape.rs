//! The outer form of a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::framework::Framework;

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

/// Returns the framework whose cookies have this form.
pub(super) fn shape(value: &str) -> Option<Framework> {
    match seal(value) {
        Some(Seal::RailsEncrypted | Seal::RailsSigned) => return Some(Framework::Rails),
        Some(Seal::PlugSigned | Seal::PlugEncrypted | Seal::PlugBefore2) => return Some(Framework::Plug),
        None => {}
    }
    let signed_id = value.strip_prefix("s%3A").or_else(|| value.strip_prefix("s:"));
    if signed_id.is_some_and(|id| id.contains('.')) {
        return Some(Framework::ExpressSession);
    }
    let parts = |sign| -> Vec<&str> { value.trim_start_matches('.').split(sign).collect() };
    if let [payload, time, signature] = parts('.').as_slice()
        && [*payload, *time, *signature].into_iter().all(is_url)
        && (27..=86).contains(&signature.len())
    {
        return Some(Framework::Flask);
    }
    if let [payload, time, signature] = parts(':').as_slice()
        && [*payload, *time, *signature].into_iter().all(is_url)
        && signature.len() == 43
    {
        return Some(Framework::Django);
    }
    // With a signature in front it would not be text.
    if STANDARD.decode(value).is_ok_and(|text| text.starts_with(b"{\"") || text == b"{}") {
        return Some(Framework::CookieSession);
    }
    let (tag, rest) = value.split_at_checked(40)?;
    if is_hex(tag) && rest.len() > 8 {
        return Some(Framework::Beaker);
    }
    // At least a tag of 64 bytes and `{}`.
    (value.len() >= 88 && is_url(value.trim_end_matches('='))).then_some(Framework::Pyramid)
}

fn is_url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}
