//! The keys that Flask uses in a session.
//!
//! Values that JSON can't express are objects with a single member whose key is a tag
//! (`{" t":[1,2]}` is a tuple). They are preserved, and a handler that reads one gets such an
//! object.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use crate::layout::{Layout, Queue, Spelling, quoted};

/// The category of a message without one.
const DEFAULT_CATEGORY: &str = "message";

const FLASHES: &str = "_flashes";

/// Set by `session.permanent = True`.
pub(crate) const PERMANENT: &str = "_permanent";

#[derive(Debug)]
pub(crate) struct FlaskKeys;

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

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    fn is_hidden(&self, key: &str) -> bool {
        key == PERMANENT
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

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        let mut tuples = Vec::new();
        for (queue, bodies) in queues {
            let category = match *queue {
                "" => DEFAULT_CATEGORY,
                // It would be read back as the default queue.
                DEFAULT_CATEGORY => return Err(Error::reserved(DEFAULT_CATEGORY, "flask")),
                queue => queue,
            };
            let category = quoted(category)?;
            tuples.extend(bodies.iter().map(|body| format!(r#"{{" t":[{category},{}]}}"#, body.as_str())));
        }
        Ok(self.spelling().array(tuples.iter().map(String::as_str)))
    }
}

/// Returns the queue and the body of one message.
fn message(element: &Json) -> Option<(String, Json)> {
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
