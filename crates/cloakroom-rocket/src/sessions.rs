//! The session of a request, opened on first use and committed when the response is ready.

use std::sync::Arc;

#[cfg(feature = "dbsc")]
use cloakroom_session::DeviceBinding;
use cloakroom_session::adapter::{PlainResponse, RocketSessions};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock, CommitPolicy, ConfigError, Engine, SessionHeader};
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::response::Response;

use crate::devices::device_routes;
use rocket::{Build, Request, Rocket, async_trait};

/// Gives each request a session, and commits it when the response is ready.
///
/// For a request that doesn't open its session it costs one allocation and leaves the response
/// unchanged.
///
/// 1. The commit happens before the first byte of the response. If it fails, the response is
///    replaced: 503 if the store failed, 500 if the session doesn't fit into its cookie.
/// 2. A response whose session was opened gets `Vary: Cookie`. A response with the session cookie
///    or a CSRF token must not be cached: it gets `Cache-Control: private, no-store`. `Expires` and
///    the fields that caches prefer to `Cache-Control` (`CDN-Cache-Control`, `Surrogate-Control`
///    and others) are removed, with one trace event.
/// 3. If the handler panics while it holds the session, nothing is committed.
/// 4. Several fairings with different cookies are told apart by [`SessionFairing::named`]. Two with
///    one cookie or one name don't launch.
/// 5. Guards and other fairings find the session regardless of the order of fairings. Fairings see
///    responses in the order in which they were attached: attach this one before fairings that read
///    cookies or caching headers, and after fairings that set caching headers.
///
/// # Security
/// A fairing attached after this one that sets `Cache-Control: public` overrides these headers, and
/// a cache may then serve one visitor's cookie or token to another.
///
/// # Examples
/// ```
/// use cloakroom_rocket::SessionFairing;
/// use cloakroom_session::{CommitPolicy, CookieSessions, Key};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = SessionFairing::new(CookieSessions::encrypted(key).build()?)
///     .commit_policy(CommitPolicy::NotOnServerError);
/// let app = rocket::build().attach(sessions);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionFairing {
    engine: Arc<Engine>,
}

impl SessionFairing {
    /// Creates a fairing around a factory.
    pub fn new(factory: impl SessionFactory) -> Self {
        Self { engine: Arc::new(Engine::new(factory)) }
    }

    /// Sets the policy for error responses. The default is [`CommitPolicy::Always`].
    pub fn commit_policy(self, policy: CommitPolicy) -> Self {
        Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).policy(policy)) }
    }

    /// Accepts sessions of programs, which send their id in a header instead of a cookie.
    ///
    /// By default sessions are in cookies only.
    pub fn header(self, header: SessionHeader) -> Self {
        Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).header(header)) }
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
        Ok(Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).cookie_domains(domains)?) })
    }

    /// Binds sessions to devices, for handlers that call
    /// [`Session::bind_device`](cloakroom_session::Session::bind_device).
    ///
    /// The fairing then answers the requests of browsers that register a device or refresh, before
    /// they reach a handler or a CSRF check.
    ///
    /// # Errors
    /// Fails for options that can't work: see [`Engine::device_binding`].
    #[cfg(feature = "dbsc")]
    pub fn device_binding(self, binding: DeviceBinding) -> Result<Self, ConfigError> {
        Ok(Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).device_binding(binding)?) })
    }

    /// Replaces the clock, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).clock(clock)) }
    }

    /// Names the session, for applications with several session fairings.
    ///
    /// Handlers take a [`NamedSession<N>`](cloakroom_session::NamedSession). `Session` is the
    /// session of the fairing without a name, and so is that of the CSRF check.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_rocket::SessionFairing;
    /// use cloakroom_session::{CookieConfig, CookieSessions, Error, Key, NamedSession, Session};
    /// use rocket::get;
    ///
    /// struct Admin;
    ///
    /// #[get("/admin/users")]
    /// fn users(site: Session, admin: NamedSession<Admin>) -> Result<(), Error> {
    ///     admin.insert("language", site.get::<String>("language")?)
    /// }
    ///
    /// let key = || Key::new(b"a secret from the environment, of 32 bytes or more");
    /// let cookie = CookieConfig::default().name("__Host-Http-admin");
    /// let admin = SessionFairing::new(CookieSessions::encrypted(key()?).cookie(cookie).build()?).named::<Admin>();
    /// let site = SessionFairing::new(CookieSessions::encrypted(key()?).build()?);
    /// let app = rocket::build().attach(site).attach(admin).mount("/", rocket::routes![users]);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn named<N: 'static>(self) -> Self {
        Self { engine: Arc::new(Arc::unwrap_or_clone(self.engine).named::<N>()) }
    }
}

#[async_trait]
impl Fairing for SessionFairing {
    fn info(&self) -> Info {
        Info { name: "Sessions", kind: Kind::Ignite | Kind::Response }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        // Managed state, so that a guard finds its session regardless of the order of fairings.
        let rocket = match rocket.state::<RocketSessions>() {
            Some(_) => rocket,
            None => rocket.manage(RocketSessions::default()),
        };
        let added = rocket.state::<RocketSessions>().map_or(Ok(()), |sessions| sessions.add(Arc::clone(&self.engine)));
        match added {
            Ok(()) => Ok(rocket.mount("/", device_routes(&self.engine))),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "session fairing not attached");
                rocket::error!("{error}");
                Err(rocket)
            }
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Some(slot) = RocketSessions::slot(request).and_then(|slot| slot.of_engine(&self.engine)) else { return };
        match slot.finish(response.status().code).await {
            Ok(effects) => effects.apply(response),
            Err(failure) => {
                *response = PlainResponse::for_error(&failure.error).into();
                failure.effects.apply(response);
            }
        }
    }
}
