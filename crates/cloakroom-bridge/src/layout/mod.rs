//! The meaning of the members of a framework's session object: values, flash messages, the CSRF
//! token, and the framework's own data.
//!
//! A session is read from an object, and the record keeps the original object ([`FrameworkData`]).
//! Writing starts from that object: unchanged members are written byte for byte, in their old
//! positions.
//!
//! A member called `_cloakroom` holds data that the framework has no place for. The framework
//! leaves it alone, like every key that it doesn't know.

mod read;

mod write;

use std::fmt;

use cloakroom_session::factory::{CsrfScheme, Json};
use cloakroom_session::{CsrfToken, Error};

use crate::extras::EXTRAS_KEY;

pub(crate) use crate::spelling::{Spelling, quoted};
pub(crate) use read::{Times, read};
pub(crate) use write::write;

/// The messages of one queue, oldest first.
pub(crate) type Queue<'a> = (&'a str, Vec<&'a Json>);

/// The layout of a framework's session object.
pub(crate) trait Layout: fmt::Debug + Sync {
    fn framework(&self) -> &'static str;

    fn spelling(&self) -> Spelling;

    /// Returns the key of the CSRF token if it is a string in the framework's session.
    ///
    /// Otherwise the token is kept in `_cloakroom`.
    fn csrf_key(&self) -> Option<&'static str> {
        None
    }

    /// Returns the framework's encoding of CSRF tokens, if it differs from Cloakroom's.
    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    /// Returns true if the framework keeps its own data under this key, which handlers should not
    /// see.
    fn is_hidden(&self, _key: &str) -> bool {
        false
    }

    /// Returns the value that handlers see for a member of the framework's object.
    fn read_value(&self, value: &Json) -> Json {
        value.clone()
    }

    /// Returns the text of a handler's value. `was` is the member that the key had before.
    ///
    /// # Errors
    /// Fails if the framework can't hold the value. The error names `key`.
    fn write_value(&self, _key: &str, value: &Json, _was: Option<&Json>) -> Result<String, Error> {
        Ok(value.as_str().to_owned())
    }

    /// Returns the key that holds the messages of this queue.
    fn flash_key(&self, queue: &str) -> String;

    /// Returns the messages under a key with their queues.
    ///
    /// `None` if the key doesn't hold messages or the value has another form; then it is an
    /// ordinary value.
    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>>;

    /// Returns the value for a key that holds these queues, none of them empty.
    ///
    /// `was` is the previous value.
    fn write_flashes(&self, key: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error>;
}

/// The meaning of a member.
enum Role {
    Value,
    Csrf(CsrfToken),
    Flashes(Vec<(String, Json)>),
    Extras,
    Hidden,
}

fn role(layout: &dyn Layout, key: &str, value: &Json) -> Role {
    if key == EXTRAS_KEY {
        return Role::Extras;
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

/// Returns a key, unless it can't be represented here: a lone surrogate can't.
fn name(spelled: &Json) -> Option<String> {
    spelled.decode("key").ok()
}
