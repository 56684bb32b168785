//! The stored form of a session.
//!
//! | file | contents |
//! |---|---|
//! | this file | the record |
//! | `wire` | its text form: the methods that encode and decode it |
//! | `pairs` | its keys and values |
//! | `flash` | its flash messages |
//! | `marks` | the ids of the latest commits that wrote it |
//! | `extensions` | the fields that older releases keep without knowing them |
//! | `framework_data` | the data of another framework |

mod extensions;
mod flash;
mod framework_data;
mod marks;
mod pairs;
mod wire;

use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use crate::csrf::CsrfToken;
use crate::json::{Json, Text};
use crate::lifetimes::{Lifetimes, SessionTimes};
use crate::time::Timestamp;

use flash::Flashes;
use marks::Marks;
use pairs::Pairs;

pub(crate) use flash::Waiting;
pub use flash::{Duplicates, FLASH_LIMIT, FlashId, Level, Message};
pub use framework_data::FrameworkData;
pub use marks::CommitId;
pub use wire::Corrupt;

/// The stored form of a session: data, flash queues, the CSRF token and the times.
///
/// Data keeps the order of insertion. Values are JSON text and are decoded only when they are read.
///
/// # Security
/// `Debug` prints names and sizes, never a value or the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) data: Pairs,
    pub(crate) flashes: Flashes,
    pub(crate) csrf: Option<CsrfToken>,
    pub(crate) owner: Option<Text>,
    pub(crate) label: Option<Text>,
    pub(crate) times: SessionTimes,
    pub(crate) marks: Marks,
    /// The alias, and the fields of a newer release, concatenated, as they are written.
    pub(crate) extensions: Option<Arc<str>>,
    /// Not written by our own wire format: only the bridge that stored it here can use it.
    pub(crate) foreign: Option<Arc<FrameworkData>>,
}

impl Record {
    /// Creates an empty record that begins now.
    #[must_use]
    pub fn new(now: Timestamp, lifetimes: &Lifetimes) -> Self {
        Self::with_times(SessionTimes::start(now, lifetimes))
    }

    /// Creates an empty record with these times.
    ///
    /// For factories with their own record format.
    #[must_use]
    pub const fn with_times(times: SessionTimes) -> Self {
        let flashes = Flashes { queues: Vec::new() };
        Self {
            data: Pairs::new(),
            flashes,
            csrf: None,
            owner: None,
            label: None,
            times,
            marks: Marks::NONE,
            extensions: None,
            foreign: None,
        }
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Json> {
        self.data.get(key)
    }

    /// Returns `true` if `key` has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.data.contains(key)
    }

    /// Returns keys and values, in the order of insertion.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, Json)> {
        self.data.iter()
    }

    /// Returns the messages in each flash queue, oldest first.
    pub fn flashes(&self) -> impl Iterator<Item = (&str, Vec<&Json>)> {
        self.flashes.queues().map(|(name, waiting)| (name.as_str(), waiting.iter().map(|it| &it.body).collect()))
    }

    /// Returns the CSRF token, which is set when the session is created.
    #[must_use]
    pub const fn csrf(&self) -> Option<&CsrfToken> {
        self.csrf.as_ref()
    }

    /// Returns the owner, if the application set one.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_ref().map(Text::as_str)
    }

    /// Returns the session's name in its owner's list, if the application set one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_ref().map(Text::as_str)
    }

    /// Returns the data of `framework`, if the session was read from one of its sessions.
    #[must_use]
    pub fn foreign(&self, framework: &str) -> Option<&FrameworkData> {
        self.foreign.as_deref().filter(|foreign| foreign.framework() == framework)
    }

    /// Returns the times of the session.
    #[must_use]
    pub const fn times(&self) -> &SessionTimes {
        &self.times
    }

    /// Marks the record as written by this commit.
    ///
    /// For factories whose store may lose a reply. A record keeps 8 marks: the latest ones, and at
    /// least one for each of up to 8 processes, so that a busy process doesn't displace the marks
    /// of others. All earlier marks are dropped when the newest of them is older than any possible
    /// retry (30 seconds, plus one minute of clock skew), so a quiet session has one mark. Marking
    /// and touching a record may happen in either order.
    pub fn mark(&mut self, id: CommitId, now: Timestamp) {
        self.marks.push(id, now.max(self.times.created));
    }

    /// Returns `true` if this commit is among the latest that wrote the record.
    #[must_use]
    pub fn has_commit(&self, id: CommitId) -> bool {
        self.marks.ids().contains(&id)
    }

    /// Returns the commit that last wrote the record, if it left a mark.
    #[must_use]
    pub fn last_commit(&self) -> Option<CommitId> {
        self.marks.ids().last().copied()
    }

    /// Returns the latest commits, oldest first, and the time of the newest.
    ///
    /// For factories with their own record format; see [`Record::restore_commits`].
    #[must_use]
    pub fn commits(&self) -> (&[CommitId], Option<Timestamp>) {
        (self.marks.ids(), self.marks.newest())
    }

    /// Sets the commits of a loaded record, oldest first. The last 8 are kept.
    pub fn restore_commits(&mut self, commits: impl IntoIterator<Item = CommitId>, newest: Timestamp) {
        let mut marks = Marks::NONE;
        for id in commits {
            marks.append(id);
        }
        self.marks = marks.dated(newest);
    }

    /// Sets a value of a loaded record; for factories with their own record format.
    #[expect(clippy::needless_pass_by_value, reason = "what is restored is rarely needed any more")]
    pub fn restore(&mut self, key: impl Into<Text>, value: Json) {
        self.data.set(&key.into(), &value);
    }

    /// Removes a value that a factory stored for itself; see [`Record::restore`].
    pub fn unrestore(&mut self, key: &str) {
        self.data.remove(key);
    }

    /// Appends a flash message of a loaded record.
    ///
    /// For factories with their own record format. Such a format has no message ids, so the id is
    /// derived from the queue, the body and the number of equal messages before it. The message
    /// therefore has the same id whenever the record is read.
    pub fn restore_flash(&mut self, queue: impl Into<Text>, body: Json) {
        let queue = queue.into();
        let equal = self.flashes.queue(queue.as_str()).iter().filter(|it| it.body == body).count();
        let mut hasher = std::hash::DefaultHasher::new();
        (queue.as_str(), body.as_str(), equal).hash(&mut hasher);
        let id = FlashId::from_random(hasher.finish());
        self.flashes.restore(&queue, Waiting { id, body });
    }

    /// Sets the CSRF token of a loaded record; for factories with their own record format.
    pub fn restore_csrf(&mut self, token: CsrfToken) {
        self.csrf = Some(token);
    }

    /// Sets the owner of a loaded record; for factories with their own record format.
    pub fn restore_owner(&mut self, owner: impl Into<Text>) {
        self.owner = Some(owner.into());
    }

    /// Sets the label of a loaded record; for factories with their own record format.
    pub fn restore_label(&mut self, label: impl Into<Text>) {
        self.label = Some(label.into());
    }

    /// Sets the data of another framework; for bridges.
    pub fn restore_foreign(&mut self, foreign: FrameworkData) {
        self.foreign = Some(Arc::new(foreign));
    }

    /// Returns the Max-Age of the cookie.
    ///
    /// The cookie of a remembered session is kept until the session ends if it isn't used again.
    /// `None` lets the cookie end with the browser session.
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> Option<Duration> {
        // Without a deadline, as long as browsers keep any cookie.
        let until_end = || self.times.ends().map_or(Duration::MAX, |end| end.since(now));
        self.times.remembered.then(until_end)
    }

    /// Sets the time of the last touch and the idle deadline.
    ///
    /// For stores that keep them separate from the record.
    pub fn restore_touch(&mut self, touched: Timestamp, idle_deadline: Option<Timestamp>) {
        self.times.touched = touched;
        self.times.idle_deadline = idle_deadline;
    }

    /// Returns `true` if the record wastes memory.
    ///
    /// Most of it then no longer shares the buffer that it was decoded from. For stores that keep
    /// records in memory. There, a record that is changed repeatedly and never encoded would
    /// otherwise only grow.
    #[must_use]
    pub fn is_fragmented(&self) -> bool {
        self.data.are_scattered()
    }

    /// Returns `true` if the record has data of another framework.
    #[must_use]
    pub const fn has_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// Returns `true` if nothing was stored: no values, no messages and no owner.
    pub(crate) fn is_vacant(&self) -> bool {
        self.data.is_empty() && self.owner.is_none() && self.flashes.queues().next().is_none()
    }

    /// Returns the largest parts of the record with their sizes in bytes, largest first.
    ///
    /// Values are named by their key, flash queues `flash:<queue>`, and all fields of a newer
    /// release together `extension fields`.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<(String, usize)> {
        let data = self.data.sizes().map(|(key, size)| (key.to_owned(), size));
        let flashes = self.flashes.queues().map(|(name, waiting)| {
            let bytes = waiting.iter().map(|it| it.body.as_str().len()).sum();
            (format!("flash:{}", name.as_str()), bytes)
        });
        let extensions = self.extensions.iter().map(|fields| ("extension fields".to_owned(), fields.len()));
        let mut all: Vec<_> = data.chain(flashes).chain(extensions).collect();
        all.sort_by(|(_, one), (_, other)| other.cmp(one));
        all.truncate(count);
        all
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("data", &self.data)
            .field("flashes", &self.flashes)
            .field("csrf", &self.csrf)
            .field("owned", &self.owner.is_some())
            .field("labelled", &self.label.is_some())
            .field("aliased", &self.alias().is_some())
            .field("times", &self.times)
            .field("marks", &self.marks)
            .field("extensions", &self.extensions.as_deref().map_or(0, str::len))
            .field("foreign", &self.foreign)
            .finish()
    }
}
