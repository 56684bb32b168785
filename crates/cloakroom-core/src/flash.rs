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

/// A message as it waits in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Which message this is. Unlike its position it never changes and is never used again in this session, so that a request
    /// which popped it removes it and nothing else, whatever was added or popped meanwhile.
    pub(crate) number: u64,
    pub(crate) body: Json,
    /// Added by the change log that is being applied, so that a pop later in the same log takes it too.
    pub(crate) own: bool,
}

/// All flash queues of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flashes {
    pub(crate) queues: Vec<(Text, Vec<Waiting>)>,
    /// The number of the next message: it survives empty queues, or a late pop would take a message it never saw.
    pub(crate) next: u64,
}

impl Flashes {
    pub(crate) fn queue(&self, name: &str) -> &[Waiting] {
        self.queues.iter().find(|(queue, _)| queue.as_str() == name).map_or(&[], |(_, waiting)| waiting)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = (&Text, &[Waiting])> {
        self.queues.iter().map(|(name, waiting)| (name, waiting.as_slice()))
    }

    /// Adds a message unless it is a suppressed duplicate; says whether it was added.
    pub(crate) fn push(&mut self, queue: &Text, body: &Json, duplicates: Duplicates) -> bool {
        let equal = |waiting: &Waiting| waiting.body.means_the_same_as(body);
        if duplicates == Duplicates::Suppress && self.queue(queue.as_str()).iter().any(equal) {
            return false;
        }
        let number = self.next;
        self.restore(queue, Waiting { number, body: body.clone(), own: true });
        true
    }

    /// Puts a message into its queue as a record holds it.
    pub(crate) fn restore(&mut self, queue: &Text, waiting: Waiting) {
        self.next = self.next.max(waiting.number.saturating_add(1));
        match self.queues.iter_mut().find(|(name, _)| name == queue) {
            Some((_, queue)) => queue.push(waiting),
            None => self.queues.push((queue.clone(), vec![waiting])),
        }
    }

    /// Removes the messages that were given to the handler, and those that its own log added before.
    pub(crate) fn take(&mut self, queue: &Text, given: &[Given]) -> bool {
        let Some((_, waiting)) = self.queues.iter_mut().find(|(name, _)| name == queue) else {
            return false;
        };
        let before = waiting.len();
        waiting.retain(|it| !it.own && !given.iter().any(|given| given.is(it)));
        let changed = waiting.len() != before;
        self.queues.retain(|(_, waiting)| !waiting.is_empty());
        changed
    }

    /// Whether the log that is being applied has added some of them.
    pub(crate) fn has_own(&self) -> bool {
        self.queues.iter().any(|(_, queue)| queue.iter().any(|waiting| waiting.own))
    }

    /// Forgets which messages are this log's own, once the log is done.
    pub(crate) fn settle(&mut self) {
        for waiting in self.queues.iter_mut().flat_map(|(_, queue)| queue) {
            waiting.own = false;
        }
    }
}

/// A message that a handler was given when it popped its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    number: u64,
    /// Compared as well, because numbers of foreign formats are mere positions.
    body: Json,
    /// Added by the same log: on a newer version its number may be another request's message, so that [`Waiting::own`] finds it instead.
    own: bool,
}

impl Given {
    fn is(&self, waiting: &Waiting) -> bool {
        !self.own && self.number == waiting.number && self.body == waiting.body
    }

    /// What added it was committed: from now on its number is the message's for good.
    pub(crate) const fn settle(&mut self) {
        self.own = false;
    }
}

impl From<&Waiting> for Given {
    fn from(waiting: &Waiting) -> Self {
        Self { number: waiting.number, body: waiting.body.clone(), own: waiting.own }
    }
}
