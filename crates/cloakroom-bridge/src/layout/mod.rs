//! Which member of a framework's session object is what: values, flash messages, the CSRF token,
//! and what is the framework's own.
//!
//! A session is read from an object, and the object is kept in the record as it was ([`Foreign`]).
//! Writing goes over it once more: what wasn't touched is written as it stood, byte for byte, in
//! its place.
//!
//! A member called `_cloakroom` holds what we keep of a session and the framework has no place for;
//! it leaves that one alone, as it does every key that it doesn't know.

mod read;
mod spelling;
mod write;

use std::fmt;

use cloakroom_session::{CsrfScheme, CsrfToken, Error, Json};

use crate::ours::OURS;

pub(crate) use read::{Times, read};
pub(crate) use spelling::{Spelling, quoted};
pub(crate) use write::write;

/// The messages of one queue, oldest first.
pub(crate) type Queue<'a> = (&'a str, Vec<&'a Json>);

/// Where a framework keeps what in its session object.
pub(crate) trait Layout: fmt::Debug + Sync {
    fn framework(&self) -> &'static str;

    fn spelling(&self) -> Spelling;

    /// The key of the CSRF token, where it is a string of the framework's session; else it is kept
    /// with what is ours.
    fn csrf_key(&self) -> Option<&'static str>;

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme>;

    /// Whether the framework keeps something of its own under this key, which handlers shouldn't
    /// see.
    fn is_hidden(&self, _key: &str) -> bool {
        false
    }

    /// The key under which messages of this queue wait.
    fn flash_key(&self, queue: &str) -> String;

    /// The messages under a key, with their queues; `None` if none belong there, or if they are of
    /// another shape: it is a value then.
    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>>;

    /// The value for a key under which these queues wait, none of them empty. `was` is what stood
    /// there.
    fn write_flashes(&self, key: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error>;
}

/// What a member is.
enum Role {
    Value,
    Csrf(CsrfToken),
    Flashes(Vec<(String, Json)>),
    Ours,
    Hidden,
}

fn role(layout: &dyn Layout, key: &str, value: &Json) -> Role {
    if key == OURS {
        return Role::Ours;
    }
    if layout.is_hidden(key) {
        return Role::Hidden;
    }
    if layout.csrf_key() == Some(key) {
        let token = value.decode::<String>(key).ok().and_then(CsrfToken::from_text);
        return token.map_or(Role::Value, Role::Csrf);
    }
    layout.read_flashes(key, value).map_or(Role::Value, Role::Flashes)
}

/// A key, if it can be one here: half of a surrogate pair can't.
fn name(spelled: &Json) -> Option<String> {
    spelled.decode("key").ok()
}
