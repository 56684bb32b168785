//! The phases of a migration, and the switch between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use cloakroom_session::factory::SessionState;

/// The phase of a migration.
///
/// Nodes of a deployment may be at most one phase apart: start the next phase when all nodes have
/// reached the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a migration has these phases, and no others")]
pub enum Phase {
    /// Only the old factory is used.
    ReadOld,
    /// Sessions of the new factory are also read, because another node may be one phase ahead.
    /// Nothing is written there yet.
    ReadBothWriteOld,
    /// Sessions move to the new factory when they are written or touched. From then on, the other
    /// application can't see them.
    ReadBothWriteNew,
    /// Only the new factory is used. Start this phase when the longest lifetime of the old one has
    /// passed.
    ReadNew,
}

impl Phase {
    const ALL: [Self; 4] = [Self::ReadOld, Self::ReadBothWriteOld, Self::ReadBothWriteNew, Self::ReadNew];

    /// Returns a short name, for a configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOld => "read-old",
            Self::ReadBothWriteOld => "read-both-write-old",
            Self::ReadBothWriteNew => "read-both-write-new",
            Self::ReadNew => "read-new",
        }
    }

    /// Returns the phase with this name.
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

    /// Returns true if a session may be moving between the two sides. Nodes are at most one phase
    /// apart, so in the first and the last phase no node moves a session away from the side that is
    /// written.
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

/// Changes the phase of a migration at run time, from any part of the program.
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

    /// Returns the current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let number = usize::from(self.0.load(Ordering::SeqCst));
        Phase::ALL.get(number).copied().unwrap_or(Phase::ReadOld)
    }

    /// Changes the phase, in either direction.
    ///
    /// Requests in progress commit by the new phase's rules.
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
