//! Flash messages in one object with a member for each queue.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use crate::layout::{Queue, Spelling, quoted};

/// JSON without spaces, the style of JavaScript, Ruby and Elixir.
pub(crate) const COMPACT: Spelling = Spelling { comma: ",", colon: ":", ascii: false };

/// The number of messages that a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "express", feature = "rails", feature = "plug", feature = "starlette")),
    allow(dead_code, reason = "each framework has one")
)]
pub(crate) enum Holds {
    /// A list of messages.
    Several,
    /// One message; several are written as a list.
    One,
}

/// An object of flash queues, and the framework's name for the default queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlashObject {
    pub(crate) default: &'static str,
    pub(crate) holds: Holds,
}

impl FlashObject {
    /// Returns the messages with their queues, or `None` if the value has another form.
    pub(crate) fn read(&self, object: &Json) -> Option<Vec<(String, Json)>> {
        let mut waiting = Vec::new();
        for (spelled, value) in object.members()? {
            let name: String = spelled.decode("queue").ok()?;
            let queue = if name == self.default { String::new() } else { name };
            let bodies = match (value.elements(), self.holds) {
                (Some(bodies), _) => bodies,
                (None, Holds::One) => vec![value],
                (None, Holds::Several) => return None,
            };
            waiting.extend(bodies.into_iter().map(|body| (queue.clone(), body)));
        }
        Some(waiting)
    }

    /// Writes the object that holds these messages.
    pub(crate) fn write(&self, spelling: Spelling, queues: &[Queue<'_>]) -> Result<String, Error> {
        // The default queue, and a queue with the framework's name for it, become one member.
        let mut members: Vec<(&str, Vec<&str>)> = Vec::new();
        for (queue, bodies) in queues {
            let name = if queue.is_empty() { self.default } else { queue };
            let bodies = bodies.iter().map(|body| body.as_str());
            match members.iter_mut().find(|(there, _)| *there == name) {
                Some((_, waiting)) => waiting.extend(bodies),
                None => members.push((name, bodies.collect())),
            }
        }
        let mut out = String::from("{");
        for (index, (name, bodies)) in members.into_iter().enumerate() {
            out.push_str(if index == 0 { "" } else { spelling.comma });
            out.push_str(&quoted(name)?);
            out.push_str(spelling.colon);
            match bodies.as_slice() {
                // A list on its own would be read as several messages.
                [only] if self.holds == Holds::One && !only.starts_with('[') => out.push_str(only),
                several => out.push_str(&spelling.array(several.iter().copied())),
            }
        }
        out.push('}');
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::factory::Json;

    use super::{COMPACT, FlashObject, Holds};

    #[test]
    fn what_is_written_is_read() {
        let one = FlashObject { default: "notice", holds: Holds::One };
        let several = FlashObject { default: "info", holds: Holds::Several };
        for (row, object, text, read) in [
            ("one message", one, r#"{"notice":"a"}"#, Some(vec![("", "\"a\"")])),
            ("several of one", one, r#"{"alert":["a",1]}"#, Some(vec![("alert", "\"a\""), ("alert", "1")])),
            ("a message that is a list", one, r#"{"notice":[[1]]}"#, Some(vec![("", "[1]")])),
            ("several", several, r#"{"info":["a"],"é":[{}]}"#, Some(vec![("", "\"a\""), ("é", "{}")])),
            ("not a list", several, r#"{"info":"a"}"#, None),
            ("not an object", one, "5", None),
            ("nothing", several, "{}", Some(vec![])),
        ] {
            let found = object.read(&Json::from_lenient("flash", text).unwrap());
            let expected =
                read.map(|it| it.into_iter().map(|(queue, body)| (queue.to_owned(), body.to_owned())).collect());
            let found: Option<Vec<(String, String)>> =
                found.map(|it| it.into_iter().map(|(queue, body)| (queue, body.as_str().to_owned())).collect());
            assert_eq!(found, expected, "{row}");
            let Some(found) = found else { continue };
            let bodies: Vec<Json> =
                found.iter().map(|(_, body)| Json::from_lenient("flash", body.as_str()).unwrap()).collect();
            let queues: Vec<_> =
                found.iter().zip(&bodies).map(|((queue, _), body)| (queue.as_str(), vec![body])).collect();
            assert_eq!(object.write(COMPACT, &queues).unwrap(), text, "{row}");
        }
    }
}
