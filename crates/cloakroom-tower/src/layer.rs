//! The session layer and its options.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(feature = "dbsc")]
use cloakroom_session::DeviceBinding;
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock, CommitPolicy, ConfigError, Engine, Error, SessionHeader};
use http::Response;
use tower_layer::Layer;

use crate::answers::{Shared, sorry};
use crate::service::SessionService;

/// Gives each request a session, and commits it when the response is ready.
///
/// Add it outside everything that uses the session. For a request that doesn't open its session it
/// costs one allocation and leaves the response unchanged.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 if the store failed, 500 if the session doesn't fit into its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. A response with the session cookie
///    or a CSRF token must not be cached: it gets `Cache-Control: private, no-store`. `Expires` and
///    the fields that caches prefer to `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control`
///    and others) are removed, with one trace event.
/// 3. If the handler panics, or the client disconnects before it returns, nothing is committed.
///
/// # Security
/// Add layers that set caching headers inside this one. A layer outside it that sets
/// `Cache-Control: public` or a targeted field overrides these headers, and a cache may then serve
/// one visitor's cookie or token to another.
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

impl SessionLayer {
    /// Creates a layer around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self::from_engine(Engine::new(factory))
    }

    /// Creates a layer around an engine: a factory, a clock and a commit policy.
    pub fn from_engine(engine: Engine) -> Self {
        Self { shared: Arc::new(Shared { engine: Arc::new(engine), on_error: sorry() }) }
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
        let engine = Engine::clone(&self.shared.engine).cookie_domains(domains)?;
        Ok(self.rebuild(|_| engine))
    }

    /// Binds sessions to devices, for handlers that call
    /// [`Session::bind_device`](cloakroom_session::Session::bind_device).
    ///
    /// The layer then answers the requests of browsers that register a device or refresh, before
    /// they reach a handler or a CSRF check.
    ///
    /// # Errors
    /// Fails for options that can't work: see [`Engine::device_binding`].
    #[cfg(feature = "dbsc")]
    pub fn device_binding(self, binding: DeviceBinding) -> Result<Self, ConfigError> {
        let engine = Engine::clone(&self.shared.engine).device_binding(binding)?;
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
    pub fn on_error(mut self, respond: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).on_error = Arc::new(respond);
        self
    }

    /// Names the session, so that handlers inside other session layers reach it too.
    ///
    /// They take a [`NamedSession<N>`](cloakroom_session::NamedSession). `Session` remains the
    /// session of the innermost layer.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use cloakroom_session::{CookieConfig, CookieSessions, Key};
    /// use cloakroom_tower::SessionLayer;
    ///
    /// struct Site;
    ///
    /// // With the feature `axum` it can take `admin: Session, site: NamedSession<Site>`.
    /// async fn users() {}
    ///
    /// let key = || Key::new(b"a secret from the environment, of 32 bytes or more");
    /// let cookie = CookieConfig::default().name("__Host-Http-admin");
    /// let admin = SessionLayer::new(CookieSessions::encrypted(key()?).cookie(cookie).build()?);
    /// let site = SessionLayer::new(CookieSessions::encrypted(key()?).build()?).named::<Site>();
    /// let app: Router = Router::new()
    ///     .nest("/admin", Router::new().route("/users", get(users)).layer(admin))
    ///     .layer(site);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn named<N: 'static>(self) -> Self {
        self.rebuild(Engine::named::<N>)
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
