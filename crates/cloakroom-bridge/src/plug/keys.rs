//! The keys that Plug and Phoenix use in a session's object.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use super::csrf::PlugCsrf;
use crate::flash_object::{COMPACT, FlashObject, Holds};
use crate::layout::{Layout, Queue, Spelling};

const FLASH: &str = "phoenix_flash";

const MESSAGES: FlashObject = FlashObject { default: "info", holds: Holds::One };

#[derive(Debug)]
pub(crate) struct PlugKeys;

impl Layout for PlugKeys {
    fn framework(&self) -> &'static str {
        "plug"
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    fn csrf_key(&self) -> Option<&'static str> {
        Some("_csrf_token")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(&PlugCsrf)
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
