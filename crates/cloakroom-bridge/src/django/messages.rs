//! Django's messages in the form of its `SessionStorage`: a JSON list inside a string.
//!
//! A message is `["__json_message", safe, level, text, tags]`; the tags are optional. Here it
//! becomes a [`Message`](cloakroom_session::Message) of that level, in the queue named like the
//! tags. A body that isn't a message gets the level `info` and the tag `plain`, by which it is
//! recognized.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use crate::layout::{Queue, quoted};

const MARK: &str = "\"__json_message\"";
const PLAIN: &str = "plain";
const LEVELS: [(&str, &str); 5] =
    [("10", "\"debug\""), ("20", "\"info\""), ("25", "\"success\""), ("30", "\"warning\""), ("40", "\"error\"")];

/// Returns the messages in a string with their queues, or `None` if the value has another form.
pub(crate) fn read(value: &Json) -> Option<Vec<(String, Json)>> {
    elements(value)?.iter().map(message).collect()
}

fn elements(value: &Json) -> Option<Vec<Json>> {
    let list = value.decode::<String>("_messages").ok()?;
    Json::from_lenient("_messages", list).ok()?.elements()
}

fn message(element: &Json) -> Option<(String, Json)> {
    let parts = element.elements()?;
    let (level, text, tags) = match parts.as_slice() {
        [mark, _, level, text] if mark.as_str() == MARK => (level, text, String::new()),
        [mark, _, level, text, tags] if mark.as_str() == MARK => (level, text, tags.decode("tags").ok()?),
        _ => return None,
    };
    if let Some(queue) = tags.strip_suffix(PLAIN).filter(|queue| queue.is_empty() || queue.ends_with(' ')) {
        return Some((queue.trim_end().to_owned(), text.clone()));
    }
    // A custom level stays a number.
    let level = LEVELS.iter().find(|(number, _)| *number == level.as_str()).map_or(level.as_str(), |(_, name)| name);
    let body = Json::from_lenient("_messages", format!("[{level},{}]", text.as_str())).ok()?;
    Some((tags, body))
}

/// Writes the string for these queues. An existing message is written unchanged.
pub(crate) fn write(queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error> {
    let mut there: Vec<(Option<(String, Json)>, Json)> =
        was.and_then(elements).unwrap_or_default().into_iter().map(|raw| (message(&raw), raw)).collect();
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
    quoted(&format!("[{}]", list.join(", ")))
}

fn fresh(queue: &str, body: &Json) -> Result<String, Error> {
    let parts = body.elements().unwrap_or_default();
    if let [level, text] = parts.as_slice() {
        let number = LEVELS.iter().find(|(_, name)| *name == level.as_str()).map(|(number, _)| *number);
        let number = number.or_else(|| level.decode::<u32>("level").is_ok().then_some(level.as_str()));
        if let Some(number) = number {
            let tags = if queue.is_empty() { String::new() } else { format!(", {}", quoted(queue)?) };
            return Ok(format!("[{MARK}, 0, {number}, {}{tags}]", text.as_str()));
        }
    }
    let tags = if queue.is_empty() { PLAIN.to_owned() } else { format!("{queue} {PLAIN}") };
    Ok(format!("[{MARK}, 0, 20, {}, {}]", body.as_str(), quoted(&tags)?))
}
