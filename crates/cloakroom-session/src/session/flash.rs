//! Flash messages.

use cloakroom_core::{Duplicates, FlashId, Json};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::clock::random;
use crate::error::Error;

impl Session {
    /// Appends a text or a [`Message`](cloakroom_core::Message) to the default flash queue.
    ///
    /// The message stays in the queue until it is popped, usually by the page after a redirect.
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

    /// Adds a message that only the response to this request shows.
    ///
    /// Use it if the handler renders the page itself instead of redirecting, for example after a
    /// failed validation. The next [`Session::pop_flash`] of this request returns the message. It
    /// is never stored, so it neither begins a session nor appears on a later page.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash_now("The name is missing");
    /// assert_eq!(session.pop_flash::<String>(), ["The name is missing"]);
    /// assert!(session.record().flashes().next().is_none());
    /// ```
    pub fn flash_now(&self, message: impl Into<Json>) {
        self.flash_queue("").push_now(message);
    }

    /// Appends any value that serde can serialize to the default flash queue.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON.
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

    /// Removes and returns the messages of the default flash queue, oldest first.
    ///
    /// Those of [`Session::flash_now`] come last.
    ///
    /// Messages that another request adds in the meantime stay. A message that can't be decoded as
    /// a `T` is removed with a trace event, so that it cannot block the queue; pop as
    /// `serde_json::Value` to receive every message. In a prefetch or prerender request, the
    /// messages stay.
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

    /// Returns the messages of the default flash queue without removing them, oldest first.
    ///
    /// Messages that can't be decoded as a `T` are skipped.
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

    /// Keeps the messages of the default flash queue for one more page.
    ///
    /// Messages that this request has popped return to the queue, and messages that it pops from
    /// now on stay there. Use it if a request redirects although its messages were already popped,
    /// for example by a middleware. Messages that no page has popped stay in any case.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash("Saved");
    /// let shown = session.pop_flash::<String>();      // by a middleware
    /// session.keep_flash();                           // the handler redirects instead
    /// assert_eq!(session.peek_flash::<String>(), shown);
    /// ```
    pub fn keep_flash(&self) {
        self.flash_queue("").keep();
    }

    /// Returns the flash queue `name`. The name of the default queue is the empty string.
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

/// A named flash queue, returned by [`Session::flash_queue`].
///
/// A queue holds at most 100 messages, or the limit set with [`Engine::flash_limit`]. When it is
/// full, the oldest message is dropped with a trace event.
///
/// [`Engine::flash_limit`]: crate::Engine::flash_limit
#[derive(Clone, Copy, Debug)]
pub struct FlashQueue<'a> {
    session: &'a Session,
    name: &'a str,
}

impl FlashQueue<'_> {
    /// Appends a text or a [`Message`](cloakroom_core::Message).
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let tips = session.flash_queue("tips");
    /// tips.push("Press ? for help");
    /// tips.push("Press ? for help");
    /// assert_eq!(tips.len(), 2);
    /// ```
    pub fn push(&self, message: impl Into<Json>) {
        self.append(message.into(), Duplicates::Allow);
    }

    /// Appends a message, unless the queue contains an equal one.
    ///
    /// The message is a text or a [`Message`](cloakroom_core::Message). This is Pyramid's
    /// `allow_duplicate=False`.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let tips = session.flash_queue("tips");
    /// tips.push_unique("Press ? for help");
    /// tips.push_unique("Press ? for help");
    /// assert_eq!(tips.len(), 1);
    /// ```
    pub fn push_unique(&self, message: impl Into<Json>) {
        self.append(message.into(), Duplicates::Suppress);
    }

    /// Adds a message that only the response to this request shows; see [`Session::flash_now`].
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let errors = session.flash_queue("errors");
    /// errors.push_now("The name is missing");
    /// assert_eq!(errors.pop::<String>(), ["The name is missing"]);
    /// ```
    pub fn push_now(&self, message: impl Into<Json>) {
        let limit = self.limit();
        let full = self.session.inner().shown().push(self.name, message.into(), limit);
        self.warn_if_full(full, limit);
    }

    /// Appends any value that serde can serialize.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let moves = session.flash_queue("moves");
    /// moves.push_value(("e2", "e4"))?;
    /// assert_eq!(moves.pop::<(String, String)>(), [("e2".to_owned(), "e4".to_owned())]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn push_value<T: Serialize>(&self, value: T) -> Result<(), Error> {
        self.append(Json::encode(self.name, &value)?, Duplicates::Allow);
        Ok(())
    }

    /// Appends any value that serde can serialize, unless the queue contains an equal one.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let numbers = session.flash_queue("numbers");
    /// numbers.push_value_unique(7)?;
    /// numbers.push_value_unique(7)?;
    /// assert_eq!(numbers.pop::<u32>(), [7]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn push_value_unique<T: Serialize>(&self, value: T) -> Result<(), Error> {
        self.append(Json::encode(self.name, &value)?, Duplicates::Suppress);
        Ok(())
    }

    fn append(&self, body: Json, duplicates: Duplicates) {
        let id = match random() {
            Ok(bits) => FlashId::from_random(u64::from_ne_bytes(bits)),
            Err(error) => return self.session.fail(error),
        };
        let limit = self.limit();
        let full = self.session.write(|state| {
            let full = state.flash_len(self.name) >= limit;
            state.flash_json(self.name, body, id, duplicates, limit) && full
        });
        self.warn_if_full(full, limit);
    }

    fn limit(&self) -> usize {
        self.session.0.engine.flash_limit.max(1)
    }

    fn warn_if_full(&self, full: bool, limit: usize) {
        if full {
            tracing::warn!(queue = self.name, limit, "oldest flash message dropped: its queue is full");
        }
    }

    /// Removes and returns the messages, oldest first; see [`Session::pop_flash`].
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let tips = session.flash_queue("tips");
    /// tips.push("Press ? for help");
    /// assert_eq!(tips.pop::<String>(), ["Press ? for help"]);
    /// assert!(tips.is_empty());
    /// ```
    #[must_use = "the messages are removed: show them"]
    pub fn pop<T: DeserializeOwned>(&self) -> Vec<T> {
        let messages = self.pop_json();
        let decode = |body: &Json| match body.decode(self.name) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::warn!(queue = self.name, %error, "flash message dropped: it has another type");
                None
            }
        };
        messages.iter().filter_map(decode).collect()
    }

    fn pop_json(&self) -> Vec<Json> {
        let keeps = self.session.inner().shown().keeps(self.name);
        let (mut messages, stay) = if keeps {
            (self.peek_json(), true)
        } else {
            // A page that may never be seen pops no messages, so they are still there.
            self.session.write(|state| (state.pop_flash_json(self.name), state.flash_len(self.name) > 0))
        };
        let mut inner = self.session.inner();
        let shown = inner.shown();
        let now = shown.take(self.name);
        if !stay {
            shown.remember(self.name, &messages, self.limit());
        }
        shown.remember(self.name, &now, self.limit());
        messages.extend(now);
        messages
    }

    fn peek_json(&self) -> Vec<Json> {
        self.session.read(|state| state.peek_flash_json(self.name).cloned().collect())
    }

    /// Keeps the messages for one more page; see [`Session::keep_flash`].
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let tips = session.flash_queue("tips");
    /// tips.push("Press ? for help");
    /// tips.keep();
    /// assert_eq!(tips.pop::<String>(), ["Press ? for help"]);
    /// assert_eq!(tips.len(), 1);
    /// ```
    pub fn keep(&self) {
        let messages = self.session.inner().shown().keep(self.name);
        for message in messages {
            self.append(message, Duplicates::Allow);
        }
    }

    /// Returns the messages without removing them, oldest first.
    ///
    /// Messages that can't be decoded as a `T` are skipped.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let tips = session.flash_queue("tips");
    /// tips.push("Press ? for help");
    /// assert_eq!(tips.peek::<String>(), ["Press ? for help"]);
    /// assert_eq!(tips.len(), 1);
    /// ```
    #[must_use]
    pub fn peek<T: DeserializeOwned>(&self) -> Vec<T> {
        let mut messages = self.peek_json();
        messages.extend_from_slice(self.session.inner().shown().now(self.name));
        messages.iter().filter_map(|body| body.decode(self.name).ok()).collect()
    }

    /// Returns the number of messages.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash_queue("tips").push("Press ? for help");
    /// assert_eq!(session.flash_queue("tips").len(), 1);
    /// assert_eq!(session.flash_queue("news").len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let mut inner = self.session.inner();
        inner.state.flash_len(self.name) + inner.shown().now(self.name).len()
    }

    /// Returns `true` if the queue has no messages.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(session.flash_queue("tips").is_empty());
    /// session.flash_queue("tips").push("Press ? for help");
    /// assert!(!session.flash_queue("tips").is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
