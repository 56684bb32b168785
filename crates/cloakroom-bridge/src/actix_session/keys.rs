//! The keys of a session: values, and flash messages of this side.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use crate::flash_object::{COMPACT, FlashObject, Holds};
use crate::layout::{Layout, Queue, Spelling};

/// Flash messages of this side: actix-session has none.
const FLASH: &str = "_cloakroom.flash";

const MESSAGES: FlashObject = FlashObject { default: "", holds: Holds::Several };

/// The layout of the sessions.
#[derive(Debug)]
pub(crate) struct ActixKeys;

impl Layout for ActixKeys {
    fn framework(&self) -> &'static str {
        "actix-session"
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    fn flash_key(&self, _: &str) -> String {
        FLASH.to_owned()
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        if key == FLASH { MESSAGES.read(value) } else { None }
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        MESSAGES.write(self.spelling(), queues)
    }
}
