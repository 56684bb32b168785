//! The token of a visitor without a session: its cookie has it instead of an id.

use cloakroom_session::factory::{CookieTemplate, Record, SetCookie};
use cloakroom_session::{CsrfToken, Error};

/// Returns the cookie with the token of this record. Browsers keep it until they are closed.
pub(super) fn cookie(cookie: &CookieTemplate, record: &Record) -> Result<Vec<SetCookie>, Error> {
    let value = record.csrf().map(CsrfToken::to_cookie);
    Ok(value.map(|value| cookie.set_all(&value, None)).transpose()?.unwrap_or_default())
}
