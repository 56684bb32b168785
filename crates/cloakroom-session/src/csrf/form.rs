//! Finding the token in a form's body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloakroom_core::Refusal;
use futures_core::Stream;
use multer::Multipart;

/// How a form's fields are written in its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormKind {
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data`, and its boundary.
    Multipart(String),
}

impl FormKind {
    /// The kind of form that a `Content-Type` announces; `None` if it announces none.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Some(Self::Urlencoded);
        }
        multer::parse_boundary(content_type).ok().map(Self::Multipart)
    }
}

/// How much of a body there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// All of it.
    Whole,
    /// As much of it as may be read.
    Prefix,
}

/// The value of the form field called `field`; the first one, if there are several. A file of that name doesn't count.
///
/// # Errors
/// [`Refusal::BodyTooLarge`] if only a prefix is there and the field isn't in it, [`Refusal::BodyUnreadable`] if it isn't a form.
pub async fn find_token(
    kind: &FormKind,
    body: &[Bytes],
    field: &str,
    extent: Extent,
) -> Result<Option<String>, Refusal> {
    let found = match kind {
        FormKind::Urlencoded => in_pairs(body, field, extent),
        FormKind::Multipart(boundary) => in_parts(boundary, body, field, extent).await?,
    };
    match (found, extent) {
        (None, Extent::Prefix) => Err(Refusal::BodyTooLarge),
        (found, _) => Ok(found),
    }
}

fn in_pairs(body: &[Bytes], field: &str, extent: Extent) -> Option<String> {
    let joined = body.concat();
    let complete = match extent {
        Extent::Whole => joined.as_slice(),
        // The last pair may have been cut.
        Extent::Prefix => joined.rsplitn(2, |byte| *byte == b'&').nth(1).unwrap_or_default(),
    };
    form_urlencoded::parse(complete).find(|(name, _)| name == field).map(|(_, value)| value.into_owned())
}

async fn in_parts(boundary: &str, body: &[Bytes], field: &str, extent: Extent) -> Result<Option<String>, Refusal> {
    let mut parts = Multipart::new(Chunks(body.iter().cloned()), boundary);
    loop {
        // Where a prefix ends, the parser finds the body broken: that isn't the client's fault.
        let part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Err(_) if extent == Extent::Whole => return Err(Refusal::BodyUnreadable),
            Ok(None) | Err(_) => return Ok(None),
        };
        if part.name() == Some(field) && part.file_name().is_none() {
            return match part.bytes().await {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(_) if extent == Extent::Whole => Err(Refusal::BodyUnreadable),
                Err(_) => Ok(None),
            };
        }
    }
}

struct Chunks<'a>(std::iter::Cloned<std::slice::Iter<'a, Bytes>>);

impl Stream for Chunks<'_> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: &str = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"csrf_token\"\r\n\r\nraw\r\n\
        --X\r\nContent-Disposition: form-data; name=\"csrf_token\"; filename=\"t.txt\"\r\n\r\nfrom a file\r\n\
        --X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\ntoken\r\n--X--\r\n";

    async fn find(content_type: &str, body: &str, extent: Extent) -> Result<Option<String>, Refusal> {
        let kind = FormKind::of(content_type).expect("a form");
        // In pieces of three bytes, as the network may deliver it.
        let pieces: Vec<_> = body.as_bytes().chunks(3).map(Bytes::copy_from_slice).collect();
        find_token(&kind, &pieces, "csrf_token", extent).await
    }

    #[tokio::test]
    async fn the_token_is_found_where_it_counts() {
        let pairs = "application/x-www-form-urlencoded; charset=utf-8";
        let parts = "multipart/form-data; boundary=X";
        let token = |text: &str| Ok(Some(text.to_owned()));
        let cut = PARTS.len() - 12;
        for (name, kind, body, extent, expected) in [
            ("a pair", pairs, "a=1&csrf_token=t%20k&b=2", Extent::Whole, token("t k")),
            ("the first of two", pairs, "csrf_token=1&csrf_token=2", Extent::Whole, token("1")),
            ("none", pairs, "a=csrf_token", Extent::Whole, Ok(None)),
            ("an empty body", pairs, "", Extent::Whole, Ok(None)),
            ("before the cut", pairs, "csrf_token=1&a=2", Extent::Prefix, token("1")),
            ("cut within it", pairs, "a=2&csrf_token=1", Extent::Prefix, Err(Refusal::BodyTooLarge)),
            ("a part, and files of its name", parts, PARTS, Extent::Whole, token("token")),
            ("a part before the cut", parts, &PARTS[..cut + 10], Extent::Prefix, token("token")),
            ("a part that is cut", parts, &PARTS[..cut], Extent::Prefix, Err(Refusal::BodyTooLarge)),
            ("a body that breaks off", parts, &PARTS[..cut], Extent::Whole, Err(Refusal::BodyUnreadable)),
            ("no parts at all", parts, "garbage", Extent::Whole, Err(Refusal::BodyUnreadable)),
        ] {
            assert_eq!(find(kind, body, extent).await, expected, "{name}");
        }
    }

    #[test]
    fn only_forms_are_forms() {
        for (content_type, is_form) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded;charset=x", true),
            ("multipart/form-data; boundary=\"a b\"", true),
            ("multipart/form-data", false),
            ("multipart/mixed; boundary=X", false),
            ("application/json", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(FormKind::of(content_type).is_some(), is_form, "{content_type:?}");
        }
    }
}
