//! The headers of both directions, and the JSON answer.

use serde_json::json;

use super::challenge::{BindingId, Challenge};
use super::key::OFFERED;
use crate::cookie::CookieTemplate;
use crate::csrf::HeaderFact;

/// The longest header that is read, in bytes.
const LONGEST: usize = 4096 + 2;

/// Returns the value of `Secure-Session-Registration`, which offers a registration at `path`.
///
/// The algorithms are ES256, and RS256 after it with the feature `dbsc-rs256`.
///
/// # Examples
/// ```
/// use cloakroom_core::Timestamp;
/// use cloakroom_core::dbsc::{Binding, registration_header};
///
/// let offer = Binding::offer(&[7; 40], Timestamp::from_unix_secs(1_700_000_000));
/// let header = registration_header("/dbsc/register", offer.challenge());
/// let offered = if cfg!(feature = "dbsc-rs256") { "(ES256 RS256)" } else { "(ES256)" };
/// let rest = r#";path="/dbsc/register";challenge="BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH""#;
/// assert_eq!(header, format!("{offered}{rest}"));
/// ```
#[must_use]
pub fn registration_header(path: &str, challenge: Challenge) -> String {
    format!("{OFFERED};path={};challenge={}", quoted(path), quoted(&challenge.expose()))
}

/// Returns the value of `Secure-Session-Challenge`: the challenge that the device signs next.
///
/// Without the identifier, Chromium ends its session.
#[must_use]
pub fn challenge_header(challenge: Challenge, id: BindingId) -> String {
    format!("{};id={}", quoted(&challenge.expose()), quoted(&id.to_string()))
}

/// Returns the first reason in `Secure-Session-Skipped`, a hint of the browser that it couldn't
/// refresh.
///
/// # Security
/// Any client can send it. It is for metrics only.
///
/// # Examples
/// ```
/// use cloakroom_core::dbsc::skipped_reason;
///
/// assert_eq!(skipped_reason(r#"quota_exceeded;session_identifier="abc""#), Some("quota_exceeded"));
/// assert_eq!(skipped_reason("anything else"), None);
/// ```
#[must_use]
pub fn skipped_reason(header: &str) -> Option<&'static str> {
    let reason = header.split([';', ',']).next().unwrap_or_default().trim();
    ["quota_exceeded", "server_error", "unreachable"].into_iter().find(|known| *known == reason)
}

/// Returns the text of a header that is a string of structured fields (RFC 9651 §3.3.3), or the
/// same without quotation marks, as Chromium sends it.
pub(super) fn text(header: HeaderFact<'_>) -> Option<String> {
    let HeaderFact::Value(value) = header else { return None };
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() || value.len() > LONGEST {
        return None;
    }
    let Some(inner) = value.strip_prefix('"') else {
        // A token, a proof or an identifier: base64url and periods.
        let is_bare = value.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        return is_bare.then(|| value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let (mut text, mut escaped) = (String::with_capacity(inner.len()), false);
    for it in inner.chars() {
        match it {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return None,
            ' '..='~' if !escaped || it == '"' || it == '\\' => {
                text.push(it);
                escaped = false;
            }
            _ => return None,
        }
    }
    (!escaped).then_some(text)
}

/// Writes a string of structured fields.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for it in text.chars() {
        if matches!(it, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(it);
    }
    quoted.push('"');
    quoted
}

/// The JSON answer to a registration or a refresh.
///
/// # Examples
/// ```
/// use cloakroom_core::{CookieConfig, Timestamp};
/// use cloakroom_core::dbsc::{Binding, BindingAnswer};
///
/// let cookie = CookieConfig::default().name("__Host-bound").build()?;
/// let offer = Binding::offer(&[7; 40], Timestamp::from_unix_secs(1_700_000_000));
/// let answer = BindingAnswer::new("https://shop.example", "/dbsc/refresh", &cookie).json(offer.id());
/// assert!(answer.contains(r#""attributes":"Path=/; Secure; HttpOnly; SameSite=Lax""#));
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BindingAnswer<'a> {
    origin: &'a str,
    refresh_path: &'a str,
    cookie: &'a CookieTemplate,
    include_site: bool,
}

impl<'a> BindingAnswer<'a> {
    /// Creates the answer for an origin, the path of the refresh endpoint and the bound cookie.
    ///
    /// The cookie's name must not begin with `__Host-Http-`: Chromium 156 accepts the cookie, and
    /// refuses the registration without a word.
    #[must_use]
    pub const fn new(origin: &'a str, refresh_path: &'a str, cookie: &'a CookieTemplate) -> Self {
        Self { origin, refresh_path, cookie, include_site: false }
    }

    /// Includes the whole site: all subdomains need the bound cookie. The cookie needs a `Domain`.
    #[must_use]
    pub const fn include_site(mut self, include: bool) -> Self {
        self.include_site = include;
        self
    }

    /// Returns the JSON for a binding.
    ///
    /// The attributes are those of the cookie. If they differed, a browser would refresh with every
    /// request.
    #[must_use]
    pub fn json(&self, id: BindingId) -> String {
        let cookie = json!({
            "type": "cookie",
            "name": self.cookie.name(),
            "attributes": self.cookie.attributes(),
        });
        let scope = json!({
            "origin": self.origin,
            "include_site": self.include_site,
            "scope_specification": [],
        });
        let answer = json!({
            "session_identifier": id.to_string(),
            "refresh_url": self.refresh_path,
            "scope": scope,
            "credentials": [cookie],
        });
        answer.to_string()
    }

    /// Returns the JSON that ends the browser's session: the binding `id` no longer exists.
    #[must_use]
    pub fn ended(id: &str) -> String {
        json!({ "session_identifier": id, "continue": false }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_with_and_without_quotation_marks() {
        let long = "a".repeat(LONGEST + 1);
        for (header, expected) in [
            ("abc", Some("abc")),
            ("  abc\t", Some("abc")),
            ("eyJ.eyJ.c-_1", Some("eyJ.eyJ.c-_1")),
            ("\"abc\"", Some("abc")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            ("\"a b;c\"", Some("a b;c")),
            ("\"\"", Some("")),
            ("", None),
            ("a b", None),
            ("a;b", None),
            ("a,b", None),
            ("\"abc", None),
            ("abc\"", None),
            ("\"a\"b\"", None),
            (r#""a\b""#, None),
            (r#""a\""#, None),
            ("\"a\u{7f}\"", None),
            (&long, None),
        ] {
            assert_eq!(text(HeaderFact::Value(header)).as_deref(), expected, "{header}");
        }
        assert_eq!((text(HeaderFact::Absent), text(HeaderFact::Malformed)), (None, None));
    }

    #[test]
    fn strings_are_written_as_they_are_read() {
        for it in ["", "/dbsc", r#"a"b\c"#] {
            let written = quoted(it);
            assert_eq!(text(HeaderFact::Value(&written)).as_deref(), Some(it));
        }
    }
}
