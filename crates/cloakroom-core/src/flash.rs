//! Flash messages: values that wait in a queue until somebody shows them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{Json, Text};

/// Whether a message may be added to a queue that holds an equal one already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// Add it anyway, as Pyramid does by default.
    #[default]
    Allow,
    /// Leave the queue as it is if an equal message waits in it.
    Suppress,
}

/// How much a message matters: the five levels that Django's messages framework has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// For developers.
    Debug,
    /// Something happened.
    Info,
    /// Something that was asked for happened.
    Success,
    /// Something needs attention.
    Warning,
    /// Something didn't happen.
    Error,
}

impl Level {
    /// The level's lower-case name, for a CSS class or an attribute.
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

/// A text with a level: the usual shape of a flash message, and a convenience on top of any value.
///
/// In JSON it is the pair `["success","Saved"]`.
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
    /// How much it matters.
    pub level: Level,
    /// What to show. Escape it like any other text.
    pub text: String,
}

impl Message {
    /// A message at this level.
    #[must_use]
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { level, text }
    }

    /// A message for developers.
    #[must_use]
    pub fn debug(text: impl Into<String>) -> Self {
        Self::new(Level::Debug, text)
    }

    /// A message that something happened.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Level::Info, text)
    }

    /// A message that something that was asked for happened.
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(Level::Success, text)
    }

    /// A message that something needs attention.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    /// A message that something didn't happen.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Level::Error, text)
    }
}

impl std::fmt::Display for Message {
    /// Writes the text alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

// By hand, because deriving would bring a procedural macro into every build of the core.
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

/// The identity of one flash message: 64 random bits.
///
/// A pop removes the messages that it returned, by their ids, and no other, whatever races with it.
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

/// The largest number of messages in one queue, unless the application chooses another.
pub const FLASH_LIMIT: usize = 100;

/// A message as it waits in its queue.
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

    /// Adds a message unless it is a suppressed duplicate; returns whether it was added.
    ///
    /// A queue holds at most `limit` messages: the oldest are dropped, so that a page that only
    /// ever adds messages cannot make the session grow.
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

    /// Appends a message to its queue as a record holds it.
    pub(crate) fn restore(&mut self, queue: &Text, message: Waiting) {
        match self.queue_mut(queue) {
            Some(waiting) => waiting.push(message),
            None => self.queues.push((queue.clone(), vec![message])),
        }
    }

    fn queue_mut(&mut self, name: &Text) -> Option<&mut Vec<Waiting>> {
        self.queues.iter_mut().find(|(queue, _)| queue == name).map(|(_, waiting)| waiting)
    }

    /// Removes the messages with these ids; returns whether one of them was there.
    pub(crate) fn remove(&mut self, queue: &Text, ids: &[FlashId]) -> bool {
        let Some(waiting) = self.queue_mut(queue) else { return false };
        let before = waiting.len();
        waiting.retain(|message| !ids.contains(&message.id));
        let changed = waiting.len() != before;
        self.queues.retain(|(_, waiting)| !waiting.is_empty());
        changed
    }
}
