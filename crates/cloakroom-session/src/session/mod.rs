//! The session handle that handlers use.
//!
//! The methods of [`Session`] are grouped by topic:
//!
//! | file | contents |
//! |---|---|
//! | this file | its fields and its lock |
//! | `values`, `ref_mut` | values, and the guard of a value that is changed in place |
//! | `flash`, `shown` | flash messages, and those of one response |
//! | `csrf` | the CSRF token |
//! | `life` | ids, owners and lifetimes |
//! | `device` | the binding to a device |
//! | `refresh` | long-lived requests |
//! | `ended` | waiting for the end of the session |
//! | `commit` | commits, which `turn` serializes and `driver` runs to completion |
//!
//! No code of the application, neither serde implementations nor closures, runs while the lock is
//! held, so that such code may use the session itself.

mod commit;
mod csrf;
#[cfg(feature = "dbsc")]
mod device;
mod driver;
mod ended;
mod flash;
mod life;
mod ref_mut;
mod refresh;
mod shown;
mod sign_in;
mod turn;
mod values;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{Commit, CookiePayload, Lifetimes, SessionState, SetCookie, Timestamp};

#[cfg(feature = "dbsc")]
use crate::devices::DeviceFacts;
use crate::dropping::is_dropping;
use crate::dyn_factory::Running;
use crate::engine::Engine;
use crate::error::Error;

pub(crate) use csrf::masked;
pub(crate) use driver::Ending;
pub use flash::FlashQueue;
pub use ref_mut::RefMut;
use shown::Shown;

/// The session of one request. Cheap to clone; all clones share one state.
///
/// A read decodes only the key that is read. Writes are buffered until the response is ready, and
/// then committed together or not at all. Only [`Session::commit_now`],
/// [`Session::refresh`] and [`Session::ended`] are async.
///
/// A key is a string, or a [`SessionKey`](cloakroom_core::SessionKey) that fixes the type of the
/// value. A value is anything that serde can write as JSON. Setters reject values that can't be
/// stored without loss: numbers that aren't finite, integers of more than 64 bits, and nesting of
/// more than 127 levels.
///
/// If a task that holds a clone panics, nothing of the request is committed and the client receives
/// an error.
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
    /// The request was refused: nothing is committed, and the response is left as it is.
    refused: AtomicBool,
    /// A holder panicked: nothing is committed, and the client receives an error.
    panicked: AtomicBool,
    /// A handler was dropped before it returned: nothing is committed, and the response, which is
    /// not the handler's, is left as it is.
    unfinished: AtomicBool,
    /// A CSRF token was handed out: no cache may store the response.
    token_given: AtomicBool,
    /// The response tells the browser to delete the site's cookies and data.
    clears_site: AtomicBool,
    /// `None` if sessions aren't bound to devices.
    #[cfg(feature = "dbsc")]
    device: Option<Box<DeviceFacts>>,
}

struct Inner {
    state: SessionState,
    shown: Shown,
    /// Cookies of completed commits, until the response takes them.
    cookies: Vec<SetCookie>,
    phase: Phase,
    /// The session was changed after the response was sent, and hasn't been committed since.
    late: bool,
    /// An error that couldn't be returned to a caller. The commit fails with it.
    failed: Option<Error>,
    is_committing: bool,
    /// A commit that has begun and that no task drives.
    under_way: Option<Running>,
    /// A commit with an unknown outcome. It must be resolved before the next commit.
    unconfirmed: Option<Box<Commit>>,
}

impl Inner {
    fn shown(&mut self) -> &mut Shown {
        self.shown.of(self.state.generation())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The response headers have been sent.
    HeadersSent,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, state: SessionState) -> Self {
        let inner = Inner {
            state,
            shown: Shown::default(),
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
            unfinished: AtomicBool::new(false),
            token_given: AtomicBool::new(false),
            clears_site: AtomicBool::new(false),
            #[cfg(feature = "dbsc")]
            device: None,
        }))
    }

    /// Adds the facts about the request's device, before the session has clones.
    #[cfg(feature = "dbsc")]
    pub(crate) fn with_device(mut self, device: DeviceFacts) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.device = Some(Box::new(device));
        }
        self
    }

    /// Marks a session that was opened after the response was sent, too late for a cookie.
    pub(crate) fn opened_late(self) -> Self {
        self.inner().phase = Phase::HeadersSent;
        self
    }

    /// Returns a fresh session without a request, for unit tests of handlers.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{Error, Session};
    ///
    /// fn greeting(session: &Session) -> Result<String, Error> {
    ///     Ok(format!("Hello, {}!", session.get::<String>("name")?.unwrap_or_else(|| "guest".to_owned())))
    /// }
    ///
    /// let session = Session::for_tests();
    /// session.insert("name", "Anna")?;
    /// assert_eq!(greeting(&session)?, "Hello, Anna!");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn for_tests() -> Self {
        let engine = Engine::for_tests();
        let state = SessionState::fresh(engine.now(), Lifetimes::default()).with_payload(CookiePayload::Id);
        Self::new(engine, state)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No invariant spans two fields, so a panic while the lock is held leaves valid state.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<R>(&self, read: impl FnOnce(&SessionState) -> R) -> R {
        read(&self.inner().state)
    }

    /// Runs a read that is recorded as one.
    fn read_mut<R>(&self, read: impl FnOnce(&mut SessionState) -> R) -> R {
        read(&mut self.inner().state)
    }

    fn write<R>(&self, write: impl FnOnce(&mut SessionState) -> R) -> R {
        self.write_keeping(|state| state.log().folds_next(), write)
    }

    /// Runs a write that may discard the change log.
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
        // A closure in the log may own something that uses the session in its destructor, so
        // closures are dropped after the lock is released.
        let closures = if keeps(&inner.state) { inner.state.log().closures() } else { Vec::new() };
        let result = write(&mut inner.state);
        drop(inner);
        drop(closures);
        result
    }

    fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    /// Fails the commit with an error that can't be returned to a caller here. Otherwise a success
    /// page would hide a lost change.
    fn fail(&self, error: Error) {
        self.inner().failed.get_or_insert(error);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A handler that panicked commits nothing, even if an inner layer turned the panic into a
        // response.
        if std::thread::panicking() {
            self.panicked();
        }
        if is_dropping() {
            self.unfinished();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if inner.late {
            let changes = inner.state.log();
            tracing::warn!(%changes, "session changes lost: made after the response was sent, and not kept with commit_now");
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
