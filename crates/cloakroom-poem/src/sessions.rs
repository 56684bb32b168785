//! The session middleware and its options.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "dbsc")]
use cloakroom_session::DeviceBinding;
use cloakroom_session::adapter::{SessionSlot, Watched};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock, CommitPolicy, ConfigError, Engine, Error, SessionHeader};
use poem::{Endpoint, Middleware, Request, Response};

use crate::answers::{OnError, device_response, sorry};

/// Gives each request a session, and commits it when the response is ready.
///
/// Add it after everything that uses the session, so that it is the outermost. For a request that
/// doesn't open its session it costs one allocation and leaves the response unchanged.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 if the store failed, 500 if the session doesn't fit into its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. A response with the session cookie
///    or a CSRF token must not be cached: it gets `Cache-Control: private, no-store`. `Expires` and
///    the fields that caches prefer to `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control`
///    and others) are removed, with one trace event.
/// 3. If the handler panics, or the client disconnects before it returns, nothing is committed.
/// 4. Errors of handlers and of the router become responses here, because a session is committed
///    for a response. Put a `catch_error` inside this middleware.
///
/// # Security
/// Add middleware that sets caching headers inside this one. A middleware outside that sets
/// `Cache-Control: public` or a targeted field overrides these headers, and a cache may then serve
/// one visitor's cookie or token to another.
///
/// # Examples
/// ```
/// use cloakroom_poem::SessionMiddleware;
/// use cloakroom_session::{CommitPolicy, CookieSessions, Key};
/// use poem::{EndpointExt, Route};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = SessionMiddleware::new(CookieSessions::encrypted(key).build()?)
///     .commit_policy(CommitPolicy::NotOnServerError);
/// let app = Route::new().with(sessions);
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
    pub fn on_error(mut self, respond: impl Fn(&Error) -> Response + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(respond);
        self
    }

    /// Names the session, so that handlers inside other session middleware reach it too.
    ///
    /// They take a [`NamedSession<N>`](cloakroom_session::NamedSession). `Session` remains the
    /// session of the innermost middleware.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_poem::SessionMiddleware;
    /// use cloakroom_session::{CookieConfig, CookieSessions, Error, Key, NamedSession, Session};
    /// use poem::{EndpointExt, Route, get, handler};
    ///
    /// struct Site;
    ///
    /// #[handler]
    /// async fn users(admin: Session, site: NamedSession<Site>) -> Result<(), Error> {
    ///     admin.insert("language", site.get::<String>("language")?)
    /// }
    ///
    /// let key = || Key::new(b"a secret from the environment, of 32 bytes or more");
    /// let cookie = CookieConfig::default().name("__Host-Http-admin");
    /// let admin = SessionMiddleware::new(CookieSessions::encrypted(key()?).cookie(cookie).build()?);
    /// let site = SessionMiddleware::new(CookieSessions::encrypted(key()?).build()?).named::<Site>();
    /// let app = Route::new().nest("/admin", Route::new().at("/users", get(users)).with(admin)).with(site);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn named<N: 'static>(self) -> Self {
        self.rebuild(Engine::named::<N>)
    }

    fn rebuild(mut self, change: impl FnOnce(Engine) -> Engine) -> Self {
        self.engine = Arc::new(change(Arc::unwrap_or_clone(self.engine)));
        self
    }
}

impl<E: Endpoint> Middleware<E> for SessionMiddleware {
    type Output = SessionEndpoint<E>;

    fn transform(&self, inner: E) -> SessionEndpoint<E> {
        SessionEndpoint { inner, engine: Arc::clone(&self.engine), on_error: Arc::clone(&self.on_error) }
    }
}

impl fmt::Debug for SessionMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMiddleware").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// The endpoint made by [`SessionMiddleware`].
///
/// If its future is dropped before the handler returns, nothing is committed. If it is dropped
/// later, the commit continues in the background.
pub struct SessionEndpoint<E> {
    inner: E,
    engine: Arc<Engine>,
    on_error: OnError,
}

impl<E: Endpoint> Endpoint for SessionEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let slot = SessionSlot::inside(Arc::clone(&self.engine), request.extensions().get());
        if let Some(call) = slot.device_call(&request) {
            return Ok(device_response(&call.await));
        }
        request.extensions_mut().insert(slot.clone());
        let mut response = Watched::new(Some(slot.clone()), self.inner.get_response(request)).await;
        let commit = slot.finish(response.status().as_u16());
        if commit.is_untouched() {
            return Ok(response);
        }
        let effects = match commit.await {
            Ok(effects) => effects,
            Err(failure) => {
                response = (self.on_error)(&failure.error);
                failure.effects
            }
        };
        effects.apply(response.headers_mut());
        Ok(response)
    }
}

impl<E: fmt::Debug> fmt::Debug for SessionEndpoint<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndpoint").field("inner", &self.inner).finish_non_exhaustive()
    }
}
