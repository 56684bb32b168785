//! Flash messages.

use cloakroom_core::{Duplicates, FlashId, Json};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::clock::random;
use crate::error::Error;

impl Session {
    /// Appends a text, or a [`Message`](cloakroom_core::Message), to the default flash queue.
    ///
    /// It waits there until it is popped, usually by the page after a redirect.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{Message, Session};
    ///
    /// # let session = Session::for_tests();
    /// session.flash("Saved");
    /// session.flash(Message::warning("The disk is almost full"));
    /// assert_eq!(session.flash_queue("").len(), 2);
    /// ```
    pub fn flash(&self, message: impl Into<Json>) {
        self.flash_queue("").push(message);
    }

    /// Appends a value of any type that serde can write to the default flash queue.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash_value(("moved", 3))?;
    /// assert_eq!(session.pop_flash::<(String, u32)>(), [("moved".to_owned(), 3)]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn flash_value<T: Serialize>(&self, value: T) -> Result<(), Error> {
        self.flash_queue("").push_value(value)
    }

    /// Takes the messages that wait in the default flash queue, oldest first.
    ///
    /// Messages that another request adds in the meantime stay. A message of another type is
    /// removed with a trace event, so that it cannot block the queue; pop as `serde_json::Value` to
    /// receive every message. In a request that only prefetches or prerenders a page, the messages
    /// stay.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash("Saved");
    /// assert_eq!(session.pop_flash::<String>(), ["Saved"]);
    /// assert!(session.pop_flash::<String>().is_empty());
    /// ```
    #[must_use = "the messages are removed: show them"]
    pub fn pop_flash<T: DeserializeOwned>(&self) -> Vec<T> {
        self.flash_queue("").pop()
    }

    /// The messages that wait in the default flash queue, oldest first. They stay.
    ///
    /// Messages of another type are left out.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash("Saved");
    /// assert_eq!(session.peek_flash::<String>(), ["Saved"]);
    /// assert_eq!(session.peek_flash::<String>(), ["Saved"]);
    /// ```
    #[must_use]
    pub fn peek_flash<T: DeserializeOwned>(&self) -> Vec<T> {
        self.flash_queue("").peek()
    }

    /// A flash queue by name. The name of the default queue is empty.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let warnings = session.flash_queue("warnings");
    /// warnings.push_unique("disk almost full");
    /// warnings.push_unique("disk almost full");
    /// assert_eq!(warnings.pop::<String>(), ["disk almost full"]);
    /// ```
    #[must_use]
    pub const fn flash_queue<'a>(&'a self, name: &'a str) -> FlashQueue<'a> {
        FlashQueue { session: self, name }
    }
}

/// A flash queue of a session; see [`Session::flash_queue`].
///
/// A queue holds at most 100 messages, or the number given to [`Engine::flash_limit`]. Beyond that,
/// the oldest is dropped with a trace event.
///
/// [`Engine::flash_limit`]: crate::Engine::flash_limit
#[derive(Clone, Copy, Debug)]
pub struct FlashQueue<'a> {
    session: &'a Session,
    name: &'a str,
}

impl FlashQueue<'_> {
    /// Appends a text or a [`Message`](cloakroom_core::Message).
    pub fn push(&self, message: impl Into<Json>) {
        self.append(message.into(), Duplicates::Allow);
    }

    /// Appends a text or a [`Message`](cloakroom_core::Message), unless an equal message waits in
    /// this queue (Pyramid's `allow_duplicate=False`).
    pub fn push_unique(&self, message: impl Into<Json>) {
        self.append(message.into(), Duplicates::Suppress);
    }

    /// Appends a value of any type that serde can write.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn push_value<T: Serialize>(&self, value: T) -> Result<(), Error> {
        self.append(Json::encode(self.name, &value)?, Duplicates::Allow);
        Ok(())
    }

    /// Appends a value of any type that serde can write, unless an equal one waits in this queue.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn push_value_unique<T: Serialize>(&self, value: T) -> Result<(), Error> {
        self.append(Json::encode(self.name, &value)?, Duplicates::Suppress);
        Ok(())
    }

    fn append(&self, body: Json, duplicates: Duplicates) {
        let id = match random() {
            Ok(bits) => FlashId::from_random(u64::from_ne_bytes(bits)),
            Err(error) => return self.session.fail(error),
        };
        let limit = self.session.0.engine.flash_limit.max(1);
        let full = self.session.write(|state| {
            let full = state.flash_len(self.name) >= limit;
            state.flash_json(self.name, body, id, duplicates, limit) && full
        });
        if full {
            tracing::warn!(queue = self.name, limit, "oldest flash message dropped: its queue is full");
        }
    }

    /// Takes the messages that wait, oldest first; see [`Session::pop_flash`].
    #[must_use = "the messages are removed: show them"]
    pub fn pop<T: DeserializeOwned>(&self) -> Vec<T> {
        let messages = self.session.write(|state| state.pop_flash_json(self.name));
        let decode = |body: &Json| match body.decode(self.name) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::warn!(queue = self.name, %error, "flash message dropped: it has another type");
                None
            }
        };
        messages.iter().filter_map(decode).collect()
    }

    /// The messages that wait, oldest first. They stay. Messages of another type are left out.
    #[must_use]
    pub fn peek<T: DeserializeOwned>(&self) -> Vec<T> {
        let messages: Vec<Json> = self.session.read(|state| state.peek_flash_json(self.name).cloned().collect());
        messages.iter().filter_map(|body| body.decode(self.name).ok()).collect()
    }

    /// The number of messages that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.session.read(|state| state.flash_len(self.name))
    }

    /// Whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
