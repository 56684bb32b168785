//! What is kept of a session between two requests.

use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use crate::csrf::CsrfToken;
use crate::flash::{FlashId, Flashes, Waiting};
use crate::foreign::Foreign;
use crate::lifetimes::{Clockwork, Lifetimes};
use crate::marks::{CommitId, Marks};
use crate::pairs::Pairs;
use crate::text::{Json, Text};
use crate::time::Timestamp;

/// What a cookie or a store keeps of a session: data, flash queues, the CSRF token, and the facts
/// about time.
///
/// Data keeps the order of insertion. Values are JSON text, decoded only when somebody reads them.
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
    pub(crate) clockwork: Clockwork,
    pub(crate) marks: Marks,
    /// Fields of a newer release, one behind the other, as they were read.
    pub(crate) extensions: Option<Arc<str>>,
    /// Isn't written by our own wire format: it is of no use without the bridge that put it here.
    pub(crate) foreign: Option<Arc<Foreign>>,
}

impl Record {
    /// An empty record that begins now.
    #[must_use]
    pub fn new(now: Timestamp, lifetimes: &Lifetimes) -> Self {
        Self::from_clockwork(Clockwork::start(now, lifetimes))
    }

    /// An empty record with these facts about time, for factories that keep records in a form of
    /// their own.
    #[must_use]
    pub const fn from_clockwork(clockwork: Clockwork) -> Self {
        let flashes = Flashes { queues: Vec::new() };
        Self {
            data: Pairs::new(),
            flashes,
            csrf: None,
            owner: None,
            label: None,
            clockwork,
            marks: Marks::NONE,
            extensions: None,
            foreign: None,
        }
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Json> {
        self.data.get(key)
    }

    /// Whether there is a value under `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.data.contains(key)
    }

    /// Keys and values, in the order of insertion.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, Json)> {
        self.data.iter()
    }

    /// The messages that wait in each flash queue, oldest first.
    pub fn flashes(&self) -> impl Iterator<Item = (&str, Vec<&Json>)> {
        self.flashes.queues().map(|(name, waiting)| (name.as_str(), waiting.iter().map(|it| &it.body).collect()))
    }

    /// The CSRF token, once the session was created.
    #[must_use]
    pub const fn csrf(&self) -> Option<&CsrfToken> {
        self.csrf.as_ref()
    }

    /// Whose session it is, once the application said so.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_ref().map(Text::as_str)
    }

    /// What the application calls it in a list of its owner's sessions.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_ref().map(Text::as_str)
    }

    /// What the framework of this name keeps of its own in the session, if it was read from one of
    /// its sessions.
    #[must_use]
    pub fn foreign(&self, framework: &str) -> Option<&Foreign> {
        self.foreign.as_deref().filter(|foreign| foreign.framework() == framework)
    }

    /// The facts about time.
    #[must_use]
    pub const fn clockwork(&self) -> &Clockwork {
        &self.clockwork
    }

    /// Marks the record as written by this commit; for factories whose store may lose an answer.
    ///
    /// A record keeps 8 marks: the last ones, and at least one of each of 8 processes, so that a
    /// busy process doesn't push out the marks for which another one still looks. All earlier ones
    /// are forgotten where the newest of them is older than any commit that may still be tried
    /// again (30 seconds, and a minute by which clocks may differ), so a quiet session carries one
    /// mark. It doesn't matter whether the record is touched before or after.
    pub fn mark(&mut self, id: CommitId, now: Timestamp) {
        self.marks.push(id, now.max(self.clockwork.created));
    }

    /// Returns whether this commit is among the last that wrote the record.
    #[must_use]
    pub fn has_commit(&self, id: CommitId) -> bool {
        self.marks.ids().contains(&id)
    }

    /// The commit that wrote the record last, if it left a mark.
    #[must_use]
    pub fn last_commit(&self) -> Option<CommitId> {
        self.marks.ids().last().copied()
    }

    /// The last commits that wrote the record, oldest first, and when the newest of them was made.
    ///
    /// For factories that keep records in a form of their own; see [`Record::restore_commits`].
    #[must_use]
    pub fn commits(&self) -> (&[CommitId], Option<Timestamp>) {
        (self.marks.ids(), self.marks.newest())
    }

    /// Puts commits as a loaded record names them, oldest first: the last 8 of them are kept.
    pub fn restore_commits(&mut self, commits: impl IntoIterator<Item = CommitId>, newest: Timestamp) {
        let mut marks = Marks::NONE;
        for id in commits {
            marks.append(id);
        }
        self.marks = marks.dated(newest);
    }

    /// Puts a value as a loaded record holds it; for factories that keep records in a form of their
    /// own.
    #[expect(clippy::needless_pass_by_value, reason = "what is restored is rarely needed any more")]
    pub fn restore(&mut self, key: impl Into<Text>, value: Json) {
        self.data.set(&key.into(), &value);
    }

    /// Removes a value that a factory has kept in the record for itself; see [`Record::restore`].
    pub fn unrestore(&mut self, key: &str) {
        self.data.remove(key);
    }

    /// Appends a waiting flash message as a loaded record holds it; for factories that keep records
    /// in a form of their own.
    ///
    /// Such a form has no ids. The message gets one that depends on its queue, its body and how
    /// many equal messages stand in front of it, so that it has the same id whenever the record is
    /// read.
    pub fn restore_flash(&mut self, queue: impl Into<Text>, body: Json) {
        let queue = queue.into();
        let equal = self.flashes.queue(queue.as_str()).iter().filter(|it| it.body == body).count();
        let mut hasher = std::hash::DefaultHasher::new();
        (queue.as_str(), body.as_str(), equal).hash(&mut hasher);
        let id = FlashId::from_random(hasher.finish());
        self.flashes.restore(&queue, Waiting { id, body });
    }

    /// Sets the CSRF token as a loaded record holds it; for factories that keep records in a form
    /// of their own.
    pub fn restore_csrf(&mut self, token: CsrfToken) {
        self.csrf = Some(token);
    }

    /// Sets whose session it is as a loaded record holds it; for factories that keep records in a
    /// form of their own.
    pub fn restore_owner(&mut self, owner: impl Into<Text>) {
        self.owner = Some(owner.into());
    }

    /// Sets what it is called as a loaded record holds it; for factories that keep records in a
    /// form of their own.
    pub fn restore_label(&mut self, label: impl Into<Text>) {
        self.label = Some(label.into());
    }

    /// Keeps what another framework has of its own in this session; for bridges.
    pub fn restore_foreign(&mut self, foreign: Foreign) {
        self.foreign = Some(Arc::new(foreign));
    }

    /// How long a browser should keep the cookie: until the session's end if it is remembered, else
    /// for the browser session.
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> Option<Duration> {
        // Without an end, as long as browsers keep any cookie.
        let until_end = || self.clockwork.absolute_deadline.map_or(Duration::MAX, |end| end.since(now));
        self.clockwork.remembered.then(until_end)
    }

    /// Sets when it was touched last and until when it may lie idle, for stores that keep those
    /// beside the record.
    pub fn restore_touch(&mut self, touched: Timestamp, idle_deadline: Option<Timestamp>) {
        self.clockwork.touched = touched;
        self.clockwork.idle_deadline = idle_deadline;
    }

    /// Whether it has come so far from the text it was read from that it takes much more room than
    /// a text of its own would.
    ///
    /// For stores that keep records: one that is changed again and again, and never written
    /// anywhere, would only grow.
    #[must_use]
    pub fn is_scattered(&self) -> bool {
        self.data.are_scattered()
    }

    /// Whether another framework keeps something of its own in it.
    #[must_use]
    pub const fn has_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// Nothing was stored: no data, no messages, and it is nobody's.
    pub(crate) fn is_vacant(&self) -> bool {
        self.data.is_empty() && self.owner.is_none() && self.flashes.queues().next().is_none()
    }

    /// What takes most of the room, largest first: keys by name, flash queues as `flash:<queue>`,
    /// fields of a newer release together as `extension fields`.
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
            .field("clockwork", &self.clockwork)
            .field("marks", &self.marks)
            .field("extensions", &self.extensions.as_deref().map_or(0, str::len))
            .field("foreign", &self.foreign)
            .finish()
    }
}
