//! The session middleware: its options.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use cloakroom_session::adapter::Answer;
use cloakroom_session::{Clock, CommitPolicy, Engine, Error, SessionFactory};

use crate::service::SessionService;

/// Makes the response for a session that couldn't be committed.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> HttpResponse + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| Answer::sorry(error).into())
}

/// Gives each request a session, and commits it when the response is ready.
///
/// Wrap it around everything that uses the session, after all other middleware that does. A request
/// whose session nobody opens gets no header. Clones share one factory: make it once, and clone it
/// for each worker.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 when the store couldn't answer, 500 for a session that doesn't fit its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. One with our `Set-Cookie`, or for
///    which a CSRF token was handed out, is stored by no cache: it gets
///    `Cache-Control: private, no-store`, and `Expires` and the fields that caches prefer to
///    `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control` and others) are removed, with one
///    trace event. That goes for responses that are made of an `Err`, too.
/// 3. A handler that panics commits nothing. One whose client went away commits if actix-web lets
///    it finish, as it often does.
///
/// # Security
/// Middleware that sets caching headers belongs inside of this one: wrap it first. A middleware
/// outside of it that sets `Cache-Control: public` or a targeted field has the last word, and a
/// cache may then hand one visitor's cookie or token to another.
///
/// # Examples
/// ```
/// use actix_web::App;
/// use cloakroom_actix::SessionMiddleware;
/// use cloakroom_session::{CommitPolicy, CookieSessions, Key};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = SessionMiddleware::new(CookieSessions::encrypted(key).build()?)
///     .commit_policy(CommitPolicy::NotOnServerError);
/// let app = move || App::new().wrap(sessions.clone());
/// # let _ = app;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SessionMiddleware {
    engine: Arc<Engine>,
    on_error: OnError,
}

impl SessionMiddleware {
    /// A middleware around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self::from_engine(Engine::new(factory))
    }

    /// A middleware around an engine, which has a factory, a clock and a commit policy.
    pub fn from_engine(engine: Engine) -> Self {
        Self { engine: Arc::new(engine), on_error: sorry() }
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
    pub fn on_error(mut self, respond: impl Fn(&Error) -> HttpResponse + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(respond);
        self
    }

    fn rebuild(mut self, change: impl FnOnce(Engine) -> Engine) -> Self {
        let engine = Arc::unwrap_or_clone(self.engine);
        self.engine = Arc::new(change(engine));
        self
    }
}

impl<S, B> Transform<S, ServiceRequest> for SessionMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = SessionService<S>;
    type InitError = ();
    type Future = Ready<Result<SessionService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SessionService::new(inner, Arc::clone(&self.engine), Arc::clone(&self.on_error))))
    }
}

impl fmt::Debug for SessionMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMiddleware").field("engine", &self.engine).finish_non_exhaustive()
    }
}
