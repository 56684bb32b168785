//! The migration from an old factory to a new one, without signing users out.

mod mark;
mod moving;
mod phase;
mod trace;

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::factory::{
    After, Commit, Committed, CookieHeader, Plan, Presented, Record, SessionFactory, SessionState, SetCookie,
};
use cloakroom_session::{Error, Timestamp};

use phase::Side;
pub use phase::{Phase, PhaseSwitch};

/// Counters of a migration, since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStats {
    /// Sessions that the old factory opened.
    pub old: u64,
    /// Sessions that the new factory opened.
    pub new: u64,
    /// Requests whose cookies neither factory opened.
    pub refused: u64,
    /// Sessions that moved from the old factory to the new one.
    pub moved: u64,
}

#[derive(Debug, Default)]
struct Counters {
    old: AtomicU64,
    new: AtomicU64,
    refused: AtomicU64,
    moved: AtomicU64,
}

/// A factory that moves sessions from an old factory to a new one.
///
/// Any two factories work: a bridge and Cloakroom's own sessions, cookies and a store, or two
/// secrets of Pyramid. A session that is read on one side and written on the other is moved: it
/// starts on the new side with all its data, and ends on the old one. So a browser holds one
/// session at a time, and signing out ends both. If a request carries two sessions anyway, the one
/// used last counts.
///
/// Between stores, no change is lost while a session moves. Its old record carries a mark for a
/// minute (a value under the key `_cloakroom_move`). Requests that opened the session earlier
/// follow the mark: their changes are made on the new side, and a sign-out ends the session there.
///
/// A session that is bound to a device moves with its binding if both sides keep bindings. If the
/// other side doesn't, the session stays where it is until it ends: there it would open without the
/// device. In [`Phase::ReadNew`] such a session no longer opens. New sessions are bound if the side
/// that is written keeps bindings. It needs the feature `dbsc`.
///
/// # Security
/// A client that has only the old id cannot compute the new one: that requires a value from the old
/// store.
///
/// Sessions kept in cookies can't be ended: a copy of an old cookie opens until its deadline, or
/// until [`Phase::ReadNew`].
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_bridge::{Migration, Phase};
/// use cloakroom_session::adapter::{CookieHeader, SessionSlot};
/// use cloakroom_session::{CookieConfig, CookieSessions, Engine, Key};
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
    /// Creates a migration in this phase.
    #[must_use]
    pub fn new(old: O, new: N, phase: Phase) -> Self {
        let phase = PhaseSwitch::new(phase);
        Self { old, new, phase, counters: Counters::default() }
    }

    /// Returns the switch that changes the phase.
    #[must_use]
    pub fn switch(&self) -> PhaseSwitch {
        self.phase.clone()
    }

    /// Returns the current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.phase()
    }

    /// Returns the counters since the migration was created.
    ///
    /// When `old` hasn't changed for the lifetime of a session, the migration is complete.
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
        Ok(session.with_source(side.place()))
    }

    async fn commit_on(&self, side: Side, commit: &Commit) -> Result<Committed, Error> {
        let mut committed = match side {
            Side::Old => self.old.commit(commit).await?,
            Side::New => self.new.commit(commit).await?,
        };
        committed.session = committed.session.with_source(side.place());
        Ok(committed)
    }

    fn begins_as_given_on(&self, side: Side) -> bool {
        match side {
            Side::Old => self.old.begins_as_given(),
            Side::New => self.new.begins_as_given(),
        }
    }

    /// Returns whether the session is bound to a device, and this side can't keep the binding.
    ///
    /// There it would silently open without the device.
    #[cfg(feature = "dbsc")]
    fn is_bound_to_stay(&self, record: &Record, to: Side) -> bool {
        // A binding of a later release can't be read, and isn't taken for an offer.
        let is_bound = record.has_binding() && record.binding().is_none_or(|it| it.bound_at().is_some());
        is_bound && !self.keeps_bindings_on(to)
    }

    #[cfg(not(feature = "dbsc"))]
    const fn is_bound_to_stay(&self, _: &Record, _: Side) -> bool {
        false
    }

    fn keeps_bindings_on(&self, side: Side) -> bool {
        match side {
            Side::Old => self.old.keeps_bindings(),
            Side::New => self.new.keeps_bindings(),
        }
    }

    async fn reload_on(&self, side: Side, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let found = match side {
            Side::Old => self.old.reload(session, now).await?,
            Side::New => self.new.reload(session, now).await?,
        };
        Ok(found.with_source(side.place()))
    }
}

/// Joins cookies that end sessions with those that keep one. A kept cookie replaces a removal of
/// the same name.
fn joined(ended: Vec<SetCookie>, kept: Vec<SetCookie>) -> Vec<SetCookie> {
    let spare = |cookie: &SetCookie| kept.iter().any(|it| it.name() == cookie.name());
    let ended: Vec<_> = ended.into_iter().filter(|cookie| !spare(cookie)).collect();
    ended.into_iter().chain(kept).collect()
}

impl<O: SessionFactory, N: SessionFactory> SessionFactory for Migration<O, N> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let phase = self.phase();
        let side = phase.writes();
        let session = self.open_on(side, cookies.clone(), now).await?;
        let session = self.follow_mark(session, now).await?;
        let session = if phase.reads(side.other()) {
            let other = self.open_on(side.other(), cookies, now).await?;
            choose(session, self.follow_mark(other, now).await?)
        } else {
            session
        };
        // A session that moves to the other side needs a cookie.
        let moves = Side::of(&session).is_some_and(|from| from != side);
        let session = if moves { session.moving(true) } else { session };
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

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let (plan, now) = (commit.plan(), commit.now());
        let to = self.phase().writes();
        let from = Side::of(commit.session()).unwrap_or(to);
        let other = commit.session().other().cloned();
        let mut committed = match plan {
            Plan::Nothing | Plan::IssueToken | Plan::Drop(_) => return self.commit_on(from, commit).await,
            Plan::End => {
                let cookies = self.end(from, commit.session(), now).await?;
                Committed::new(commit.settle(After::Ended), cookies)
            }
            Plan::EndThenCreate => self.begin_anew(from, to, commit).await?,
            // Another request may have begun the session under the reserved id, so it begins there.
            // It moves later, or has moved.
            Plan::Create if commit.session().sent_reserved_id().is_some() => self.stay(from, commit).await?,
            Plan::Create if from != to => self.begin_anew(from, to, commit).await?,
            _ if from == to || self.is_bound_to_stay(commit.session().base(), to) => self.stay(from, commit).await?,
            Plan::Touch | Plan::Create | Plan::Replace | Plan::Cycle | _ => self.shift(from, commit).await?,
        };
        if let Some((other, side)) = other.and_then(|it| Side::of(&it).map(|side| (it, side))) {
            let ended = self.end(side, &other, now).await?;
            committed.cookies = joined(ended, committed.cookies);
        }
        Ok(committed)
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        let on = |side| match side {
            Side::Old => self.old.presented(cookies, now),
            Side::New => self.new.presented(cookies, now),
        };
        let (phase, side) = (self.phase(), self.phase().writes());
        let found = on(side);
        let looks_on = found == Presented::Nothing && phase.reads(side.other());
        if looks_on { on(side.other()) } else { found }
    }

    fn cookie_names(&self) -> Vec<String> {
        // Regardless of the phase, which can change while the application runs.
        let mut names = self.new.cookie_names();
        names.extend(self.old.cookie_names().into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        names
    }

    fn begins_as_given(&self) -> bool {
        self.begins_as_given_on(self.phase().writes())
    }

    fn keeps_aliases(&self) -> bool {
        match self.phase().writes() {
            Side::Old => self.old.keeps_aliases(),
            Side::New => self.new.keeps_aliases(),
        }
    }

    fn keeps_bindings(&self) -> bool {
        self.keeps_bindings_on(self.phase().writes())
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let side = Side::of(session).unwrap_or(self.phase().writes());
        let found = self.reload_on(side, session, now).await?;
        self.follow_mark(found, now).await
    }
}

/// Chooses between the sessions that the two sides opened; `written` is from the side that is
/// written.
fn choose(written: SessionState, other: SessionState) -> SessionState {
    let used = |session: &SessionState| session.base().times().touched.unix_secs();
    // The old cookie of a moved session led to the same session as the new one.
    if written.id().is_some() && (written.id(), written.place()) == (other.id(), other.place()) {
        return written;
    }
    match (written.is_new(), other.is_new()) {
        (false, false) if used(&other) > used(&written) => other.with_duplicate(written),
        (false, false) => written.with_duplicate(other),
        (true, false) => other,
        (false, true) => written,
        // A superseded id must stay recognized: a new session would send a cookie that replaces the
        // newer one.
        (true, true) if other.is_detached() && !written.is_detached() => other,
        // A node in another phase may begin the session under this id at the same moment.
        (true, true) if other.sent_reserved_id().is_some() && written.reserved_id().is_none() => other,
        (true, true) => {
            let why = written.rejected().or(other.rejected());
            written.with_rejection(why)
        }
    }
}
