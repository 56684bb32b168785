//! The session hoop and its options.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "dbsc")]
use cloakroom_session::DeviceBinding;
use cloakroom_session::adapter::{SessionSlot, Watched};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock, CommitPolicy, ConfigError, Engine, Error, SessionHeader};
use salvo_core::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::answers::{OnError, clear, set_status, sorry, write_device_answer};

/// Gives each request a session, and commits it when the response is ready.
///
/// Add it before everything that uses the session, so that it is the outermost hoop. For a request
/// that doesn't open its session it costs a few small allocations and leaves the response
/// unchanged.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 if the store failed, 500 if the session doesn't fit into its cookie. Headers
///    that hoops outside had set before remain.
/// 2. A response whose session was opened gets `Vary: Cookie`. A response with the session cookie
///    or a CSRF token must not be cached: it gets `Cache-Control: private, no-store`. `Expires` and
///    the fields that caches prefer to `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control`
///    and others) are removed, with one trace event.
/// 3. If the handler panics, or the client disconnects before it returns, nothing is committed.
/// 4. The session is committed also if a hoop inside calls `FlowCtrl::cease`.
///
/// On a `Router` the hoop sees requests to its routes, on a `Service` all requests.
///
/// # Security
/// Add hoops that set caching headers inside this one. A hoop outside that sets
/// `Cache-Control: public` or a targeted field overrides these headers, and a cache may then serve
/// one visitor's cookie or token to another.
///
/// # Examples
/// ```
/// use cloakroom_salvo::SessionHoop;
/// use cloakroom_session::{CommitPolicy, CookieSessions, Key};
/// use salvo::prelude::*;
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = SessionHoop::new(CookieSessions::encrypted(key).build()?)
///     .commit_policy(CommitPolicy::NotOnServerError);
/// let app = Router::new().hoop(sessions);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SessionHoop {
    engine: Arc<Engine>,
    on_error: OnError,
}

impl SessionHoop {
    /// Creates a hoop around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self::from_engine(Engine::new(factory))
    }

    /// Creates a hoop around an engine: a factory, a clock and a commit policy.
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
    /// The hoop then answers the requests of browsers that register a device or refresh, before
    /// they reach a handler or a CSRF check. Add it to the `Service`: their paths have no routes.
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

    /// Sets the function that writes the response for a failed commit.
    ///
    /// The response has the status of the error and no body.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, write: impl Fn(&Error, &mut Response) + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(write);
        self
    }

    /// Names the session, so that handlers inside other session hoops reach it too.
    ///
    /// They take a [`NamedSession<N>`](cloakroom_session::NamedSession). `Session` remains the
    /// session of the innermost hoop.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_salvo::SessionHoop;
    /// use cloakroom_session::{CookieConfig, CookieSessions, Error, Key, NamedSession, Session};
    /// use salvo::prelude::*;
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
    /// let admin = SessionHoop::new(CookieSessions::encrypted(key()?).cookie(cookie).build()?);
    /// let site = SessionHoop::new(CookieSessions::encrypted(key()?).build()?).named::<Site>();
    /// let app = Router::new().hoop(site).push(Router::with_path("admin/users").hoop(admin).get(users));
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

#[async_trait]
impl Handler for SessionHoop {
    async fn handle(&self, request: &mut Request, depot: &mut Depot, response: &mut Response, flow: &mut FlowCtrl) {
        let slot = SessionSlot::inside(Arc::clone(&self.engine), request.extensions().get());
        if let Some(call) = slot.device_call(request) {
            write_device_answer(&call.await, response);
            flow.skip_rest();
            return;
        }
        let outer = request.extensions_mut().insert(slot.clone());
        let headers = response.headers().clone();
        Watched::new(Some(slot.clone()), flow.call_next(request, depot, response)).await;
        if let Some(outer) = outer {
            request.extensions_mut().insert(outer);
        }
        // salvo sets the status last, if no handler has set one.
        let commit = slot.finish(response.status_code.unwrap_or_default().as_u16());
        if commit.is_untouched() {
            return;
        }
        let effects = match commit.await {
            Ok(effects) => effects,
            Err(failure) => {
                clear(response, headers);
                set_status(response, failure.error.status());
                (self.on_error)(&failure.error, response);
                failure.effects
            }
        };
        effects.apply(response.headers_mut());
    }
}

impl fmt::Debug for SessionHoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHoop").field("engine", &self.engine).finish_non_exhaustive()
    }
}
