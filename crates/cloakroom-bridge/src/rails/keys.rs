//! The keys that Rails uses in a session's object.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use super::csrf::RailsCsrf;
use crate::flash_object::{COMPACT, FlashObject, Holds};
use crate::layout::{Layout, Queue, Spelling};

/// The session's id. It has no function, since the session is in the cookie, but Rails requires it.
pub(crate) const SESSION_ID: &str = "session_id";

const FLASH: &str = "flash";

const MESSAGES: FlashObject = FlashObject { default: "notice", holds: Holds::One };

#[derive(Debug)]
pub(crate) struct RailsKeys;

impl Layout for RailsKeys {
    fn framework(&self) -> &'static str {
        "rails"
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    fn csrf_key(&self) -> Option<&'static str> {
        Some("_csrf_token")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(&RailsCsrf)
    }

    fn is_hidden(&self, key: &str) -> bool {
        key == SESSION_ID
    }

    fn flash_key(&self, _: &str) -> String {
        FLASH.to_owned()
    }

    /// `{"discard":[…],"flashes":{…}}`: messages listed in `discard` have already been shown.
    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        if key != FLASH {
            return None;
        }
        let member = |name: &str| {
            let spelled = |key: &Json| key.decode::<String>(FLASH).is_ok_and(|key| key == name);
            value.members()?.into_iter().find(|(key, _)| spelled(key)).map(|(_, value)| value)
        };
        let shown: Vec<String> = member("discard").and_then(|it| it.decode(FLASH).ok()).unwrap_or_default();
        let mut waiting = MESSAGES.read(&member("flashes")?)?;
        waiting
            .retain(|(queue, _)| !shown.iter().any(|it| it == queue || (queue.is_empty() && it == MESSAGES.default)));
        Some(waiting)
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        Ok(format!("{{\"discard\":[],\"flashes\":{}}}", MESSAGES.write(self.spelling(), queues)?))
    }
}
