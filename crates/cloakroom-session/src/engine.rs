//! The parts that all requests of an application share.

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use cloakroom_core::{
    After, Commit, CommitPolicy, ConfigError, CookieHeader, CookiePayload, FLASH_LIMIT, Lifetimes, SessionState,
    Timestamp,
};

use crate::clock::{Clock, SystemClock};
#[cfg(feature = "dbsc")]
use crate::devices::{DeviceBinding, Devices};
use crate::domains::CookieDomains;
use crate::dyn_factory::DynFactory;
use crate::error::Error;
use crate::factory::{Committed, SessionFactory};
use crate::header::SessionHeader;

/// The factory, clock and commit policy shared by all requests of an application.
///
/// An adapter keeps one engine and creates a [`SessionSlot`](crate::adapter::SessionSlot) from it
/// for each request.
///
/// # Examples
/// ```
/// use cloakroom_session::{CommitPolicy, CookieSessions, Engine, Key};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let engine = Engine::new(CookieSessions::encrypted(key).build()?)
///     .policy(CommitPolicy::NotOnServerError)
///     .flash_limit(20);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) factory: Arc<dyn DynFactory>,
    pub(crate) policy: CommitPolicy,
    pub(crate) flash_limit: usize,
    pub(crate) header: Option<SessionHeader>,
    pub(crate) domains: Option<CookieDomains>,
    #[cfg(feature = "dbsc")]
    pub(crate) devices: Option<Arc<Devices>>,
    clock: Arc<dyn Clock>,
    cookie_names: Arc<[String]>,
    name: Option<Name>,
}

/// The name of a session layer: a type of the application.
#[derive(Clone, Copy)]
struct Name {
    id: TypeId,
    text: &'static str,
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Engine {
    /// Creates an engine for this factory.
    ///
    /// It uses the system's clock and [`CommitPolicy::Always`].
    pub fn new(factory: impl SessionFactory) -> Self {
        Self {
            cookie_names: factory.cookie_names().into(),
            factory: Arc::new(factory),
            name: None,
            policy: CommitPolicy::default(),
            flash_limit: FLASH_LIMIT,
            header: None,
            domains: None,
            #[cfg(feature = "dbsc")]
            devices: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the responses with which changes are committed.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CommitPolicy, CookieSessions, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let engine = Engine::new(CookieSessions::signed(key).build()?).policy(CommitPolicy::NotOnServerError);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn policy(mut self, policy: CommitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the maximum number of messages in one flash queue. The default is 100.
    ///
    /// When a queue is full, the oldest message is dropped.
    #[must_use]
    pub const fn flash_limit(mut self, limit: usize) -> Self {
        self.flash_limit = limit;
        self
    }

    /// Accepts sessions of programs, which send their id in a header instead of a cookie.
    ///
    /// By default sessions are in cookies only.
    #[must_use]
    pub const fn header(mut self, header: SessionHeader) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets the cookie for the domain that the request's host belongs to, out of a fixed list.
    ///
    /// For one application with the domains of several customers, each with subdomains that share
    /// the session. A cookie of another host is for that host alone, as without this option.
    /// Proxies must pass the `Host` header on.
    ///
    /// # Errors
    /// Fails with the option `cookie_domains` for text that isn't a domain, and if the name of the
    /// cookie begins with `__Host-`, which allows no domain.
    ///
    /// # Security
    /// All subdomains of a domain can read and replace its cookie.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CookieConfig, CookieSessions, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let cookie = CookieConfig::default().name("__Secure-session");
    /// let engine = Engine::new(CookieSessions::encrypted(key).cookie(cookie).build()?)
    ///     .cookie_domains(["shop.example", "bakery.example"])?;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn cookie_domains<D: Into<String>>(
        mut self,
        domains: impl IntoIterator<Item = D>,
    ) -> Result<Self, ConfigError> {
        let domains = domains.into_iter().map(Into::into).collect();
        self.domains = Some(CookieDomains::new(domains, &self.cookie_names)?);
        #[cfg(feature = "dbsc")]
        if let Some(devices) = self.devices.take() {
            return self.device_binding(devices.options.clone());
        }
        Ok(self)
    }

    /// Binds sessions to devices, for handlers that call
    /// [`Session::bind_device`](crate::Session::bind_device).
    ///
    /// # Errors
    /// Fails with the option `bound_life` for less than three minutes or more than a day, with
    /// `cookie` for a bound cookie without `Secure` or with the name of the session's cookie, with
    /// `path` for text that isn't a path, and with `include_site` for a cookie without a domain.
    ///
    /// With [`cookie_domains`](Self::cookie_domains), set before this option, the bound cookie has
    /// the domain of the session's cookie. It fails with `cookie` if the name of the bound cookie
    /// allows none, and with `include_site` without
    /// [`DeviceBinding::include_site`](crate::DeviceBinding::include_site): browsers would refresh
    /// on one of the hosts only, and the others would see no proof.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_session::{CookieSessions, DeviceBinding, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// // Its sessions must be in a store for `bind_device`.
    /// let engine = Engine::new(CookieSessions::encrypted(key).build()?);
    /// let short = DeviceBinding::enforce().bound_life(Duration::from_secs(60));
    /// assert_eq!(engine.clone().device_binding(short).unwrap_err().option(), "bound_life");
    /// let engine = engine.device_binding(DeviceBinding::enforce())?;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[cfg(feature = "dbsc")]
    pub fn device_binding(mut self, binding: DeviceBinding) -> Result<Self, ConfigError> {
        self.devices = Some(Arc::new(binding.build(&self.cookie_names, self.domains.as_ref())?));
        Ok(self)
    }

    /// Sets the source of time.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use cloakroom_session::{CookieSessions, Engine, Key, ManualClock, Timestamp};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
    /// let engine = Engine::new(CookieSessions::signed(key).build()?).clock(Arc::clone(&clock));
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Names the session, so that handlers reach it as [`NamedSession<N>`](crate::NamedSession).
    ///
    /// For applications with several session layers.
    #[must_use]
    pub fn named<N: 'static>(mut self) -> Self {
        self.name = Some(Name { id: TypeId::of::<N>(), text: type_name::<N>() });
        self
    }

    /// Returns the paths that a session layer answers itself, for an engine that binds sessions to
    /// devices.
    ///
    /// For adapters of frameworks that need a route for each path. All others ask
    /// [`SessionSlot::device_call`](crate::adapter::SessionSlot::device_call) first.
    #[must_use]
    pub fn device_paths(&self) -> Option<[&str; 2]> {
        #[cfg(feature = "dbsc")]
        return self.devices.as_ref().map(|devices| [devices.register.as_str(), devices.refresh.as_str()]);
        #[cfg(not(feature = "dbsc"))]
        None
    }

    pub(crate) fn is_named<N: 'static>(&self) -> bool {
        self.name.is_some_and(|name| name.id == TypeId::of::<N>())
    }

    /// Returns `true` if both have the same name, or both have none.
    #[cfg(feature = "rocket")]
    pub(crate) fn has_name_of(&self, other: &Self) -> bool {
        self.name.map(|name| name.id) == other.name.map(|name| name.id)
    }

    /// Returns the text of the name.
    #[cfg(feature = "rocket")]
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.name.map(|name| name.text)
    }

    /// Returns the names of the cookies that the factory reads, as far as it tells them.
    pub(crate) fn cookie_names(&self) -> &[String] {
        &self.cookie_names
    }

    /// Returns the cookie or the path of an endpoint that this engine shares with that of another
    /// layer, for an error.
    pub(crate) fn shares_with(&self, other: &Self) -> Option<String> {
        let name = other.cookie_names().iter().find(|name| self.cookie_names().contains(name));
        if let Some(name) = name {
            return Some(format!("the cookie {name:?}"));
        }
        #[cfg(feature = "dbsc")]
        if let (Some(devices), Some(others)) = (&self.devices, &other.devices) {
            return devices.shares_with(others);
        }
        None
    }

    pub(crate) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn for_tests() -> Arc<Self> {
        let engine = Self::new(NoSessions);
        #[cfg(feature = "dbsc")]
        let engine = Self { devices: DeviceBinding::observe().build(&[], None).ok().map(Arc::new), ..engine };
        Arc::new(engine)
    }
}

/// A factory that stores nothing, for sessions without a request.
#[derive(Debug)]
struct NoSessions;

impl SessionFactory for NoSessions {
    async fn open(&self, _: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        Ok(SessionState::fresh(now, Lifetimes::default()).with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        Ok(Committed::new(commit.settle(After::Untouched), Vec::new()))
    }

    /// Handlers that set one can be tested.
    fn keeps_aliases(&self) -> bool {
        true
    }

    fn keeps_bindings(&self) -> bool {
        true
    }
}
