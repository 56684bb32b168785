//! The session code that all examples share. It names no framework: functions that take a
//! [`Session`] work with all of them.
//!
//! Each of the other examples adds the routes, forms and errors of one framework.

use cloakroom::{ConfigError, CsrfRules, Error, MemoryStore, Session, SessionKey, StoredSessions, TokenPolicy};

const NAME: SessionKey<String> = SessionKey::new("name");

/// Keeps the sessions of the examples in memory, so that a sign-out is final.
///
/// # Errors
/// Fails if options contradict each other, which these don't.
pub fn sessions() -> Result<StoredSessions<MemoryStore>, ConfigError> {
    StoredSessions::new(MemoryStore::new()).build()
}

/// Returns the CSRF rules of the examples: every form needs its token, wherever it comes from.
///
/// `CsrfRules::default()` requires the token only if the browser doesn't send the origin.
///
/// # Errors
/// Fails if options contradict each other, which these don't.
pub fn rules() -> Result<CsrfRules, ConfigError> {
    CsrfRules::builder().token_policy(TokenPolicy::Always).build()
}

/// Renders the only page: the user, the pending flash messages, and a form to sign in or out.
///
/// # Errors
/// Fails if the session contains values of other types under these names.
pub fn page(session: &Session) -> Result<String, Error> {
    let messages = session.pop_flash::<String>().join(" ");
    // The token is the first field of its form: some servers search only the beginning of a body.
    let token = format!("<input type=\"hidden\" name=\"csrf_token\" value=\"{}\">", session.masked_csrf_token()?);
    let (words, form) = match session.get(NAME)? {
        Some(name) => (
            format!("Hello, {name}."),
            format!("<form method=\"post\" action=\"/sign-out\">{token}<button>Sign out</button></form>"),
        ),
        None => (
            "Nobody is signed in.".to_owned(),
            format!(
                "<form method=\"post\" action=\"/sign-in\">{token}<input name=\"name\"><button>Sign in</button></form>"
            ),
        ),
    };
    Ok(format!("<!doctype html><title>Visit</title><p>{messages}</p><p>{words}</p>{form}\n"))
}

/// Signs in under any name: the examples show sessions, not passwords.
///
/// # Errors
/// No name causes an error.
pub fn sign_in(session: &Session, name: &str) -> Result<(), Error> {
    // Letters and digits need no escaping in a page.
    let name: String = name.chars().filter(|letter| letter.is_alphanumeric()).take(40).collect();
    // The id and the CSRF token change, so that those known before the sign-in become useless.
    session.sign_in(&name);
    session.flash(format!("Welcome, {name}."));
    session.insert(NAME, name)
}

/// Ends the session. Nothing is written afterwards, so the cookie is removed.
pub fn sign_out(session: &Session) {
    session.invalidate();
}

/// Changes the session in a handler that fails afterwards.
pub fn before_failing(session: &Session) {
    session.flash("Something broke.");
}

/// The page that doesn't use the session.
pub const ABOUT: &str = "Cloakroom: leave your things, keep the ticket.\n";
