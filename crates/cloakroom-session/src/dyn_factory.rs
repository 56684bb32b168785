//! [`SessionFactory`] behind a type without parameters.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_core::{Commit, CookieHeader, SessionState, Timestamp};

use crate::clock::Clock;
use crate::ended::EndReason;
use crate::error::Error;
use crate::factory::{Committed, Presented, SessionFactory};

/// A future behind a pointer.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A commit that a factory carries out. It returns the commit with its outcome.
pub(crate) type Running = BoxFuture<'static, (Commit, Result<Committed, Error>)>;

/// [`SessionFactory`] without a type parameter, so that no handler's signature names a factory.
pub(crate) trait DynFactory: fmt::Debug + Send + Sync + 'static {
    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
    /// Carries out a commit, and returns it with the outcome.
    fn commit(self: Arc<Self>, commit: Commit) -> Running;
    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented;
    fn keeps_aliases(&self) -> bool;
    #[cfg(feature = "dbsc")]
    fn keeps_bindings(&self) -> bool;
    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>>;
    /// Waits until the session has ended.
    fn ended(self: Arc<Self>, session: SessionState, clock: Arc<dyn Clock>) -> BoxFuture<'static, EndReason>;
}

impl<F: SessionFactory> DynFactory for F {
    fn open<'a>(&'a self, cookies: CookieHeader<'a>, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::open(self, cookies, now))
    }

    fn commit(self: Arc<Self>, commit: Commit) -> Running {
        Box::pin(async move {
            let outcome = SessionFactory::commit(&*self, &commit).await;
            (commit, outcome)
        })
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        SessionFactory::presented(self, cookies, now)
    }

    fn keeps_aliases(&self) -> bool {
        SessionFactory::keeps_aliases(self)
    }

    #[cfg(feature = "dbsc")]
    fn keeps_bindings(&self) -> bool {
        SessionFactory::keeps_bindings(self)
    }

    fn reload<'a>(&'a self, session: &'a SessionState, now: Timestamp) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(SessionFactory::reload(self, session, now))
    }

    fn ended(self: Arc<Self>, session: SessionState, clock: Arc<dyn Clock>) -> BoxFuture<'static, EndReason> {
        Box::pin(async move { SessionFactory::ended(&*self, &session, &clock).await })
    }
}
