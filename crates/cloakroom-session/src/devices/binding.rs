//! The options of an application for sessions that are bound to a device.

use std::time::Duration;

use cloakroom_core::dbsc::{BindingAnswer, BindingId, BoundLife};
use cloakroom_core::{ConfigError, CookieConfig, CookieTemplate, SetCookie, Timestamp};

use crate::domains::CookieDomains;
use crate::error::Error;

/// The base of the paths of both endpoints.
const PATH: &str = "/.well-known/dbsc";

/// The name of the bound cookie.
const NAME: &str = "__Host-bound";

/// Chromium 156 stores cookies with this prefix and refuses to bind to them, without an error. It
/// compares prefixes regardless of case.
const NOT_BOUND: &str = "__Host-Http-";

/// Sessions that need a key of the browser's device: a stolen cookie alone opens nothing.
///
/// A browser with Device Bound Session Credentials (DBSC) creates a key pair that doesn't leave the
/// device, and proves every few minutes that it has the key. Each proof renews a second cookie with
/// a short life, the bound cookie. Other browsers notice nothing, and their sessions stay as they
/// are.
///
/// 1. The layer gets the options: `device_binding(DeviceBinding::enforce())`. It answers two paths
///    itself, `/.well-known/dbsc/register` and `/.well-known/dbsc/refresh`.
/// 2. The handler that signs a user in calls [`Session::bind_device`](crate::Session::bind_device).
///
/// # Security
/// - A thief who copies both cookies can use them until the bound cookie expires: see
///   [`bound_life`](Self::bound_life). Malware on the device that lets the browser work for it
///   isn't stopped.
/// - It needs HTTPS and [`StoredSessions`](crate::factory::SessionFactory::keeps_bindings).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use cloakroom_session::DeviceBinding;
///
/// let binding = DeviceBinding::enforce().bound_life(Duration::from_secs(5 * 60));
/// # let _ = binding;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DeviceBinding {
    enforces: bool,
    life: Duration,
    cookie: CookieConfig,
    path: String,
    include_site: bool,
}

impl DeviceBinding {
    /// Binds sessions, and only reports requests without a proof.
    ///
    /// For the first weeks: metrics and traces show how many requests would be without a session.
    pub fn observe() -> Self {
        Self::new(false)
    }

    /// Binds sessions, and opens a bound session only for requests with a proof.
    ///
    /// A request without one gets an empty session that drops all writes. Only a sign-out
    /// ([`Session::invalidate`](crate::Session::invalidate)) needs no proof. A user whose browser
    /// has lost its key signs in again. The proof is required ten seconds after the browser has
    /// sent the bound cookie for the first time, so that no lost response signs a user out.
    pub fn enforce() -> Self {
        Self::new(true)
    }

    fn new(enforces: bool) -> Self {
        Self {
            enforces,
            life: BoundLife::default().get(),
            cookie: CookieConfig::default().name(NAME),
            path: PATH.to_owned(),
            include_site: false,
        }
    }

    /// Sets the time for which a proof is valid. The default is ten minutes.
    ///
    /// Browsers refresh when two minutes are left, so at least three minutes are needed. The first
    /// request after that time waits for the refresh.
    pub const fn bound_life(mut self, life: Duration) -> Self {
        self.life = life;
        self
    }

    /// Sets the name and the attributes of the bound cookie. The default name is `__Host-bound`.
    ///
    /// The prefix `__Host-Http-` is refused: Chromium 156 doesn't bind sessions to such a cookie.
    ///
    /// If the session's cookie has a `Domain`, the bound cookie needs the same one, together with
    /// [`include_site`](Self::include_site): otherwise the subdomains get a session without a
    /// proof. With [`cookie_domains`](crate::Engine::cookie_domains) it has the domain of the host.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// Sets the path under which browsers find `/register` and `/refresh`. The default is
    /// `/.well-known/dbsc`.
    ///
    /// It is the path that the browser sees and that the session layer sees. Two layers around one
    /// handler need two paths and two bound cookies.
    ///
    /// - Wrap the whole application in the session layer, outside of every CSRF check. A nested
    ///   router of axum hides the outer path from the layers within it, so that registrations
    ///   wouldn't arrive there. A scope of actix-web doesn't.
    /// - In salvo, the hoops belong to the `Service`. Those of a `Router` only see requests to its
    ///   routes.
    /// - Only POST requests to these paths are answered. All others reach the application.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Binds the sessions of the whole site: requests to all subdomains need the bound cookie.
    ///
    /// Both cookies need a `Domain`, or [`cookie_domains`](crate::Engine::cookie_domains). A user
    /// signs in under that domain itself. By default the binding is for one origin.
    pub const fn include_site(mut self) -> Self {
        self.include_site = true;
        self
    }

    /// Checks the options. `taken` are the names of the session's cookies, `domains` its domains.
    pub(crate) fn build(self, taken: &[String], domains: Option<&CookieDomains>) -> Result<Devices, ConfigError> {
        let life = BoundLife::new(self.life)?;
        let cookie = self.cookie.clone().build()?;
        let of_domain = |domain: &String| {
            let cookie = self.cookie.clone().domain(domain).build();
            cookie.map_err(|why| ConfigError::new("cookie", format!("cookie_domains gives it a Domain: {why}")))
        };
        let of_domains = domains.map_or(&[][..], CookieDomains::all).iter().map(of_domain).collect::<Result<_, _>>()?;
        if !cookie.is_secure() {
            return Err(ConfigError::new(
                "cookie",
                "the bound cookie needs Secure: browsers bind sessions over HTTPS only",
            ));
        }
        if cookie.name().get(..NOT_BOUND.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(NOT_BOUND)) {
            let problem =
                format!("{:?}: Chromium binds no session to a cookie with the prefix {NOT_BOUND}", cookie.name());
            return Err(ConfigError::new("cookie", problem));
        }
        if taken.iter().any(|name| name == cookie.name()) {
            let problem = format!("the bound cookie and the session's cookie are both called {:?}", cookie.name());
            return Err(ConfigError::new("cookie", problem));
        }
        if domains.is_some() && !self.include_site {
            return Err(ConfigError::new(
                "include_site",
                "cookie_domains shares sessions between subdomains, so a binding is for the whole site",
            ));
        }
        if self.include_site && domains.is_none() && cookie.domain().is_none() {
            return Err(ConfigError::new(
                "include_site",
                "the bound cookie needs a Domain, so that subdomains receive it",
            ));
        }
        let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if !self.path.starts_with('/') || self.path.ends_with('/') || !self.path.bytes().all(is_path) {
            let problem =
                format!("{:?} isn't a path such as {PATH:?}: it begins with / and doesn't end with /", self.path);
            return Err(ConfigError::new("path", problem));
        }
        let (register, refresh) = (format!("{}/register", self.path), format!("{}/refresh", self.path));
        Ok(Devices { enforces: self.enforces, life, cookie, of_domains, register, refresh, options: self })
    }
}

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Devices {
    pub(crate) enforces: bool,
    pub(crate) life: BoundLife,
    cookie: CookieTemplate,
    /// The cookie with each of the domains in the list of the session's cookie.
    of_domains: Vec<CookieTemplate>,
    pub(crate) register: String,
    pub(crate) refresh: String,
    /// The options, to be checked again if the list of domains changes.
    pub(crate) options: DeviceBinding,
}

impl Devices {
    /// Returns the bound cookie for a host. `domain` is its place in the list of domains.
    pub(crate) fn cookie(&self, domain: Option<u16>) -> &CookieTemplate {
        domain.and_then(|place| self.of_domains.get(usize::from(place))).unwrap_or(&self.cookie)
    }

    /// Returns the bound cookie or the path that two layers share, for an error.
    pub(crate) fn shares_with(&self, other: &Self) -> Option<String> {
        let name = self.cookie.name();
        if name == other.cookie.name() {
            return Some(format!("the cookie {name:?}"));
        }
        (self.register == other.register).then(|| format!("the path {:?}", self.register))
    }

    /// Returns the JSON for a browser of this origin.
    pub(super) fn json(&self, origin: &str, domain: Option<u16>, id: BindingId) -> String {
        let answer = BindingAnswer::new(origin, &self.refresh, self.cookie(domain));
        answer.include_site(self.options.include_site).json(id)
    }

    /// Returns the bound cookie with this value, valid for the rest of its life.
    pub(super) fn bound(
        &self,
        domain: Option<u16>,
        value: &str,
        proven_at: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, Error> {
        let left = (proven_at + self.life.get()).since(now);
        Ok(self.cookie(domain).set_all(value, Some(left))?)
    }
}
