//! The keys that Flask uses in a session.
//!
//! Values that JSON can't express are tagged objects; see [`tags`](super::tags). They are
//! preserved, and a handler that reads one gets such an object.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use super::tags::{self, Known};
use crate::layout::{Layout, Queue, Spelling, quoted};

/// The category of a message without one.
pub(super) const DEFAULT_CATEGORY: &str = "message";

pub(super) const FLASHES: &str = "_flashes";

/// Set by `session.permanent = True`.
pub(crate) const PERMANENT: &str = "_permanent";

/// The layout, and the keys whose values handlers tag themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlaskKeys {
    pub(crate) tagged: Vec<String>,
}

impl Layout for FlaskKeys {
    fn framework(&self) -> &'static str {
        "flask"
    }

    fn spelling(&self) -> Spelling {
        Spelling { comma: ",", colon: ":", ascii: false }
    }

    /// The key of Flask-WTF.
    fn csrf_key(&self) -> Option<&'static str> {
        Some("csrf_token")
    }

    fn is_hidden(&self, key: &str) -> bool {
        // With a tag as its only key, Flask would take the session itself for a tagged value.
        key == PERMANENT || tags::is_tag(key)
    }

    fn read_value(&self, value: &Json) -> Json {
        tags::unescape(value)
    }

    fn write_value(&self, key: &str, value: &Json, was: Option<&Json>) -> Result<String, Error> {
        if self.tagged.iter().any(|tagged| tagged == key) {
            return Ok(value.as_str().to_owned());
        }
        Known::of(was).escape(key, value)
    }

    fn flash_key(&self, _: &str) -> String {
        FLASHES.to_owned()
    }

    /// A list of tuples `(category, message)`. A category is a queue here, and the category
    /// `message` is the default queue.
    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        let elements = value.elements().filter(|_| key == FLASHES)?;
        elements.iter().map(message).collect()
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error> {
        let (known, mut tuples) = (Known::of(was), Vec::new());
        for (queue, bodies) in queues {
            let category = match *queue {
                "" => DEFAULT_CATEGORY,
                // It would be read back as the default queue.
                DEFAULT_CATEGORY => return Err(Error::reserved(DEFAULT_CATEGORY, "flask")),
                queue => queue,
            };
            let quoted = quoted(category)?;
            for body in bodies {
                tuples.push(format!(r#"{{" t":[{quoted},{}]}}"#, known.escape(category, body)?));
            }
        }
        Ok(self.spelling().array(tuples.iter().map(String::as_str)))
    }
}

/// Returns the queue and the body of one message.
fn message(element: &Json) -> Option<(String, Json)> {
    let (queue, body) = untagged(element)?;
    Some((queue, tags::unescape(&body)))
}

/// Returns the queue and the body of one message, as it is written.
pub(super) fn untagged(element: &Json) -> Option<(String, Json)> {
    let pair = match element.members() {
        Some(members) => match members.as_slice() {
            [(tag, pair)] if tag.as_str() == r#"" t""# => pair.elements()?,
            _ => return None,
        },
        // An untagged tuple, written by another serializer.
        None => element.elements()?,
    };
    let [category, body] = pair.as_slice() else { return None };
    let category = category.decode::<String>(FLASHES).ok().filter(|category| !category.is_empty())?;
    let queue = if category == DEFAULT_CATEGORY { String::new() } else { category };
    Some((queue, body.clone()))
}
