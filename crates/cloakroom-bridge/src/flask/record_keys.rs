//! The keys of a record of Flask-Session: those of Flask, without its tags.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use super::keys::{DEFAULT_CATEGORY, FLASHES, PERMANENT, untagged};
use crate::flash_object::COMPACT;
use crate::layout::{Layout, Queue, Spelling, quoted};
use crate::msgpack;

#[derive(Debug)]
pub(crate) struct RecordKeys;

impl Layout for RecordKeys {
    fn framework(&self) -> &'static str {
        "flask-session"
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    /// The key of Flask-WTF.
    fn csrf_key(&self) -> Option<&'static str> {
        Some("csrf_token")
    }

    fn is_hidden(&self, key: &str) -> bool {
        key == PERMANENT
    }

    /// Also a record in JSON is read by `msgspec`, whose numbers have the same limits.
    fn write_value(&self, key: &str, value: &Json, _: Option<&Json>) -> Result<String, Error> {
        msgpack::check(key, value)?;
        Ok(value.as_str().to_owned())
    }

    fn flash_key(&self, _: &str) -> String {
        FLASHES.to_owned()
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        value.elements().filter(|_| key == FLASHES)?.iter().map(untagged).collect()
    }

    fn write_flashes(&self, key: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        let mut tuples = Vec::new();
        for (queue, bodies) in queues {
            let category = match *queue {
                "" => DEFAULT_CATEGORY,
                // It would be read back as the default queue.
                DEFAULT_CATEGORY => return Err(Error::reserved(DEFAULT_CATEGORY, self.framework())),
                queue => queue,
            };
            let quoted = quoted(category)?;
            for body in bodies {
                msgpack::check(key, body)?;
                tuples.push(format!("[{quoted},{}]", body.as_str()));
            }
        }
        Ok(self.spelling().array(tuples.iter().map(String::as_str)))
    }
}
