//! The report of a store's server, for operators.

use std::fmt;
use std::time::Duration;

use cloakroom_session::Timestamp;

/// A clock further ahead than this is wrong: clocks synchronised over the network differ by less
/// than a second.
const AHEAD: Duration = Duration::from_secs(60);

/// A report on a store's server.
///
/// # Security
/// It contains settings and versions, but no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkup {
    /// The server's name and version, such as "Redis 7.0.15".
    pub server: String,
    /// The server's time, if it reports one.
    ///
    /// For display only: no store uses it to expire sessions.
    pub clock: Option<Timestamp>,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// One finding of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The topic.
    pub topic: Topic,
    /// The severity.
    pub severity: Severity,
    /// The finding, in one sentence.
    pub text: String,
}

/// The topic of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// Failures that acknowledged writes survive.
    Durability,
    /// Eviction of sessions when memory runs out.
    Eviction,
    /// Copies on other servers.
    Replication,
    /// The ability to accept writes.
    Writes,
    /// Permissions of the user that the store connects as.
    Rights,
    /// Connection limits and timeouts.
    Connections,
    /// Encryption and compression of records.
    Records,
    /// The file system of a store on disk.
    Storage,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Severity {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Note,
    /// The server doesn't report it.
    Unknown,
    /// Sessions may be lost, or can't be written.
    Problem,
}

impl Checkup {
    /// Creates a report without findings.
    pub fn new(server: impl Into<String>) -> Self {
        Self { server: server.into(), clock: None, findings: Vec::new() }
    }

    /// Sets the server's time.
    #[must_use]
    pub const fn clock(mut self, clock: Option<Timestamp>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns how far a clock is ahead of the server's, if by more than a minute.
    ///
    /// `now` is the reading of that clock before the server was asked. A machine whose clock is
    /// ahead treats live sessions as expired, and its sweeper would delete them.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::Timestamp;
    /// use cloakroom_store::store::Checkup;
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

    /// Adds a finding.
    #[must_use]
    pub fn found(mut self, topic: Topic, severity: Severity, text: impl Into<String>) -> Self {
        self.findings.push(Finding { topic, severity, text: text.into() });
        self
    }
}

impl Topic {
    /// Returns the lower-case name.
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
    /// Returns the lower-case name.
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
