//! The trait of session factories, which open and commit sessions.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_core::{
    After, Commit, ConflictPolicy, CookieHeader, CookiePayload, Plan, Record, SessionId, SessionState, SetCookie,
    StoreKey, Timestamp,
};

use crate::clock::{Clock, fill};
use crate::ended::{EndReason, by_asking};
use crate::error::Error;
use crate::meter::{self, Event};

/// Opens the session of a request's cookie, and commits it with the response.
///
/// An application configures one factory, or writes its own by implementing `open` and `commit` as
/// `async fn`.
///
/// # Requirements
/// - `open` **must not** fail because of the client's input. For a cookie that can't be opened, it
///   returns a fresh session and emits one trace event with the reason. `Err` means that the store
///   couldn't answer.
/// - `open` **must not** adopt an id that the client invented, except a
///   [reserved](SessionState::reserving_ids) one.
/// - `open` **must** call [`SessionState::with_payload`] if the cookie carries only an id.
/// - `commit` **must** carry out the [plan](Commit::plan) completely or not at all, and **must**
///   return the session [settled](Commit::settle).
/// - `commit` **must not** create anything under the id of a session that has ended in the
///   meantime; it returns [`After::Dropped`] instead.
/// - If one commit ends a session and begins another, the end **must** come first.
/// - A commit that is [resumed](Commit::is_resumed) may have succeeded already. It **must not** be
///   applied twice.
///
/// [`After::Dropped`]: cloakroom_core::After::Dropped
///
/// The conformance suite, `cloakroom_session::factory::conformance` behind the feature
/// `conformance`, checks these requirements.
///
/// # Examples
/// A minimal factory that keeps records in a map. It loses everything at a restart, and if two
/// requests run concurrently, only the changes of the later one are kept.
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use cloakroom_session::factory::*;
/// use cloakroom_session::{CookieConfig, Error, Lifetimes, Timestamp};
///
/// #[derive(Debug, Default)]
/// struct MapSessions { records: Mutex<HashMap<StoreKey, Record>>, lifetimes: Lifetimes }
///
/// impl SessionFactory for MapSessions {
///     async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
///         let records = self.records.lock().unwrap();
///         let known = cookies.candidates("sid").filter_map(|value| SessionId::parse(value.ok()?)).find_map(|id| {
///             let record = records.get(&id.store_key())?;
///             record.times().expired(now).is_none().then(|| (id, record.clone()))
///         });
///         let session = match known {
///             Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
///             None => SessionState::fresh(now, self.lifetimes),
///         };
///         Ok(session.with_payload(CookiePayload::Id))
///     }
///
///     async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
///         let cookie = CookieConfig::default().name("sid").build().expect("a plain name");
///         let mut records = self.records.lock().unwrap();
///         let (session, mut cookies) = (commit.session(), Vec::new());
///         // If one commit ends a session and begins another, the end comes first.
///         let ended = commit.ended_id().is_some_and(|id| records.remove(&id.store_key()).is_some());
///         let id = match commit.plan() {
///             Plan::Create | Plan::EndThenCreate => commit.new_id(),
///             // A session moves or is replaced only if it still exists: an ended one is never revived.
///             Plan::Cycle => session.store_key().and_then(|key| records.remove(&key)).and(commit.new_id()),
///             Plan::Replace | Plan::Touch => session.id().filter(|id| records.contains_key(&id.store_key())),
///             Plan::End => {
///                 cookies.extend(ended.then(|| cookie.remove()));
///                 return Ok(Committed::new(commit.settle(After::Ended), cookies));
///             }
///             Plan::Drop(_) => None,
///             _ => return Ok(Committed::new(commit.settle(After::Untouched), cookies)),
///         };
///         let Some(id) = id else { return Ok(Committed::new(commit.settle(After::Dropped), cookies)) };
///         records.insert(id.store_key(), Record::clone(&commit.record()));
///         if commit.cookie() == CookieUpdate::Set {
///             cookies.push(cookie.set(&id.expose(), None)?);
///         }
///         Ok(Committed::new(commit.settle(After::Kept(id, commit.record())), cookies))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session factory",
    label = "a session factory is needed here",
    note = "a store becomes a factory with `StoredSessions::new(store).build()?`",
    note = "a builder such as `CookieSessions::encrypted(key)` becomes a factory with `.build()?`"
)]
pub trait SessionFactory: fmt::Debug + Send + Sync + 'static {
    /// Opens the session that these cookies refer to, or a fresh one.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer.
    fn open(
        &self,
        cookies: CookieHeader<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send;

    /// Carries out a commit.
    ///
    /// # Errors
    /// Returns an error if the commit failed. With [`Error::is_unavailable`] the outcome is
    /// unknown, because the store didn't answer; the same commit is then tried again as
    /// [resumed](Commit::is_resumed).
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Committed, Error>> + Send;

    /// Returns the session that these cookies name, without opening it.
    ///
    /// It **must not** ask a store: the session may have ended, which only `open` finds out.
    /// Adapters use it for a public id of the session that is known before a handler opens the
    /// session. The default implementation returns [`Presented::Unknown`].
    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        let _ = (cookies, now);
        Presented::Unknown
    }

    /// Returns the names of the cookies that `open` reads.
    ///
    /// They tell whether a request comes with a cookie of this factory, and whether two session
    /// layers around a handler would set the same cookie. The default implementation returns none,
    /// which means that they are unknown.
    fn cookie_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns `true` if a new session gets the id of its commit ([`Commit::new_id`]), unless
    /// another session has that id.
    ///
    /// A migration derives the id of a moved session, so that racing requests begin only one. The
    /// conformance suite checks a factory that returns `true`. The default implementation returns
    /// `false`.
    fn begins_as_given(&self) -> bool {
        false
    }

    /// Returns `true` if a session can be ended by its [alias](Record::alias).
    ///
    /// [`Session::set_alias`](crate::Session::set_alias) is an error with all other factories. The
    /// default implementation returns `false`.
    fn keeps_aliases(&self) -> bool {
        false
    }

    /// Returns `true` if a session keeps its binding to a device, and a challenge works once.
    ///
    /// The record's extension fields must be stored, and concurrent commits must be merged.
    /// `Session::bind_device` is an error with all other factories. The default implementation
    /// returns `false`.
    fn keeps_bindings(&self) -> bool {
        false
    }

    /// Reloads an open session, for [`Session::refresh`](crate::Session::refresh).
    ///
    /// It **must** return the current session under the session's [id](SessionState::id):
    /// [loaded](SessionState::loaded), or [detached](SessionState::detached) if the session has
    /// ended or moved. If the session has only a
    /// [reserved id](SessionState::sent_reserved_id), it may not have begun: then it is returned
    /// unchanged. The default implementation depends on the cookie. If the cookie carries the
    /// record, the session lives until its deadline, because no other request can end it. If the
    /// cookie carries an id, the default returns an error.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer, or if the factory doesn't support reloading.
    fn reload(
        &self,
        session: &SessionState,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send {
        let found = match session.payload() {
            CookiePayload::Record if session.is_expired(now) => {
                Ok(SessionState::detached(session.id(), now, *session.lifetimes()))
            }
            CookiePayload::Record => Ok(session.clone()),
            CookiePayload::Id | _ => Err(Error::unsupported("this factory can't reload a session")),
        };
        std::future::ready(found)
    }

    /// Waits until the session has ended, for [`Session::ended`](crate::Session::ended).
    ///
    /// It **must** resolve once the session under the session's [id](SessionState::id) has ended,
    /// moved or expired by this clock, on whatever node, and **must not** resolve before. It
    /// **must not** fail: while the store can't be asked, it tries again. Waiting **must not**
    /// count as use. The future may be dropped at any time.
    ///
    /// The default implementation calls [`reload`](Self::reload) every 5 seconds and at the
    /// deadline. If the factory doesn't support reloading, it resolves at the deadline only.
    fn ended(&self, session: &SessionState, clock: &Arc<dyn Clock>) -> impl Future<Output = EndReason> + Send {
        by_asking(|now| self.reload(session, now), session, clock)
    }
}

/// The session that a request's cookies name.
///
/// # Security
/// It contains the hash of an id, which opens no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presented {
    /// No cookie names a session: `open` returns a new one, without asking a store.
    Nothing,
    /// A cookie names the session under this key. It may have ended.
    Session(StoreKey),
    /// The factory can't tell without opening the session.
    Unknown,
}

impl From<Option<StoreKey>> for Presented {
    /// Converts the answer of a factory that can tell.
    fn from(key: Option<StoreKey>) -> Self {
        key.map_or(Self::Nothing, Self::Session)
    }
}

/// The result of a commit: the session afterwards, and the cookies to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Committed {
    /// The session after the commit.
    pub session: SessionState,
    /// The `Set-Cookie` lines to send.
    pub cookies: Vec<SetCookie>,
}

impl Committed {
    /// Creates a result from a [settled](Commit::settle) session and the cookies to send.
    #[must_use]
    pub const fn new(session: SessionState, cookies: Vec<SetCookie>) -> Self {
        Self { session, cookies }
    }

    /// Creates the result of a commit whose session has ended in the meantime.
    ///
    /// Its changes are dropped, with one trace event. No cookie is sent, because the browser may
    /// already have a newer one.
    #[must_use]
    pub fn dropped(commit: &Commit) -> Self {
        let (plan, changes) = (commit.plan(), commit.session().log());
        tracing::warn!(?plan, %changes, "session changes dropped: it has ended in the meantime");
        Self::new(commit.settle(After::Dropped), Vec::new())
    }
}

impl<F: SessionFactory> SessionFactory for Arc<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        (**self).open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        (**self).commit(commit).await
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        (**self).presented(cookies, now)
    }

    fn cookie_names(&self) -> Vec<String> {
        (**self).cookie_names()
    }

    fn begins_as_given(&self) -> bool {
        (**self).begins_as_given()
    }

    fn keeps_aliases(&self) -> bool {
        (**self).keeps_aliases()
    }

    fn keeps_bindings(&self) -> bool {
        (**self).keeps_bindings()
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        (**self).reload(session, now).await
    }

    async fn ended(&self, session: &SessionState, clock: &Arc<dyn Clock>) -> EndReason {
        (**self).ended(session, clock).await
    }
}

/// Begins a commit of a session that one factory passes to another.
///
/// Use it in a factory such as a migration.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn begin_commit(session: SessionState, now: Timestamp) -> Result<Commit, Error> {
    Commit::new(session, now, fill)
}

/// Passes a commit on to another state of the session, such as that of another factory.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn hand_on(commit: &Commit, session: SessionState) -> Result<Commit, Error> {
    commit.handed_on(session, fill)
}

/// Carries out a commit of a session that is in its cookie, and not in a store.
///
/// `seal` makes the cookies that hold a record, under the session's id. `remove` makes those that
/// remove them.
///
/// # Errors
/// Returns the error of `seal`. A touch of a session that is too large for its cookie isn't an
/// error: a request that only reads must not fail because of that.
pub fn commit_to_cookie(
    commit: &Commit,
    seal: impl FnOnce(SessionId, &Record) -> Result<Vec<SetCookie>, Error>,
    remove: impl FnOnce() -> Vec<SetCookie>,
) -> Result<Committed, Error> {
    let plan = commit.plan();
    let count = || Event::of(plan).iter().for_each(|event| meter::event(CookiePayload::Record, *event));
    let without_cookie = |after| Ok(Committed::new(commit.settle(after), Vec::new()));
    let id = match (plan, commit.session().id(), commit.new_id()) {
        (Plan::Create | Plan::EndThenCreate | Plan::Cycle, _, Some(id)) => id,
        (Plan::Replace | Plan::Touch, Some(id), _) => id,
        (Plan::End, ..) => {
            count();
            return Ok(Committed::new(commit.settle(After::Ended), remove()));
        }
        (Plan::Drop(reason), ..) => {
            count();
            tracing::warn!(?reason, changes = %commit.session().log(), "session changes dropped");
            return without_cookie(After::Dropped);
        }
        _ => return without_cookie(After::Untouched),
    };
    let record = commit.record();
    match seal(id, &record) {
        Ok(cookies) => {
            count();
            Ok(Committed::new(commit.settle(After::Kept(id, record)), cookies))
        }
        // Encoded timestamps may be longer than before.
        Err(error) if error.is_too_large() && plan == Plan::Touch => without_cookie(After::Untouched),
        Err(error) => Err(error),
    }
}

/// Replays a log on a version that another request wrote, and reports a lost update.
///
/// For factories with versions. An update is lost if this request read a key and then set it, and
/// another request changed the key in between. Such an update is counted, and one warning names the
/// key.
///
/// # Errors
/// Returns an error if an update closure can't read or write its value. Under the strict policy,
/// also returns an error for a key that both requests changed.
pub fn replay(commit: &Commit, newest: &Record, policy: ConflictPolicy) -> Result<Record, Error> {
    replay_with(commit, newest, policy, || meter::event(commit.session().payload(), Event::Overwritten))
}

/// Replays like [`replay`], for a factory that counts lost updates itself.
///
/// # Errors
/// Returns the errors of [`replay`].
pub fn replay_with(
    commit: &Commit,
    newest: &Record,
    policy: ConflictPolicy,
    overwritten: impl FnOnce(),
) -> Result<Record, Error> {
    let session = commit.session();
    tracing::debug!(changes = session.log().len(), "session changes replayed on a newer version");
    let replayed = session.log().replay(session.base(), newest, policy)?;
    if let Some(key) = replayed.overwritten {
        overwritten();
        tracing::warn!(
            key = key.as_str(),
            "lost update: another request changed this session key after this one had read it; use `update` to keep both"
        );
    }
    Ok(session.touched(replayed.record, commit.now()))
}
