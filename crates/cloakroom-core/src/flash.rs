//! Flash messages: values that stay in a queue until a page shows them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{Json, Text};

/// The rule for adding a message to a queue that has an equal one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// Add the message, as Pyramid does by default.
    #[default]
    Allow,
    /// Don't add the message.
    Suppress,
}

/// The severity of a message: the five levels of Django's messages framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Information for developers.
    Debug,
    /// Information about an event.
    Info,
    /// Success of a requested operation.
    Success,
    /// A problem that needs attention.
    Warning,
    /// Failure of an operation.
    Error,
}

impl Level {
    /// Returns the level's lower-case name, for a CSS class or an attribute.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Level;
    ///
    /// assert_eq!(Level::Warning.as_str(), "warning");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Success, Self::Warning, Self::Error]
            .into_iter()
            .find(|level| level.as_str() == name)
    }
}

/// A text with a level, the usual form of a flash message.
///
/// Its JSON is the pair `["success","Saved"]`.
///
/// # Examples
/// ```
/// use cloakroom_core::{Level, Message};
///
/// let message = Message::success("Saved");
/// assert_eq!((message.level, message.text.as_str()), (Level::Success, "Saved"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The severity.
    pub level: Level,
    /// The text to show. Escape it like any other text.
    pub text: String,
}

impl Message {
    /// Creates a message with this level.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::new(Level::Info, "Saved"), Message::info("Saved"));
    /// ```
    #[must_use]
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { level, text }
    }

    /// Creates a message for developers.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::debug("cache miss").level, Level::Debug);
    /// ```
    #[must_use]
    pub fn debug(text: impl Into<String>) -> Self {
        Self::new(Level::Debug, text)
    }

    /// Creates a message about an event.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::info("New version available").level, Level::Info);
    /// ```
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Level::Info, text)
    }

    /// Creates a message about the success of an operation.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::success("Saved").level, Level::Success);
    /// ```
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(Level::Success, text)
    }

    /// Creates a message about a problem that needs attention.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::warning("The disk is almost full").level, Level::Warning);
    /// ```
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    /// Creates a message about the failure of an operation.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Level, Message};
    ///
    /// assert_eq!(Message::error("The upload failed").to_string(), "The upload failed");
    /// ```
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Level::Error, text)
    }
}

impl std::fmt::Display for Message {
    /// Writes only the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

// Written by hand: deriving would add a procedural macro to every build of the core.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.level.as_str(), &self.text).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (level, text) = <(String, String)>::deserialize(deserializer)?;
        match Level::from_name(&level) {
            Some(level) => Ok(Self { level, text }),
            None => Err(serde::de::Error::custom("unknown level of a flash message")),
        }
    }
}

/// The identity of a flash message: 64 random bits.
///
/// A pop removes messages by id, so it removes exactly the messages that it returned, even if other
/// requests change the queue concurrently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlashId(u64);

impl FlashId {
    /// Creates an id from 64 random bits.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// The default limit for the number of messages in one queue.
pub const FLASH_LIMIT: usize = 100;

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: FlashId,
    pub(crate) body: Json,
}

/// All flash queues of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flashes {
    pub(crate) queues: Vec<(Text, Vec<Waiting>)>,
}

impl Flashes {
    pub(crate) fn queue(&self, name: &str) -> &[Waiting] {
        self.queues.iter().find(|(queue, _)| queue.as_str() == name).map_or(&[], |(_, waiting)| waiting)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = (&Text, &[Waiting])> {
        self.queues.iter().map(|(name, waiting)| (name, waiting.as_slice()))
    }

    /// Adds a message unless it is a suppressed duplicate. Returns `true` if it was added.
    ///
    /// A queue holds at most `limit` messages. The oldest are dropped, so that a page that only
    /// adds messages can't grow the session without bound.
    pub(crate) fn push(&mut self, queue: &Text, message: Waiting, duplicates: Duplicates, limit: usize) -> bool {
        let equal = |waiting: &Waiting| waiting.body.means_the_same_as(&message.body);
        if duplicates == Duplicates::Suppress && self.queue(queue.as_str()).iter().any(equal) {
            return false;
        }
        self.restore(queue, message);
        if let Some(waiting) = self.queue_mut(queue) {
            waiting.drain(..waiting.len().saturating_sub(limit.max(1)));
        }
        true
    }

    /// Appends a message from a stored record.
    pub(crate) fn restore(&mut self, queue: &Text, message: Waiting) {
        match self.queue_mut(queue) {
            Some(waiting) => waiting.push(message),
            None => self.queues.push((queue.clone(), vec![message])),
        }
    }

    fn queue_mut(&mut self, name: &Text) -> Option<&mut Vec<Waiting>> {
        self.queues.iter_mut().find(|(queue, _)| queue == name).map(|(_, waiting)| waiting)
    }

    /// Removes the messages with these ids. Returns `true` if at least one was present.
    pub(crate) fn remove(&mut self, queue: &Text, ids: &[FlashId]) -> bool {
        let Some(waiting) = self.queue_mut(queue) else { return false };
        let before = waiting.len();
        waiting.retain(|message| !ids.contains(&message.id));
        let changed = waiting.len() != before;
        self.queues.retain(|(_, waiting)| !waiting.is_empty());
        changed
    }
}
