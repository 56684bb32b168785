//! The outer form of a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::framework::Framework;
use super::seal::{Seal, is_hex, seal};

/// Returns the framework whose cookies have this form.
pub(super) fn shape(value: &str) -> Option<Framework> {
    match seal(value) {
        Some(Seal::RailsEncrypted | Seal::RailsSigned) => return Some(Framework::Rails),
        Some(Seal::PlugSigned | Seal::PlugEncrypted | Seal::PlugBefore2) => return Some(Framework::Plug),
        Some(Seal::DjangoSha1) => return Some(Framework::Django),
        None => {}
    }
    let signed_id = value.strip_prefix("s%3A").or_else(|| value.strip_prefix("s:"));
    if signed_id.is_some_and(|id| id.contains('.')) {
        return Some(Framework::ExpressSession);
    }
    // Flask's cookies are base64url, and its JSON has no space after a colon.
    if let [payload, time, signature] = value.split('.').collect::<Vec<_>>().as_slice()
        && is_url(time)
        && signature.len() == 27
        && STANDARD.decode(payload).is_ok_and(|text| text.starts_with(b"{") && text.contains(&b' '))
    {
        return Some(Framework::Starlette);
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
