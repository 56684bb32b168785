//! What opens and commits sessions: the trait alone.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_core::{Carrier, CookieHeader, SessionState, SetCookie, Timestamp};

use crate::error::Error;
use crate::session::Session;

/// Opens the session that a request's cookie refers to, and commits it when the response is ready.
///
/// An application configures one factory, and may write its own: implement `open` and `commit` as `async fn`.
///
/// # What an implementation must do
/// - `open` **must not** fail because of what the client sent. What can't be opened is a fresh session, and one trace event that
///   says why. `Err` means that the store couldn't answer.
/// - `open` **must not** adopt an id that the client invented.
/// - `commit` **must** carry out [`SessionState::plan`], all of it or nothing, and **must** return the session
///   [settled](SessionState::settled).
/// - `commit` **must not** create anything under the id of a session that has ended meanwhile.
///
/// # Examples
/// A factory that keeps records in a map. It loses racing updates and forgets everything at a restart; it shows the shape.
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use cloakroom_session::*;
///
/// #[derive(Debug, Default)]
/// struct MapSessions { records: Mutex<HashMap<StoreKey, Record>>, lifetimes: Lifetimes }
///
/// impl SessionFactory for MapSessions {
///     fn carrier(&self) -> Carrier { Carrier::Id }
///
///     async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
///         let records = self.records.lock().unwrap();
///         let known = cookies.candidates("sid").filter_map(|value| SessionId::parse(value.ok()?)).find_map(|id| {
///             let record = records.get(&id.store_key())?;
///             record.clockwork().expired(now).is_none().then(|| (id, record.clone()))
///         });
///         Ok(match known {
///             Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
///             None => SessionState::fresh(now, self.lifetimes),
///         })
///     }
///
///     async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
///         let cookie = CookieConfig::default().name("sid").build().expect("a plain name");
///         let mut records = self.records.lock().unwrap();
///         let (plan, update) = session.plan(Carrier::Id, now);
///         let id = match plan {
///             Plan::Create | Plan::Cycle | Plan::EndThenCreate => Some(fresh_id()?),
///             Plan::Replace | Plan::Touch => session.id(),
///             _ => None,
///         };
///         for ended in [session.ended_id(), session.id().filter(|_| plan == Plan::Cycle)].into_iter().flatten() {
///             records.remove(&ended.store_key());
///         }
///         let kept = match id {
///             Some(id) => Some((id, session.outcome(now, fresh_token)?)),
///             None => None,
///         };
///         if let Some((id, record)) = &kept {
///             records.insert(id.store_key(), record.clone());
///         }
///         let cookies = match (update, id) {
///             (CookieUpdate::Set, Some(id)) => vec![cookie.set(&id.expose(), None)?],
///             (CookieUpdate::Remove, _) => vec![cookie.remove()],
///             _ => vec![],
///         };
///         Ok(Committed { session: session.settled(kept.map(|(id, record)| (id, record.into())), now), cookies })
///     }
/// }
/// ```
pub trait SessionFactory: fmt::Debug + Send + Sync + 'static {
    /// What this factory's cookie carries.
    fn carrier(&self) -> Carrier;

    /// Opens the session that these cookies refer to, or a fresh one.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn open(
        &self,
        cookies: CookieHeader<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send;

    /// Carries out the session's plan.
    ///
    /// # Errors
    /// When it can't be done; nothing was then.
    fn commit(&self, session: SessionState, now: Timestamp) -> impl Future<Output = Result<Committed, Error>> + Send;

    /// Looks again at a session that was opened, for [`Session::refresh`](crate::Session::refresh).
    ///
    /// It **must** return what there is now under the session's [id](SessionState::id):
    /// [loaded](SessionState::loaded), or [detached](SessionState::detached) if it has ended or moved on. Without an implementation
    /// of its own, a factory whose cookie carries the record says that the session goes on until its deadline, for nobody else can
    /// end it; one whose cookie carries an id says that it can't tell.
    ///
    /// # Errors
    /// When the store couldn't answer, or the factory can't look again.
    fn reload(
        &self,
        session: &SessionState,
        now: Timestamp,
    ) -> impl Future<Output = Result<SessionState, Error>> + Send {
        let found = match self.carrier() {
            Carrier::Record if session.is_over(now) => Ok(SessionState::detached(now, *session.lifetimes())),
            Carrier::Record => Ok(session.clone()),
            Carrier::Id | _ => Err(Error::unsupported("this factory doesn't look at a session again")),
        };
        std::future::ready(found)
    }
}

/// What a commit leaves: the session as it is now, and the cookies that tell the browser.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The session, settled: what was committed is now what was opened.
    pub session: SessionState,
    /// The `Set-Cookie` lines to send.
    pub cookies: Vec<SetCookie>,
}

impl<F: SessionFactory> SessionFactory for Arc<F> {
    fn carrier(&self) -> Carrier {
        (**self).carrier()
    }

    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        (**self).open(cookies, now).await
    }

    async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        (**self).commit(session, now).await
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        (**self).reload(session, now).await
    }
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The same without a type parameter, so that no handler's signature names a factory.
pub(crate) trait DynFactory: fmt::Debug + Send + Sync + 'static {
    fn carrier(&self) -> Carrier;
    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
    fn commit(&self, session: SessionState, now: Timestamp) -> BoxFuture<'_, Result<Committed, Error>>;
    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
    /// The commit at the end of a request, whole, in the one box that a factory without a type needs.
    fn finish(self: Arc<Self>, session: Session, status: u16) -> BoxFuture<'static, Result<Vec<SetCookie>, Error>>;
}

impl<F: SessionFactory> DynFactory for F {
    fn carrier(&self) -> Carrier {
        SessionFactory::carrier(self)
    }

    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::open(self, cookies, now))
    }

    fn commit(&self, session: SessionState, now: Timestamp) -> BoxFuture<'_, Result<Committed, Error>> {
        Box::pin(SessionFactory::commit(self, session, now))
    }

    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::reload(self, session, now))
    }
    fn finish(self: Arc<Self>, session: Session, status: u16) -> BoxFuture<'static, Result<Vec<SetCookie>, Error>> {
        Box::pin(async move { session.finish(&*self, status).await })
    }
}
