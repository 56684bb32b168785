//! The session as handlers hold it.
//!
//! Here are its parts and its lock. Its methods are in the files of this folder, in the order of
//! the table that users of Pyramid know: `values`, `life`, `flash`, `csrf`, and `commit`; `refresh`
//! is for requests that last. `turn` keeps commits of one session apart, and `driver` carries each
//! to its end.
//!
//! No code of the application runs while the lock is held: neither a serde implementation nor a
//! closure. Either may use the session itself.

mod commit;
mod csrf;
mod driver;
mod flash;
mod life;
mod refresh;
mod turn;
mod values;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{Commit, SessionState, SetCookie, Timestamp};

use crate::error::Error;
use crate::slot::Engine;

pub(crate) use csrf::masked;
pub(crate) use driver::Ending;
pub use flash::FlashQueue;

/// The session of one request: a cheap handle, which every clone shares.
///
/// Reads decode the one key that is read; writes are kept until the response is ready and committed
/// together, or not at all. Nothing here waits, except [`Session::commit_now`] and
/// [`Session::refresh`].
///
/// A key is a string, or a [`SessionKey`](cloakroom_core::SessionKey) that fixes the type. A value
/// is anything that serde can write as JSON. A value that couldn't be read as it was is an error of
/// the setter: a number that isn't finite, an integer of more than 64 bits, nesting of more than
/// 127 levels.
///
/// If a task that holds a clone of it panics, nothing of the request is committed, and the client
/// gets an error.
///
/// # Examples
/// ```
/// use cloakroom_session::{Error, Session, SessionKey};
///
/// const VISITS: SessionKey<u32> = SessionKey::new("visits");
///
/// fn visit(session: &Session) -> Result<String, Error> {
///     let visits = session.update(VISITS, |visits| { *visits += 1; *visits })?;
///     if visits == 1 {
///         session.flash("Welcome!");
///     }
///     Ok(format!("visit {visits}"))
/// }
/// # let session = Session::for_tests();
/// # assert_eq!(visit(&session)?, "visit 1");
/// # assert_eq!(session.pop_flash::<String>(), ["Welcome!"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    inner: Mutex<Inner>,
    turn_ended: tokio::sync::Notify,
    /// The request was refused: nothing is committed, and its response stands.
    refused: AtomicBool,
    /// A holder panicked: nothing is committed, and the client is told.
    panicked: AtomicBool,
    /// A CSRF token was handed out: the response that it was rendered into is for this visitor
    /// alone.
    token_given: AtomicBool,
}

struct Inner {
    state: SessionState,
    /// The cookies of what was committed, until the response takes them.
    cookies: Vec<SetCookie>,
    phase: Phase,
    /// The session was changed after its response was sent, and not committed since.
    late: bool,
    /// An error that no caller could be told: the commit fails with it.
    failed: Option<Error>,
    is_committing: bool,
    /// A commit that has begun and that nothing drives.
    under_way: Option<driver::Running>,
    /// A commit whose outcome is unknown. It must be found out before anything else is committed.
    unconfirmed: Option<Box<Commit>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The response's headers are on their way.
    HeadersSent,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, state: SessionState) -> Self {
        let inner = Inner {
            state,
            cookies: Vec::new(),
            phase: Phase::Running,
            late: false,
            failed: None,
            is_committing: false,
            under_way: None,
            unconfirmed: None,
        };
        Self(Arc::new(Shared {
            engine,
            inner: Mutex::new(inner),
            turn_ended: tokio::sync::Notify::new(),
            refused: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            token_given: AtomicBool::new(false),
        }))
    }

    /// The response went without this session: it was opened too late for a cookie.
    pub(crate) fn opened_late(self) -> Self {
        self.inner().phase = Phase::HeadersSent;
        self
    }

    /// A fresh session that belongs to no request, for the unit tests of functions that take one.
    #[must_use]
    pub fn for_tests() -> Self {
        let engine = Engine::for_tests();
        let state = SessionState::fresh(engine.now(), cloakroom_core::Lifetimes::default());
        Self::new(engine, state)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No invariant spans two fields: what a panicking closure left is whole.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<R>(&self, read: impl FnOnce(&SessionState) -> R) -> R {
        read(&self.inner().state)
    }

    /// Reads something that is remembered as read.
    fn read_mut<R>(&self, read: impl FnOnce(&mut SessionState) -> R) -> R {
        read(&mut self.inner().state)
    }

    fn write<R>(&self, write: impl FnOnce(&mut SessionState) -> R) -> R {
        self.write_keeping(|state| state.log().folds_next(), write)
    }

    /// Writes something that drops the log.
    fn write_anew<R>(&self, write: impl FnOnce(&mut SessionState) -> R) -> R {
        self.write_keeping(|_| true, write)
    }

    fn write_keeping<R>(
        &self,
        keeps: impl FnOnce(&SessionState) -> bool,
        write: impl FnOnce(&mut SessionState) -> R,
    ) -> R {
        let mut inner = self.inner();
        inner.late |= inner.phase == Phase::HeadersSent;
        // What a closure owns may use the session when it is dropped, so that must happen after the
        // lock is released.
        let closures = if keeps(&inner.state) { inner.state.log().closures() } else { Vec::new() };
        let result = write(&mut inner.state);
        drop(inner);
        drop(closures);
        result
    }

    fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    /// Fails the commit with an error that no caller can be told here: a success page must not
    /// cover a lost change.
    pub(crate) fn fail(&self, error: Error) {
        self.inner().failed.get_or_insert(error);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A handler that panicked commits nothing, also where a layer inside of ours turns its
        // panic into a response.
        if std::thread::panicking() {
            self.panicked();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).late {
            tracing::warn!("session changes lost: made after the response was sent, and not kept with commit_now");
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.inner.try_lock() {
            Ok(inner) => f.debug_tuple("Session").field(&inner.state.record()).finish(),
            Err(_) => f.write_str("Session(in use)"),
        }
    }
}
