//! How far a migration has come, and what moves it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use cloakroom_session::SessionState;

/// How far a migration has come.
///
/// Each node of a deployment may be one phase behind or ahead of the others: go from one to the
/// next when all nodes have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a migration has these phases, and no others")]
pub enum Phase {
    /// Only the old factory.
    ReadOld,
    /// What the new one has written is read, in case that another node is ahead. Nothing is written
    /// there yet.
    ReadBothWriteOld,
    /// Sessions move to the new factory when they are written or touched. The other application
    /// doesn't see them any more.
    ReadBothWriteNew,
    /// Only the new factory. For when the longest lifetime of the old one has passed.
    ReadNew,
}

impl Phase {
    const ALL: [Self; 4] = [Self::ReadOld, Self::ReadBothWriteOld, Self::ReadBothWriteNew, Self::ReadNew];

    /// A short name, for a configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOld => "read-old",
            Self::ReadBothWriteOld => "read-both-write-old",
            Self::ReadBothWriteNew => "read-both-write-new",
            Self::ReadNew => "read-new",
        }
    }

    /// The phase of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    pub(super) const fn writes(self) -> Side {
        match self {
            Self::ReadOld | Self::ReadBothWriteOld => Side::Old,
            Self::ReadBothWriteNew | Self::ReadNew => Side::New,
        }
    }

    /// Whether a session may be moving between the two sides. Nodes are at most one phase apart, so
    /// in the first and the last phase no node moves a session away from the side that is written.
    pub(super) const fn is_between(self) -> bool {
        matches!(self, Self::ReadBothWriteOld | Self::ReadBothWriteNew)
    }

    pub(super) const fn reads(self, side: Side) -> bool {
        match side {
            Side::Old => !matches!(self, Self::ReadNew),
            Side::New => !matches!(self, Self::ReadOld),
        }
    }
}

/// Moves a migration on, from wherever it is held: no restart is needed.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{Migration, Phase};
/// use cloakroom_session::{CookieSessions, Key};
///
/// let key = Key::new(b"a secret of 32 bytes or more, here for the example")?;
/// let (old, new) = (CookieSessions::signed(key.clone()).build()?, CookieSessions::encrypted(key).build()?);
/// let migration = Migration::new(old, new, Phase::ReadOld);
/// let switch = migration.switch();            // to a handler for operators, or a watcher of a file
/// switch.set(Phase::ReadBothWriteOld);
/// assert_eq!(migration.phase(), Phase::ReadBothWriteOld);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PhaseSwitch(Arc<AtomicU8>);

impl PhaseSwitch {
    pub(super) fn new(phase: Phase) -> Self {
        Self(Arc::new(AtomicU8::new(phase as u8)))
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let number = usize::from(self.0.load(Ordering::SeqCst));
        Phase::ALL.get(number).copied().unwrap_or(Phase::ReadOld)
    }

    /// Moves on, or back. Requests that are under way are committed as the new phase has it.
    pub fn set(&self, phase: Phase) {
        let before = self.0.swap(phase as u8, Ordering::SeqCst);
        if before != phase as u8 {
            tracing::info!(phase = phase.as_str(), "session migration");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

impl Side {
    pub(super) const fn place(self) -> u8 {
        match self {
            Self::Old => 1,
            Self::New => 2,
        }
    }

    pub(super) fn of(session: &SessionState) -> Option<Self> {
        [Self::Old, Self::New].into_iter().find(|side| side.place() == session.place())
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }
}
