//! What a store's server says of itself, for whoever operates it.

use std::fmt;
use std::time::Duration;

use cloakroom_session::Timestamp;

/// A clock that is further ahead than that is wrong. Clocks that are set by the network are within
/// a second of each other.
const AHEAD: Duration = Duration::from_secs(60);

/// What a store's server says of itself.
///
/// # Security
/// It names settings and versions, and no login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkup {
    /// What it is, as "Redis 7.0.15".
    pub server: String,
    /// What time it is there, if it tells. Only for people: no store decides by it whether a
    /// session is over.
    pub clock: Option<Timestamp>,
    /// What was looked at.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// Whether somebody has to do something.
    pub severity: Severity,
    /// What was found, in a sentence.
    pub text: String,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// What acknowledged writes survive.
    Durability,
    /// Whether sessions are thrown away for lack of room.
    Eviction,
    /// Whether somebody else has a copy.
    Replication,
    /// Whether it takes writes.
    Writes,
    /// What this user may do.
    Rights,
    /// What becomes of connections.
    Connections,
    /// How records are kept: encrypted, compressed, or as they are.
    Records,
    /// The file system that it is on.
    Storage,
}

/// Whether somebody has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Severity {
    /// As it should be.
    Good,
    /// Neither good nor bad by itself.
    Note,
    /// The server doesn't say.
    Unknown,
    /// Sessions may be lost, or can't be written.
    Problem,
}

impl Checkup {
    /// Of this server, with nothing looked at yet.
    pub fn new(server: impl Into<String>) -> Self {
        Self { server: server.into(), clock: None, findings: Vec::new() }
    }

    /// What time it is there.
    #[must_use]
    pub const fn clock(mut self, clock: Option<Timestamp>) -> Self {
        self.clock = clock;
        self
    }

    /// How far a clock is too far ahead of the server's, if it is: by more than a minute.
    ///
    /// `now` is what that clock said before the server was asked. A machine whose clock is ahead
    /// takes live sessions for ended ones, and its sweeper would remove them.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::Timestamp;
    /// use cloakroom_store::Checkup;
    /// use std::time::Duration;
    ///
    /// let server = Checkup::new("Redis 7").clock(Some(Timestamp::from_unix_secs(1_700_000_000)));
    /// assert_eq!(server.too_far_ahead(Timestamp::from_unix_secs(1_700_000_060)), None);
    /// assert_eq!(server.too_far_ahead(Timestamp::from_unix_secs(1_700_000_061)), Some(Duration::from_secs(61)));
    /// ```
    #[must_use]
    pub fn too_far_ahead(&self, now: Timestamp) -> Option<Duration> {
        let ahead = self.clock.map(|server| now.since(server));
        ahead.filter(|ahead| *ahead > AHEAD)
    }

    /// One more finding.
    #[must_use]
    pub fn found(mut self, topic: Topic, severity: Severity, text: impl Into<String>) -> Self {
        self.findings.push(Finding { topic, severity, text: text.into() });
        self
    }
}

impl Topic {
    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Durability => "durability",
            Self::Eviction => "eviction",
            Self::Replication => "replication",
            Self::Writes => "writes",
            Self::Rights => "rights",
            Self::Connections => "connections",
            Self::Records => "records",
            Self::Storage => "storage",
        }
    }
}

impl Severity {
    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Problem => "problem",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
