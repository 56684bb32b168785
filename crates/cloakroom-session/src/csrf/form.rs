//! Searching a form's body for the token.

use std::borrow::Cow;

use cloakroom_core::Refusal;

use super::multipart::{Field, find_field, parameter};

/// The encoding of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormKind {
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data`, and its boundary.
    Multipart(String),
}

impl FormKind {
    /// Returns the encoding that a `Content-Type` names, or `None` if it isn't a form.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Some(Self::Urlencoded);
        }
        if !essence.eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        parameter(content_type, "boundary").filter(|it| !it.is_empty()).map(|it| Self::Multipart(it.into_owned()))
    }
}

/// The part of a body that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all of it or a part")]
pub enum BodyExtent {
    /// The whole body.
    Complete,
    /// The body up to the limit.
    Truncated,
}

/// Returns the value of the first form field called `field`.
///
/// A file of that name is ignored. The body is read once, and only the value is copied.
///
/// # Errors
/// Returns [`Refusal::BodyTooLarge`] if the body is truncated and doesn't contain the field, and
/// [`Refusal::BodyUnreadable`] if it isn't a form.
pub fn find_token<'a>(
    kind: &FormKind,
    body: &'a [u8],
    field: &str,
    extent: BodyExtent,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    let found = match kind {
        FormKind::Urlencoded => in_pairs(body, field, extent),
        FormKind::Multipart(boundary) => match find_field(body, boundary, field) {
            // A value that isn't text matches no token, but it isn't absent either.
            Field::Found(value) => Some(std::str::from_utf8(value).unwrap_or("not text").into()),
            // A truncated form looks broken, which isn't the client's fault.
            Field::Broken if extent == BodyExtent::Complete => return Err(Refusal::BodyUnreadable),
            Field::Broken | Field::Absent => None,
        },
    };
    match (found, extent) {
        (None, BodyExtent::Truncated) => Err(Refusal::BodyTooLarge),
        (found, _) => Ok(found),
    }
}

fn in_pairs<'a>(body: &'a [u8], field: &str, extent: BodyExtent) -> Option<Cow<'a, str>> {
    let complete = match extent {
        BodyExtent::Complete => body,
        // The last pair may be cut off.
        BodyExtent::Truncated => body.rsplitn(2, |byte| *byte == b'&').nth(1).unwrap_or_default(),
    };
    form_urlencoded::parse(complete).find(|(name, _)| name == field).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: &str = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"csrf_token\"\r\n\r\nraw\r\n\
        --X\r\nContent-Disposition: form-data; name=\"csrf_token\"; filename=\"t.txt\"\r\n\r\nfrom a file\r\n\
        --X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\ntoken\r\n--X--\r\n";

    fn find(content_type: &str, body: &str, extent: BodyExtent) -> Result<Option<String>, Refusal> {
        let kind = FormKind::of(content_type).expect("a form");
        find_token(&kind, body.as_bytes(), "csrf_token", extent).map(|found| found.map(Cow::into_owned))
    }

    #[test]
    fn the_token_is_found_where_it_counts() {
        use BodyExtent::{Complete, Truncated};
        let pairs = "application/x-www-form-urlencoded; charset=utf-8";
        let parts = "multipart/form-data; boundary=X";
        let token = |text: &str| Ok(Some(text.to_owned()));
        let cut = PARTS.len() - 12;
        let part = |head: &str| format!("--X\r\n{head}\r\n\r\nt\r\n--X--\r\n");
        for (name, kind, body, extent, expected) in [
            ("a pair", pairs, "a=1&csrf_token=t%20k&b=2", Complete, token("t k")),
            ("the first of two", pairs, "csrf_token=1&csrf_token=2", Complete, token("1")),
            ("none", pairs, "a=csrf_token", Complete, Ok(None)),
            ("an empty body", pairs, "", Complete, Ok(None)),
            ("before the cut", pairs, "csrf_token=1&a=2", Truncated, token("1")),
            ("cut within it", pairs, "a=2&csrf_token=1", Truncated, Err(Refusal::BodyTooLarge)),
            ("a part, and files of its name", parts, PARTS, Complete, token("token")),
            ("a part before the cut", parts, &PARTS[..cut + 10], Truncated, token("token")),
            ("a part that is cut", parts, &PARTS[..cut], Truncated, Err(Refusal::BodyTooLarge)),
            ("a body that breaks off", parts, &PARTS[..cut], Complete, Err(Refusal::BodyUnreadable)),
            ("no parts at all", parts, "garbage", Complete, Err(Refusal::BodyUnreadable)),
            ("no field of that name", parts, &part("Content-Disposition: form-data; name=\"a\""), Complete, Ok(None)),
            (
                "a name without quotes",
                parts,
                &part("content-disposition:form-data;name=csrf_token"),
                Complete,
                token("t"),
            ),
            (
                "a header before it",
                parts,
                &part("Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"csrf_token\""),
                Complete,
                token("t"),
            ),
            (
                "a file whose name is spelled otherwise",
                parts,
                &part("Content-Disposition: form-data; name=\"csrf_token\"; filename*=utf-8''t"),
                Complete,
                Ok(None),
            ),
            (
                "a name within another parameter",
                parts,
                &part("Content-Disposition: form-data; x=\"; name=csrf_token\"; name=\"a\""),
                Complete,
                Ok(None),
            ),
            ("no headers", parts, "--X\r\n\r\nt\r\n--X--\r\n", Complete, Ok(None)),
            ("an empty form", parts, "--X--\r\n", Complete, Ok(None)),
            ("a preamble", parts, &format!("hello\r\n{PARTS}"), Complete, token("token")),
            ("spaces behind a boundary", parts, &PARTS.replacen("--X\r\n", "--X \t\r\n", 1), Complete, token("token")),
            (
                "a line that begins as a boundary does",
                parts,
                "--X\r\nContent-Disposition: form-data; name=csrf_token\r\n\r\na\r\n--XY\r\nb\r\n--X--\r\n",
                Complete,
                token("a\r\n--XY\r\nb"),
            ),
        ] {
            assert_eq!(find(kind, body, extent), expected, "{name}");
        }
    }

    #[test]
    fn only_forms_are_forms() {
        for (content_type, is_form) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded;charset=x", true),
            ("multipart/form-data; boundary=\"a b\"", true),
            ("Multipart/Form-Data; charset=utf-8; Boundary=X", true),
            ("multipart/form-data", false),
            ("multipart/form-data; boundary=", false),
            ("multipart/form-data; boundary=\"\"", false),
            ("multipart/form-data; boundary=\"a", false),
            ("multipart/form-data; x=\"boundary=a\"", false),
            ("multipart/mixed; boundary=X", false),
            ("application/json", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(FormKind::of(content_type).is_some(), is_form, "{content_type:?}");
        }
    }
}
