//! The way back after a sign-in.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest path that is kept, in bytes.
const LONGEST: usize = 2048;

/// A path of this application to which a sign-in page returns: its parameter `next`.
///
/// # Security
/// A sign-in page that redirects to any address in its URL sends users to an attacker's site, with
/// the trust that they have in yours (open redirect, CWE-601). A `ReturnPath` is a path and an
/// optional query on the same origin, in every browser.
///
/// # Examples
/// ```
/// use cloakroom_session::{NotLocal, ReturnPath};
///
/// // A page that needs a sign-in: the request's own path and query.
/// let path = ReturnPath::parse("/orders?page=2")?;
/// assert_eq!(path.after("/sign-in"), "/sign-in?next=%2Forders%3Fpage%3D2");
///
/// // The sign-in page: the parameter `next`, or the start page.
/// assert_eq!(ReturnPath::parse("/orders?page=2")?.as_str(), "/orders?page=2");
/// assert_eq!(ReturnPath::parse("//evil.example"), Err(NotLocal::OtherHost));
/// assert_eq!(ReturnPath::parse("https://evil.example").unwrap_or_default().as_str(), "/");
/// # Ok::<(), NotLocal>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath(String);

/// The reason why a text isn't a path of this application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotLocal {
    /// It doesn't begin with a slash: a relative path, or an address with a scheme.
    NotAbsolute,
    /// It begins with two slashes or backslashes, which browsers read as the name of a host.
    OtherHost,
    /// It has a backslash, a space, a control character or a character beyond ASCII.
    ForbiddenCharacter,
    /// It has more than 2,048 bytes.
    TooLong,
}

impl ReturnPath {
    /// Parses a path with an optional query, as in the request line.
    ///
    /// With axum, take it from `OriginalUri`: the `Uri` in a nested router lacks the outer path.
    ///
    /// # Errors
    /// Returns the reason if a redirect to this text could leave the origin. Use the default, the
    /// start page, in that case.
    pub fn parse(text: &str) -> Result<Self, NotLocal> {
        if text.len() > LONGEST {
            return Err(NotLocal::TooLong);
        }
        // Browsers drop tabs and line breaks, and read a backslash as a slash (WHATWG URL).
        let mut seen = text.chars().filter(|character| !matches!(character, '\t' | '\n' | '\r'));
        let mut is_slash = || matches!(seen.next(), Some('/' | '\\'));
        if is_slash() && is_slash() {
            return Err(NotLocal::OtherHost);
        }
        let Some(rest) = text.strip_prefix('/') else { return Err(NotLocal::NotAbsolute) };
        if rest.bytes().any(|byte| byte == b'\\' || !byte.is_ascii_graphic()) {
            return Err(NotLocal::ForbiddenCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path and the query as owned text.
    #[cfg(feature = "dbsc")]
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Returns the path and the query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address of a sign-in page that returns here: `page?next=…`.
    ///
    /// `page` may have a query already.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::ReturnPath;
    ///
    /// assert_eq!(ReturnPath::default().after("/sign-in?lang=de"), "/sign-in?lang=de&next=%2F");
    /// ```
    #[must_use]
    pub fn after(&self, page: &str) -> String {
        let next: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        let separator = if page.contains('?') { '&' } else { '?' };
        format!("{page}{separator}next={next}")
    }
}

impl Default for ReturnPath {
    /// Returns the start page, `/`.
    fn default() -> Self {
        Self("/".to_owned())
    }
}

/// A text that [`parse`](ReturnPath::parse) refuses becomes the start page.
///
/// The parameter `next` of a sign-in page is therefore a field of this type; `default` is for
/// requests without it.
///
/// # Examples
/// ```
/// use cloakroom_session::ReturnPath;
///
/// #[derive(serde::Deserialize)]
/// struct SignIn {
///     #[serde(default)]
///     next: ReturnPath,
/// }
///
/// let next = |json: &str| serde_json::from_str(json).map(|it: SignIn| it.next.to_string());
/// assert_eq!(next(r#"{"next":"/orders"}"#)?, "/orders");
/// assert_eq!(next(r#"{"next":"//evil.example"}"#)?, "/");
/// assert_eq!(next("{}")?, "/");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for ReturnPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::parse(&text).unwrap_or_default())
    }
}

impl Serialize for ReturnPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NotLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the way back isn't a path of this application: it doesn't begin with a slash",
            Self::OtherHost => "the way back names another host",
            Self::ForbiddenCharacter => "the way back has a character that no path has in a request",
            Self::TooLong => "the way back is longer than 2,048 bytes",
        })
    }
}

impl std::error::Error for NotLocal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_same_origin_are_ways_back() {
        use NotLocal::{ForbiddenCharacter, NotAbsolute, OtherHost, TooLong};
        let long = format!("/{}", "a".repeat(LONGEST));
        for (text, refused) in [
            ("/", None),
            ("/orders", None),
            ("/orders?page=2&sort=a%2Fb", None),
            ("/a//b", None),
            ("/..//evil.example", None), // a path: browsers read the host before they resolve dots
            ("/@evil.example", None),
            ("/?next=//evil.example", None),
            ("", Some(NotAbsolute)),
            ("orders", Some(NotAbsolute)),
            ("?page=2", Some(NotAbsolute)),
            ("https://evil.example", Some(NotAbsolute)),
            ("javascript:alert(1)", Some(NotAbsolute)),
            (" /orders", Some(NotAbsolute)),
            ("\t/orders", Some(NotAbsolute)),
            ("//evil.example", Some(OtherHost)),
            ("///evil.example", Some(OtherHost)),
            ("/\\evil.example", Some(OtherHost)),
            ("\\\\evil.example", Some(OtherHost)),
            ("\\/evil.example", Some(OtherHost)),
            ("/\t/evil.example", Some(OtherHost)),
            ("/\n\r/evil.example", Some(OtherHost)),
            ("\\evil.example", Some(NotAbsolute)),
            ("/a\\b", Some(ForbiddenCharacter)),
            ("/a b", Some(ForbiddenCharacter)),
            ("/a\r\nSet-Cookie: a=b", Some(ForbiddenCharacter)),
            ("/ü", Some(ForbiddenCharacter)),
            ("/a\0", Some(ForbiddenCharacter)),
            (&long, Some(TooLong)),
            (&long[1..], Some(NotAbsolute)),
        ] {
            assert_eq!(ReturnPath::parse(text).err(), refused, "{text:?}");
        }
    }

    #[test]
    fn a_refused_text_is_read_as_the_start_page() {
        for (json, path) in [(r#""/orders?page=2""#, "/orders?page=2"), (r#""//evil.example""#, "/"), (r#""""#, "/")] {
            let read: ReturnPath = serde_json::from_str(json).unwrap();
            assert_eq!(read.as_str(), path, "{json}");
            assert_eq!(serde_json::to_string(&read).unwrap(), format!("{path:?}"), "{json}");
        }
        assert!(serde_json::from_str::<ReturnPath>("7").is_err());
    }

    #[test]
    fn a_way_back_survives_the_sign_in_page() {
        for text in ["/", "/orders?page=2&sort=a%2Fb+c", "/a'b\"c<d>&e#f"] {
            let path = ReturnPath::parse(text).unwrap();
            let address = path.after("/sign-in");
            let (_, query) = address.split_once('?').unwrap();
            let (name, value) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
            assert_eq!((name.as_ref(), ReturnPath::parse(&value)), ("next", Ok(path)), "{address}");
        }
    }
}
