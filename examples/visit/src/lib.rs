//! What all examples do with a session. No framework is named here: functions that take a
//! [`Session`] are the same under each.
//!
//! The examples beside this crate bring these to the web, one for each framework: their routes,
//! their forms, their errors.

use cloakroom::{ConfigError, CsrfRules, Error, MemoryStore, Session, SessionKey, StoredSessions, TokenPolicy};

const NAME: SessionKey<String> = SessionKey::new("name");

/// Where the examples keep their sessions: in memory, so that what is ended has ended.
///
/// # Errors
/// When the options contradict each other; these don't.
pub fn sessions() -> Result<StoredSessions<MemoryStore>, ConfigError> {
    StoredSessions::new(MemoryStore::new()).build()
}

/// The CSRF rules of the examples: every form needs its token, wherever it comes from.
///
/// `CsrfRules::default()` asks for it only where the browser doesn't say where a form comes from.
///
/// # Errors
/// When the options contradict each other; these don't.
pub fn rules() -> Result<CsrfRules, ConfigError> {
    CsrfRules::builder().token_policy(TokenPolicy::Always).build()
}

/// The one page: who is signed in, the messages that wait to be shown, and a form to sign in or
/// out.
///
/// # Errors
/// When the session holds something else under these names.
pub fn page(session: &Session) -> Result<String, Error> {
    let messages = session.pop_flash::<String>().join(" ");
    // The token stands first in its form: some servers search only the beginning of a body.
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

/// Signs in whoever gives a name: these are examples of sessions, not of passwords.
///
/// # Errors
/// None that a name can cause.
pub fn sign_in(session: &Session, name: &str) -> Result<(), Error> {
    // Letters and digits need no escaping in a page.
    let name: String = name.chars().filter(|letter| letter.is_alphanumeric()).take(40).collect();
    // With an owner come a new id and a new CSRF token: whoever knew the old ones knows nothing
    // now.
    session.set_owner(&name);
    session.flash(format!("Welcome, {name}."));
    session.insert(NAME, name)
}

/// Ends the session. Nothing is written afterwards, so its cookie is removed.
pub fn sign_out(session: &Session) {
    session.invalidate();
}

/// Changes the session in a handler that fails afterwards.
pub fn before_failing(session: &Session) {
    session.flash("Something broke.");
}

/// The page that has no use for a session.
pub const ABOUT: &str = "Cloakroom: leave your things, keep the ticket.\n";
