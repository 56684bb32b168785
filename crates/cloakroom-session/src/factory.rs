//! What opens and commits sessions: the trait alone.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_core::{Carrier, Commit, ConflictPolicy, CookieHeader, Record, SessionState, SetCookie, Timestamp};

use crate::clock::fill;
use crate::error::Error;
use crate::meter::{self, Event};

/// Opens the session that a request's cookie refers to, and commits it when the response is ready.
///
/// An application configures one factory, and may write its own: implement `open` and `commit` as
/// `async fn`.
///
/// # What an implementation must do
/// - `open` **must not** fail because of what the client sent. What can't be opened is a fresh
///   session, and one trace event that says why. `Err` means that the store couldn't answer.
/// - `open` **must not** adopt an id that the client invented.
/// - `open` **must** say what the cookie carries, with [`SessionState::carried_by`], if that is
///   only an id.
/// - `commit` **must** carry out the [plan](Commit::plan), all of it or nothing, and **must**
///   return the session [settled](Commit::settle).
/// - `commit` **must not** create anything under the id of a session that has ended in the
///   meantime: it answers [`After::Dropped`].
/// - Where one commit ends a session and begins another, the end **must** come first.
/// - A commit that is [resumed](Commit::is_resumed) may have been carried out already. It **must
///   not** be applied twice.
///
/// [`After::Dropped`]: cloakroom_core::After::Dropped
///
/// The conformance suite for factories, `cloakroom_session::factory_conformance` with the feature
/// of that name, checks these duties.
///
/// # Examples
/// A factory that keeps records in a map. It forgets everything at a restart, and of two requests
/// that run at the same time only the later one's changes are kept; it shows the shape.
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use cloakroom_session::*;
///
/// #[derive(Debug, Default)]
/// struct MapSessions { records: Mutex<HashMap<StoreKey, Record>>, lifetimes: Lifetimes }
///
/// impl SessionFactory for MapSessions {
///     async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
///         let records = self.records.lock().unwrap();
///         let known = cookies.candidates("sid").filter_map(|value| SessionId::parse(value.ok()?)).find_map(|id| {
///             let record = records.get(&id.store_key())?;
///             record.clockwork().expired(now).is_none().then(|| (id, record.clone()))
///         });
///         let session = match known {
///             Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
///             None => SessionState::fresh(now, self.lifetimes),
///         };
///         Ok(session.carried_by(Carrier::Id))
///     }
///
///     async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
///         let cookie = CookieConfig::default().name("sid").build().expect("a plain name");
///         let mut records = self.records.lock().unwrap();
///         let (session, mut cookies) = (commit.session(), Vec::new());
///         // Where one session ends and another begins, the end comes first.
///         let ended = commit.ended_id().is_some_and(|id| records.remove(&id.store_key()).is_some());
///         let id = match commit.plan() {
///             Plan::Create | Plan::EndThenCreate => commit.new_id(),
///             // Only a session that is still there moves or is replaced: nothing revives one that has ended.
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
pub trait SessionFactory: fmt::Debug + Send + Sync + 'static {
    /// Opens the session that these cookies refer to, or a fresh one.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn open(
        &self,
        cookies: CookieHeader<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send;

    /// Carries out a commit.
    ///
    /// # Errors
    /// When it can't be done. If the store gave no answer, it may have been done or not: with
    /// [`Error::is_unavailable`] the same commit is tried again, [resumed](Commit::is_resumed).
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Committed, Error>> + Send;

    /// Looks again at a session that was opened, for [`Session::refresh`](crate::Session::refresh).
    ///
    /// It **must** return what there is now under the session's [id](SessionState::id):
    /// [loaded](SessionState::loaded), or [detached](SessionState::detached) if it has ended or
    /// moved on. Without an implementation of its own, a factory whose cookie carries the record
    /// says that the session goes on until its deadline, for nobody else can end it; one whose
    /// cookie carries an id says that it can't tell.
    ///
    /// # Errors
    /// When the store couldn't answer, or the factory can't look again.
    fn reload(
        &self,
        session: &SessionState,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send {
        let found = match session.carrier() {
            Carrier::Record if session.is_expired(now) => {
                Ok(SessionState::detached(session.id(), now, *session.lifetimes()))
            }
            Carrier::Record => Ok(session.clone()),
            Carrier::Id | _ => Err(Error::unsupported("this factory doesn't look at a session again")),
        };
        std::future::ready(found)
    }
}

/// The result of a commit: the session after it, and the cookies that tell the browser.
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
}

impl<F: SessionFactory> SessionFactory for Arc<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        (**self).open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        (**self).commit(commit).await
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        (**self).reload(session, now).await
    }
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The same without a type parameter, so that no handler's signature names a factory.
pub(crate) trait DynFactory: fmt::Debug + Send + Sync + 'static {
    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
    /// Carries out a commit, and gives it back with the outcome.
    fn commit(self: Arc<Self>, commit: Commit) -> BoxFuture<'static, (Commit, Result<Committed, Error>)>;
    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
}

impl<F: SessionFactory> DynFactory for F {
    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::open(self, cookies, now))
    }

    fn commit(self: Arc<Self>, commit: Commit) -> BoxFuture<'static, (Commit, Result<Committed, Error>)> {
        Box::pin(async move {
            let outcome = SessionFactory::commit(&*self, &commit).await;
            (commit, outcome)
        })
    }

    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::reload(self, session, now))
    }
}

/// Begins a commit of a session that one factory hands on to another, such as in a migration.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn begin_commit(session: SessionState, now: Timestamp) -> Result<Commit, Error> {
    Commit::new(session, now, fill)
}

/// Hands a commit on: it is carried out on another state of the session, such as one of another
/// factory.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn hand_on(commit: &Commit, session: SessionState) -> Result<Commit, Error> {
    commit.handed_on(session, fill)
}

/// Applies a log again to a version that another request wrote, and reports a lost update.
///
/// For factories with versions. A key that this request had read and then set, although another
/// request changed it in between, is a lost update: one warning names it, and it is counted.
///
/// # Errors
/// When a closure can't read or write its value, or under the strict policy for a key that was
/// changed by both.
pub fn replay(commit: &Commit, newest: &Record, policy: ConflictPolicy) -> Result<Record, Error> {
    replay_with(commit, newest, policy, || meter::event(commit.session().carrier(), Event::Overwritten))
}

/// The same as [`replay`], for a factory that counts lost updates itself.
///
/// # Errors
/// As [`replay`].
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
