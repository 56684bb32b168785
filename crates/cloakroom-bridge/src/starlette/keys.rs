//! The keys of a Starlette session.
//!
//! Starlette itself defines none. Flash messages and the token are under keys that a handler in
//! Python can use in one line.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use crate::csrf::Plain;
use crate::flash_object::{FlashObject, Holds};
use crate::layout::{Layout, Queue, Spelling};

const FLASH: &str = "_flash";

const MESSAGES: FlashObject = FlashObject { default: "message", holds: Holds::Several };

#[derive(Debug)]
pub(crate) struct StarletteKeys;

impl Layout for StarletteKeys {
    fn framework(&self) -> &'static str {
        "starlette"
    }

    /// The spaces of Python's `json.dumps`.
    fn spelling(&self) -> Spelling {
        Spelling { comma: ", ", colon: ": ", ascii: false }
    }

    fn csrf_key(&self) -> Option<&'static str> {
        Some("csrf_token")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(&Plain)
    }

    fn flash_key(&self, _: &str) -> String {
        FLASH.to_owned()
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        (key == FLASH).then(|| MESSAGES.read(value))?
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        MESSAGES.write(self.spelling(), queues)
    }
}
