//! The keys that extensions of tower-sessions use in a session.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use super::messages;
use crate::flash_object::COMPACT;
use crate::layout::{Layout, Queue, Spelling};
use crate::msgpack;

const MESSAGES: &str = "axum-messages.data";

/// The layout of the sessions: values, and the messages of `axum-messages`.
#[derive(Debug)]
pub(crate) struct TowerKeys;

impl Layout for TowerKeys {
    fn framework(&self) -> &'static str {
        "tower-sessions"
    }

    fn spelling(&self) -> Spelling {
        COMPACT
    }

    /// MessagePack has fewer numbers than JSON.
    fn write_value(&self, key: &str, value: &Json, _: Option<&Json>) -> Result<String, Error> {
        msgpack::check(key, value)?;
        Ok(value.as_str().to_owned())
    }

    fn flash_key(&self, _: &str) -> String {
        MESSAGES.to_owned()
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        if key == MESSAGES { messages::read(value) } else { None }
    }

    fn write_flashes(&self, key: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error> {
        for body in queues.iter().flat_map(|(_, bodies)| bodies) {
            msgpack::check(key, body)?;
        }
        messages::write(queues, was)
    }
}
