//! The session middleware and its options.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
#[cfg(feature = "dbsc")]
use cloakroom_session::DeviceBinding;
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock, CommitPolicy, ConfigError, Engine, Error, SessionHeader};

use crate::answers::{OnError, sorry};
use crate::service::SessionService;

/// Gives each request a session, and commits it when the response is ready.
///
/// Wrap it around everything that uses the session, after all other such middleware. It adds no
/// header to a request that doesn't open its session. Clones share one factory: create it once, and
/// clone it for each worker.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 if the store failed, 500 if the session doesn't fit into its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. A response with the session cookie
///    or a CSRF token must not be cached: it gets `Cache-Control: private, no-store`. `Expires` and
///    the fields that caches prefer to `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control`
///    and others) are removed, with one trace event. Responses made from an `Err` are included.
/// 3. If the handler panics, nothing is committed. If the client disconnects and actix-web lets the
///    handler finish, as it often does, its changes are committed.
///
/// # Security
/// Wrap middleware that sets caching headers before this one, so that it is inside. A middleware
/// outside that sets `Cache-Control: public` or a targeted field overrides these headers, and a
/// cache may then serve one visitor's cookie or token to another.
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
    /// Creates a middleware around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self::from_engine(Engine::new(factory))
    }

    /// Creates a middleware around an engine: a factory, a clock and a commit policy.
    pub fn from_engine(engine: Engine) -> Self {
        Self { engine: Arc::new(engine), on_error: sorry() }
    }

    /// Sets the policy for error responses. The default is [`CommitPolicy::Always`].
    pub fn commit_policy(self, policy: CommitPolicy) -> Self {
        self.rebuild(|engine| engine.policy(policy))
    }

    /// Accepts sessions of programs, which send their id in a header instead of a cookie.
    ///
    /// By default sessions are in cookies only.
    pub fn header(self, header: SessionHeader) -> Self {
        self.rebuild(|engine| engine.header(header))
    }

    /// Sets the cookie for the domain that the request's host belongs to, out of a fixed list: see
    /// [`Engine::cookie_domains`].
    ///
    /// # Errors
    /// Fails for text that isn't a domain, and if the cookie's name allows no domain.
    ///
    /// # Security
    /// All subdomains of a domain can read and replace its cookie.
    pub fn cookie_domains<D: Into<String>>(self, domains: impl IntoIterator<Item = D>) -> Result<Self, ConfigError> {
        let engine = Engine::clone(&self.engine).cookie_domains(domains)?;
        Ok(self.rebuild(|_| engine))
    }

    /// Binds sessions to devices, for handlers that call
    /// [`Session::bind_device`](cloakroom_session::Session::bind_device).
    ///
    /// The middleware then answers the requests of browsers that register a device or refresh,
    /// before they reach a handler or a CSRF check.
    ///
    /// # Errors
    /// Fails for options that can't work: see [`Engine::device_binding`].
    #[cfg(feature = "dbsc")]
    pub fn device_binding(self, binding: DeviceBinding) -> Result<Self, ConfigError> {
        let engine = Engine::clone(&self.engine).device_binding(binding)?;
        Ok(self.rebuild(|_| engine))
    }

    /// Replaces the clock, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.rebuild(|engine| engine.clock(clock))
    }

    /// Sets the response for a failed commit.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, respond: impl Fn(&Error) -> HttpResponse + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(respond);
        self
    }

    /// Names the session, so that handlers inside other session layers reach it too.
    ///
    /// They take a [`NamedSession<N>`](cloakroom_session::NamedSession). `Session` remains the
    /// session of the innermost middleware.
    ///
    /// # Examples
    /// ```
    /// use actix_web::{App, web};
    /// use cloakroom_actix::SessionMiddleware;
    /// use cloakroom_session::{CookieConfig, CookieSessions, Error, Key, NamedSession, Session};
    ///
    /// struct Site;
    ///
    /// async fn users(admin: Session, site: NamedSession<Site>) -> Result<&'static str, Error> {
    ///     admin.insert("language", site.get::<String>("language")?)?;
    ///     Ok("")
    /// }
    ///
    /// let key = || Key::new(b"a secret from the environment, of 32 bytes or more");
    /// let cookie = CookieConfig::default().name("__Host-Http-admin");
    /// let admin = SessionMiddleware::new(CookieSessions::encrypted(key()?).cookie(cookie).build()?);
    /// let site = SessionMiddleware::new(CookieSessions::encrypted(key()?).build()?).named::<Site>();
    /// let app = move || {
    ///     App::new()
    ///         .service(web::scope("/admin").route("/users", web::get().to(users)).wrap(admin.clone()))
    ///         .wrap(site.clone())
    /// };
    /// # let _ = app;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn named<N: 'static>(self) -> Self {
        self.rebuild(Engine::named::<N>)
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
