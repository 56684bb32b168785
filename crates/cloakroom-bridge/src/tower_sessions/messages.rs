//! The messages of `axum-messages` 0.8: `{"pending_messages":[…],"messages":[…]}`.
//!
//! A message is `{"l":level,"m":text,"d":metadata}`. The next request shows the pending ones, and
//! drops the other list.
//!
//! Here a message becomes a [`Message`](cloakroom_session::Message) of that level. Its metadata may
//! name the `queue`, and keeps a `body` that isn't a message: there it is a message of the level
//! `Info`.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use crate::layout::{Queue, quoted};

const PENDING: &str = "pending_messages";
const LEVELS: [(&str, &str); 5] = [
    ("\"Debug\"", "\"debug\""),
    ("\"Info\"", "\"info\""),
    ("\"Success\"", "\"success\""),
    ("\"Warning\"", "\"warning\""),
    ("\"Error\"", "\"error\""),
];

/// Returns the pending messages with their queues, or `None` if the value has another form.
pub(crate) fn read(value: &Json) -> Option<Vec<(String, Json)>> {
    pending(value)?.iter().map(message).collect()
}

fn pending(value: &Json) -> Option<Vec<Json>> {
    member(value, PENDING)?.elements()
}

/// Returns the last member of this name.
fn member(object: &Json, name: &str) -> Option<Json> {
    let is_it = |key: &Json| key.decode::<String>(name).is_ok_and(|key| key == name);
    object.members()?.into_iter().rev().find(|(key, _)| is_it(key)).map(|(_, value)| value)
}

fn message(raw: &Json) -> Option<(String, Json)> {
    let (level, text) = (member(raw, "l")?, member(raw, "m")?);
    let metadata = member(raw, "d").unwrap_or_else(|| raw.clone());
    let queue = member(&metadata, "queue").and_then(|queue| queue.decode::<String>("queue").ok()).unwrap_or_default();
    if let Some(body) = member(&metadata, "body") {
        return Some((queue, body));
    }
    let (_, level) = LEVELS.iter().find(|(name, _)| *name == level.as_str())?;
    let body = Json::from_lenient(PENDING, format!("[{level},{}]", text.as_str())).ok()?;
    Some((queue, body))
}

/// Writes the value for these queues. An existing message is written unchanged.
pub(crate) fn write(queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error> {
    let there = was.and_then(pending).unwrap_or_default();
    let mut there: Vec<(Option<(String, Json)>, Json)> = there.into_iter().map(|raw| (message(&raw), raw)).collect();
    let mut list = Vec::new();
    for (queue, bodies) in queues {
        for body in bodies {
            let is = |(read, _): &(Option<(String, Json)>, Json)| {
                read.as_ref().is_some_and(|(name, old)| name == queue && old == *body)
            };
            let raw = there.iter().position(is).map(|place| there.remove(place).1.as_str().to_owned());
            list.push(match raw {
                Some(raw) => raw,
                None => fresh(queue, body)?,
            });
        }
    }
    Ok(format!("{{\"{PENDING}\":[{}],\"messages\":[]}}", list.join(",")))
}

fn fresh(queue: &str, body: &Json) -> Result<String, Error> {
    let mut metadata = Vec::new();
    if !queue.is_empty() {
        metadata.push(format!("\"queue\":{}", quoted(queue)?));
    }
    let parts = body.elements().unwrap_or_default();
    let known = match parts.as_slice() {
        [level, text] if text.as_str().starts_with('"') => {
            LEVELS.iter().find(|(_, ours)| *ours == level.as_str()).map(|(name, _)| (*name, text.as_str().to_owned()))
        }
        _ => None,
    };
    let (level, text) = match known {
        Some(known) => known,
        None => {
            metadata.push(format!("\"body\":{}", body.as_str()));
            let is_text = body.as_str().starts_with('"');
            ("\"Info\"", if is_text { body.as_str().to_owned() } else { quoted(body.as_str())? })
        }
    };
    let metadata = if metadata.is_empty() { "null".to_owned() } else { format!("{{{}}}", metadata.join(",")) };
    Ok(format!("{{\"l\":{level},\"m\":{text},\"d\":{metadata}}}"))
}
