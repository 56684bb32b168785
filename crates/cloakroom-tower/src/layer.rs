//! The session layer: its options.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cloakroom_session::adapter::Answer;
use cloakroom_session::{Clock, CommitPolicy, Engine, Error, SessionFactory};
use http::Response;
use tower_layer::Layer;

use crate::body::response;
use crate::service::SessionService;

/// Makes the response for a session that couldn't be committed.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> Response<Bytes> + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| response(Answer::sorry(error)))
}

/// Gives each request a session, and commits it when the response is ready.
///
/// Add it outside of everything that uses the session. A request whose session nobody opens costs
/// one allocation, and its response is left alone.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 when the store couldn't answer, 500 for a session that doesn't fit its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. One with our `Set-Cookie`, or for
///    which a CSRF token was handed out, is stored by no cache: it gets
///    `Cache-Control: private, no-store`, and `Expires` and the fields that caches prefer to
///    `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control` and others) are removed, with one
///    trace event.
/// 3. A handler that panics, or whose client went away before it returned, commits nothing.
///
/// # Security
/// Layers that set caching headers belong inside of this one. A layer outside of it that sets
/// `Cache-Control: public` or a targeted field has the last word, and a cache may then hand one
/// visitor's cookie or token to another.
///
/// # Examples
/// ```
/// use cloakroom_session::{CommitPolicy, CookieSessions, Key};
/// use cloakroom_tower::SessionLayer;
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let layer = SessionLayer::new(CookieSessions::encrypted(key).build()?)
///     .commit_policy(CommitPolicy::NotOnServerError);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SessionLayer {
    shared: Arc<Shared>,
}

/// What all requests share. Behind one count of references: axum clones a layer for each request,
/// and then the service that it made.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) on_error: OnError,
}

impl SessionLayer {
    /// A layer around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self::from_engine(Engine::new(factory))
    }

    /// A layer around an engine, which has a factory, a clock and a commit policy.
    pub fn from_engine(engine: Engine) -> Self {
        Self { shared: Arc::new(Shared { engine: Arc::new(engine), on_error: sorry() }) }
    }

    /// When changes are committed. The default is [`CommitPolicy::Always`].
    pub fn commit_policy(self, policy: CommitPolicy) -> Self {
        self.rebuild(|engine| engine.policy(policy))
    }

    /// Another source of time, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.rebuild(|engine| engine.clock(clock))
    }

    /// Makes the response for a session that couldn't be committed.
    ///
    /// # Security
    /// What the error says is for the trace. Don't show it to the client.
    pub fn on_error(mut self, respond: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).on_error = Arc::new(respond);
        self
    }

    fn rebuild(mut self, change: impl FnOnce(Engine) -> Engine) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.engine = Arc::new(change(Engine::clone(&shared.engine)));
        self
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, Arc::clone(&self.shared))
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}
