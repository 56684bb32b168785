//! The keys that Express' middleware uses in a session's object.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use crate::csrf::Plain;
use crate::flash_object::{COMPACT, FlashObject, Holds};
use crate::layout::{Layout, Queue, Spelling};

const FLASH: &str = "flash";

const MESSAGES: FlashObject = FlashObject { default: "info", holds: Holds::Several };

/// Keys of `connect-flash` and `csrf-sync`, and those that the session middleware keeps for itself.
#[derive(Debug)]
pub(crate) struct ExpressKeys {
    pub(crate) framework: &'static str,
    pub(crate) hidden: &'static [&'static str],
}

impl Layout for ExpressKeys {
    fn framework(&self) -> &'static str {
        self.framework
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    fn csrf_key(&self) -> Option<&'static str> {
        Some("csrfToken")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(&Plain)
    }

    fn is_hidden(&self, key: &str) -> bool {
        self.hidden.contains(&key)
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
