//! Sessions of programs, which send their id in a header instead of a cookie.

use cloakroom_core::{ConfigError, CookieHeader};

use crate::adapter::RequestHead;

/// The word that programs send instead of an id as long as they have none.
const NEW: &[u8] = b"new";

/// A header in which programs send the id of their session, next to browsers with their cookie.
///
/// Programs and mobile applications don't keep cookies. They send the value of the session cookie
/// in a request header, and receive a new value in a response header:
///
/// | request | session | the new value is in |
/// |---|---|---|
/// | without the header | that of the cookie | `Set-Cookie` |
/// | the header with `new` | a new one | the response header |
/// | the header with a value | that of the value; a new one if it opens none | the response header |
/// | the header twice | a new one | the response header |
///
/// An empty response header means that the session has ended.
///
/// # Security
/// - If a request has the header, its cookies aren't read, whatever they contain. A page of another
///   site can't set the header, so the CSRF check doesn't apply to these requests.
/// - A browser never receives an id in a response header, unless a script of a page asked for a new
///   session with the header. `HttpOnly` cookies stay out of reach of scripts.
/// - Responses vary by the header, and those with an id are `no-store`.
/// - The name must not be one that browsers send by themselves, or that a page may set for another
///   site: it contains `session` or `token`.
///
/// # Examples
/// ```
/// use cloakroom_session::{CookieSessions, Engine, Key, SessionHeader};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let engine = Engine::new(CookieSessions::encrypted(key).build()?).header(SessionHeader::bearer());
/// assert_eq!(SessionHeader::named("x-session-id")?.response_name(), "x-session-id");
/// assert_eq!(SessionHeader::named("x-request-id").unwrap_err().option(), "header");
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHeader {
    request: Place,
    response: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bearer,
    Named(&'static str),
}

impl SessionHeader {
    /// Reads ids from `Authorization: Bearer`, and sends new ones in `Session-Id`.
    ///
    /// Another scheme of `Authorization` doesn't count. If programs send bearer tokens of another
    /// kind to the same application, use [`named`](Self::named).
    #[must_use]
    pub const fn bearer() -> Self {
        Self { request: Place::Bearer, response: "session-id" }
    }

    /// Reads ids from a header of this name, and sends new ones in a header of the same name.
    ///
    /// # Errors
    /// Returns an error for a name that isn't in lower case, that contains neither `session` nor
    /// `token`, or that has another meaning.
    pub fn named(name: &'static str) -> Result<Self, ConfigError> {
        check(name)?;
        Ok(Self { request: Place::Named(name), response: name })
    }

    /// Sends new ids in a header of this name.
    ///
    /// # Errors
    /// Returns the errors of [`named`](Self::named).
    pub fn answer_in(self, name: &'static str) -> Result<Self, ConfigError> {
        check(name)?;
        Ok(Self { response: name, ..self })
    }

    /// Returns the name of the request header, in lower case.
    #[must_use]
    pub const fn request_name(&self) -> &'static str {
        match self.request {
            Place::Bearer => "authorization",
            Place::Named(name) => name,
        }
    }

    /// Returns the name of the response header, in lower case.
    #[must_use]
    pub const fn response_name(&self) -> &'static str {
        self.response
    }

    /// Returns the value of a line of the header, or `None` if the line has another purpose.
    fn value<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        match self.request {
            Place::Named(_) => Some(line.trim_ascii()),
            Place::Bearer => {
                let (scheme, value) = line.split_at_checked(BEARER.len())?;
                let is_separate = value.first().is_none_or(u8::is_ascii_whitespace);
                (scheme.eq_ignore_ascii_case(BEARER) && is_separate).then(|| value.trim_ascii())
            }
        }
    }

    /// Returns `true` if a request has the header.
    pub(crate) fn is_in(&self, head: &impl RequestHead) -> bool {
        head.lines(self.request_name()).any(|line| self.value(line).is_some())
    }

    /// Returns the value of the header in the form of cookies, or `None` if the request has none.
    pub(crate) fn credentials<'a>(&self, head: &'a impl RequestHead) -> Option<CookieHeader<'a>> {
        let mut values = head.lines(self.request_name()).filter_map(|line| self.value(line));
        let first = values.next()?;
        if values.next().is_some() {
            tracing::info!(header = self.request_name(), "a request names several sessions: it gets a new one");
            return Some(CookieHeader::default());
        }
        Some(if first.is_empty() || first == NEW { CookieHeader::default() } else { CookieHeader::bare(first) })
    }
}

const BEARER: &[u8] = b"bearer";

fn check(name: &str) -> Result<(), ConfigError> {
    let is_token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let is_ours = name.contains("session") || name.contains("token");
    // Browsers send these by themselves.
    let is_theirs = name.starts_with("sec-") || name.starts_with("secure-") || name.starts_with("proxy-");
    if name.bytes().all(is_token) && is_ours && !is_theirs && !name.contains("csrf") && !name.contains("xsrf") {
        return Ok(());
    }
    Err(ConfigError::new(
        "header",
        format!(
            "{name:?} can't carry ids: a name is in lower case, contains `session` or `token`, and isn't a header that browsers \
             send by themselves or that carries a CSRF token"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::SessionHeader;
    use crate::adapter::Lines;

    #[test]
    fn a_request_names_one_session_or_gets_a_new_one() {
        type Head = Vec<(&'static str, &'static [u8])>;
        let (bearer, named) = (SessionHeader::bearer(), SessionHeader::named("x-session").unwrap());
        // `None`: the cookies count. An empty list: a new session.
        let rows: [(&str, SessionHeader, Head, Option<&[&str]>); 13] = [
            ("no header", bearer, vec![("cookie", b"session=1")], None),
            ("a bearer", bearer, vec![("authorization", b"Bearer abc"), ("cookie", b"session=1")], Some(&["abc"])),
            ("in any case", bearer, vec![("authorization", b"bearer  abc ")], Some(&["abc"])),
            ("another scheme", bearer, vec![("authorization", b"Basic abc")], None),
            ("a longer scheme", bearer, vec![("authorization", b"BearerToken abc")], None),
            ("a bearer without an id", bearer, vec![("authorization", b"Bearer")], Some(&[])),
            ("a new session", bearer, vec![("authorization", b"Bearer new")], Some(&[])),
            ("two bearers", bearer, vec![("authorization", b"Bearer a"), ("authorization", b"Bearer b")], Some(&[])),
            ("a header of choice", named, vec![("x-session", b"abc"), ("cookie", b"session=1")], Some(&["abc"])),
            ("a new one", named, vec![("x-session", b"new")], Some(&[])),
            ("an empty one", named, vec![("x-session", b"")], Some(&[])),
            ("not UTF-8", named, vec![("x-session", b"\xff")], Some(&[""])),
            ("authorization, if another header was chosen", named, vec![("authorization", b"Bearer abc")], None),
        ];
        for (row, header, lines, expected) in rows {
            let head = Lines(lines);
            let found = header.credentials(&head);
            let values = found.as_ref().map(|found| found.last_first("session").collect::<Vec<_>>());
            assert_eq!(values.as_deref(), expected, "{row}");
        }
    }

    #[test]
    fn names_of_headers_are_checked() {
        for right in ["x-session", "session-id", "shop-token", "x_session"] {
            assert!(SessionHeader::named(right).is_ok(), "{right}");
            assert!(SessionHeader::bearer().answer_in(right).is_ok(), "{right}");
        }
        let wrong = ["", "cookie", "X-Session", "x-session:", "accept", "x-requested-with", "x-forwarded-for"];
        let theirs = ["sec-session-id", "secure-session-response", "x-csrf-token", "x-xsrf-token", "set-cookie"];
        for wrong in wrong.into_iter().chain(theirs) {
            assert_eq!(SessionHeader::named(wrong).map_err(|error| error.option()), Err("header"), "{wrong}");
            assert!(SessionHeader::bearer().answer_in(wrong).is_err(), "{wrong}");
        }
    }
}
