//! From the old factory to the new one, without signing anybody out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use cloakroom_session::{
    Carrier, Committed, CookieHeader, Error, Plan, SessionFactory, SessionState, SetCookie, Timestamp,
};

/// How far a migration has come.
///
/// Each node of a deployment may be one phase behind or ahead of the others: go from one to the next when all nodes have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a migration has these phases, and no others")]
pub enum Phase {
    /// Only the old factory.
    ReadOld,
    /// What the new one has written is read, in case that another node is ahead. Nothing is written there yet.
    ReadBothWriteOld,
    /// Sessions move to the new factory when they are written or touched. The other application doesn't see them any more.
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

    const fn writes(self) -> Side {
        match self {
            Self::ReadOld | Self::ReadBothWriteOld => Side::Old,
            Self::ReadBothWriteNew | Self::ReadNew => Side::New,
        }
    }

    const fn reads(self, side: Side) -> bool {
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
enum Side {
    Old,
    New,
}

impl Side {
    const fn place(self) -> u8 {
        match self {
            Self::Old => 1,
            Self::New => 2,
        }
    }

    fn of(session: &SessionState) -> Option<Self> {
        [Self::Old, Self::New].into_iter().find(|side| side.place() == session.place())
    }

    const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }
}

/// What a migration has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStats {
    /// Sessions that the old factory opened.
    pub old: u64,
    /// Sessions that the new factory opened.
    pub new: u64,
    /// Requests whose cookies neither opened.
    pub refused: u64,
    /// Sessions that moved from the one to the other.
    pub moved: u64,
}

#[derive(Debug, Default)]
struct Counters {
    old: AtomicU64,
    new: AtomicU64,
    refused: AtomicU64,
    moved: AtomicU64,
}

/// The factory that leads from an old factory to a new one.
///
/// Any two factories will do: a bridge and sessions of our own, cookies and a store, one secret of Pyramid and the next. A session that is read on one side
/// and written on the other moves: it begins on the new side with all that it holds, and ends on the old one, so that a browser holds one
/// session at any time, and signing out ends both. Of two that a request brings all the same, the one that was used later counts.
///
/// # Security
/// Sessions that live in cookies can't be ended: a copy of an old cookie opens until its deadline, or until [`Phase::ReadNew`].
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_bridge::{Migration, Phase};
/// use cloakroom_session::{CookieConfig, CookieHeader, CookieSessions, Engine, Key, SessionSlot};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Key::new(b"a secret of 32 bytes or more, here for the example")?;
/// let old = CookieSessions::signed(key.clone()).cookie(CookieConfig::default().name("old")).build()?;
/// let new = CookieSessions::encrypted(key).cookie(CookieConfig::default().name("new")).build()?;
/// # let slot = SessionSlot::new(Arc::new(Engine::new(old.clone())));
/// # slot.open(CookieHeader::default()).await?.insert("user", 42)?;
/// # let before = slot.finish(200).await?.cookies[0].as_str().split(';').next().unwrap_or_default().to_owned();
/// let migration = Arc::new(Migration::new(old, new, Phase::ReadBothWriteNew));
///
/// let slot = SessionSlot::new(Arc::new(Engine::new(Arc::clone(&migration))));
/// let session = slot.open(CookieHeader::new([before.as_bytes()])).await?;      // "old=s1.…"
/// assert_eq!(session.get::<u32>("user")?, Some(42));
/// session.insert("seen", true)?;
/// let cookies = slot.finish(200).await?.cookies;
/// assert!(cookies[0].as_str().starts_with("old=; ") && cookies[1].as_str().starts_with("new=e1."));
/// assert_eq!((migration.stats().old, migration.stats().moved), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Migration<O, N> {
    old: O,
    new: N,
    phase: PhaseSwitch,
    counters: Counters,
}

impl<O: SessionFactory, N: SessionFactory> Migration<O, N> {
    /// A migration that begins in this phase.
    #[must_use]
    pub fn new(old: O, new: N, phase: Phase) -> Self {
        let phase = PhaseSwitch(Arc::new(AtomicU8::new(phase as u8)));
        Self { old, new, phase, counters: Counters::default() }
    }

    /// What moves it on.
    #[must_use]
    pub fn switch(&self) -> PhaseSwitch {
        self.phase.clone()
    }

    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.phase()
    }

    /// What was seen since it was made. When `old` stays the same for as long as a session lives, the migration is over.
    #[must_use]
    pub fn stats(&self) -> MigrationStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { old, new, refused, moved } = &self.counters;
        MigrationStats { old: read(old), new: read(new), refused: read(refused), moved: read(moved) }
    }

    async fn open_on(&self, side: Side, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let session = match side {
            Side::Old => self.old.open(cookies, now).await?,
            Side::New => self.new.open(cookies, now).await?,
        };
        Ok(session.at_place(side.place()))
    }

    async fn commit_on(&self, side: Side, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let mut committed = match side {
            Side::Old => self.old.commit(session, now).await?,
            Side::New => self.new.commit(session, now).await?,
        };
        committed.session = committed.session.at_place(side.place());
        Ok(committed)
    }

    fn carrier_of(&self, side: Side) -> Carrier {
        match side {
            Side::Old => self.old.carrier(),
            Side::New => self.new.carrier(),
        }
    }

    /// Keeps the session on another side than it was opened on.
    async fn shift(&self, from: Side, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let to = from.other();
        let moves = session.id().is_some();
        let begun = self.open_on(to, CookieHeader::default(), now).await?.adopting(&session, now);
        // The new one first: if the old one can't be ended, the request fails, and nobody knows the new one.
        let mut committed = self.commit_on(to, begun, now).await?;
        let ended = self.end(from, session, now).await?;
        committed.cookies = joined(ended, committed.cookies);
        if moves {
            self.counters.moved.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(to = ?to, "session moved");
        Ok(committed)
    }

    /// Ends a session, and whatever was done to it.
    async fn end(&self, side: Side, mut session: SessionState, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        session.invalidate(now);
        Ok(self.commit_on(side, session, now).await?.cookies)
    }
}

/// Cookies that end sessions, and then those that keep one; of one name, only the latter.
fn joined(ended: Vec<SetCookie>, kept: Vec<SetCookie>) -> Vec<SetCookie> {
    fn name(cookie: &SetCookie) -> &str {
        cookie.as_str().split('=').next().unwrap_or_default()
    }
    let spare = |cookie: &SetCookie| kept.iter().any(|it| name(it) == name(cookie));
    let ended: Vec<_> = ended.into_iter().filter(|cookie| !spare(cookie)).collect();
    ended.into_iter().chain(kept).collect()
}

impl<O: SessionFactory, N: SessionFactory> SessionFactory for Migration<O, N> {
    /// [`Carrier::Record`] if either side's is: a session that moves needs a cookie.
    fn carrier(&self) -> Carrier {
        match (self.old.carrier(), self.new.carrier()) {
            (Carrier::Id, Carrier::Id) => Carrier::Id,
            _ => Carrier::Record,
        }
    }

    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let phase = self.phase();
        let side = phase.writes();
        let session = self.open_on(side, cookies.clone(), now).await?;
        let session = if phase.reads(side.other()) {
            let other = self.open_on(side.other(), cookies, now).await?;
            choose(session, other)
        } else {
            session
        };
        let seen = match (session.is_new(), Side::of(&session)) {
            (true, _) => session.rejected().map(|_| &self.counters.refused),
            (false, Some(Side::Old)) => Some(&self.counters.old),
            (false, _) => Some(&self.counters.new),
        };
        if let Some(counter) = seen {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        Ok(session)
    }

    async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let to = self.phase().writes();
        let from = Side::of(&session).unwrap_or(to);
        let (plan, _) = session.plan(self.carrier_of(from), now);
        let beside = session.other().cloned();
        let settled = matches!(plan, Plan::Nothing | Plan::Drop(_));
        let mut committed = if from == to || settled || plan == Plan::End {
            self.commit_on(from, session, now).await?
        } else {
            self.shift(from, session, now).await?
        };
        if let Some((beside, side)) = beside.and_then(|it| Side::of(&it).map(|side| (it, side))).filter(|_| !settled) {
            let ended = self.end(side, beside, now).await?;
            committed.cookies = joined(ended, committed.cookies);
        }
        Ok(committed)
    }
}

/// The session that counts of those that the two sides opened; the first is that of the side that is written.
fn choose(written: SessionState, other: SessionState) -> SessionState {
    let used = |session: &SessionState| session.base().clockwork().touched.unix_secs();
    match (written.is_new(), other.is_new()) {
        (false, false) if used(&other) > used(&written) => other.beside(written),
        (false, false) => written.beside(other),
        (true, false) => other,
        (false, true) => written,
        (true, true) => {
            let why = written.rejected().or(other.rejected());
            written.rejecting(why)
        }
    }
}
