//! The token of a visitor without a session: its cookie has it instead of an id.

use cloakroom_session::factory::{CookieTemplate, Record, SessionId, SetCookie};
use cloakroom_session::{CsrfToken, Error};

/// The beginning of the cookie's value. No id has a period.
const PREFIX: &str = "form.";

/// Returns the token in a cookie's value.
pub(super) fn parse(value: &str) -> Option<CsrfToken> {
    let text = value.strip_prefix(PREFIX)?;
    // A token has the form of an id: 32 random bytes.
    SessionId::parse(text)?;
    CsrfToken::from_text(text)
}

/// Returns `true` if no sibling domain can plant the cookie, and with it a token that it knows.
pub(super) fn is_safe_in(cookie: &CookieTemplate) -> bool {
    cookie.name().starts_with("__Host-")
}

/// Returns the cookie with the token of this record. Browsers keep it until they are closed.
pub(super) fn cookie(cookie: &CookieTemplate, record: &Record) -> Result<Vec<SetCookie>, Error> {
    let value = record.csrf().map(|token| format!("{PREFIX}{}", token.expose()));
    Ok(value.map(|value| cookie.set_all(&value, None)).transpose()?.unwrap_or_default())
}
