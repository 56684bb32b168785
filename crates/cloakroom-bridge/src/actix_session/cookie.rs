//! `CookieSessionStore`: the cookie holds the session.

use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::state::{self, KEYS};
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, SealContext};
use crate::cookie_jar::JarSeal;
use crate::layout::Layout as _;
use crate::secret::Secret;

/// The cookie of actix-session 0.11 with its `CookieSessionStore`.
///
/// | actix-session | here |
/// |---|---|
/// | the default, `CookieContentSecurity::Private` | `ActixSessionCookie::private(key.master())?` |
/// | `CookieContentSecurity::Signed` | `ActixSessionCookie::signed(key.master())?` |
/// | `PersistentSession::default().session_ttl(span)` | [`session_ttl(span)`](Self::session_ttl) |
/// | `TtlExtensionPolicy::OnEveryRequest` | [`on_every_request(true)`](Self::on_every_request) |
///
/// # Security
/// The cookie contains no times: it opens until its key is changed, and only the browser enforces
/// its age. Anyone who has a signed cookie can read it.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{ActixSessionCookie, BridgedCookies};
///
/// // SessionMiddleware::new(CookieSessionStore::default(), key)
/// let key = [7; 64];                                      // key.master()
/// let sessions = BridgedCookies::new(ActixSessionCookie::private(&key[..])?).build()?;
/// assert_eq!(sessions.cookie_name(), "id");
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ActixSessionCookie {
    seal: JarSeal,
    ttl: Option<Duration>,
    on_every_request: bool,
}

impl ActixSessionCookie {
    /// Creates the format with encrypted cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn private(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self { seal: JarSeal::private(&key.into())?, ttl: None, on_every_request: false })
    }

    /// Creates the format with signed cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn signed(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self { seal: JarSeal::signed(&key.into())?, ttl: None, on_every_request: false })
    }

    /// Sets the `session_ttl` of `PersistentSession`: the time for which browsers keep the cookie.
    ///
    /// Without it, as with `BrowserSession`, browsers keep it until they are closed.
    #[must_use]
    pub const fn session_ttl(mut self, span: Duration) -> Self {
        self.ttl = Some(span);
        self
    }

    /// Sets `TtlExtensionPolicy::OnEveryRequest`: a request that only reads sends a persistent
    /// cookie again.
    ///
    /// The default is `false`, as in actix-session.
    #[must_use]
    pub const fn on_every_request(mut self, every: bool) -> Self {
        self.on_every_request = every;
        self
    }
}

impl CookieFormat for ActixSessionCookie {
    fn framework(&self) -> &'static str {
        KEYS.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("id")
    }

    /// No timeouts: the cookie contains no time from which to count them.
    fn lifetimes(&self) -> Lifetimes {
        let idle = self.ttl.filter(|_| self.on_every_request);
        let touch_after = idle.map(|_| Duration::ZERO);
        Lifetimes::default().idle_timeout(idle).absolute_timeout(None).touch_after(touch_after)
    }

    /// actix-session looks only at the first cookie of its name.
    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let text = self.seal.open(cookie.name, cookie.value)?;
        let mut record = state::open(&text, cookie.now, lifetimes)?;
        if self.on_every_request {
            // The time of the last use is unknown. Zero lets each use send the cookie again.
            record.restore_touch(Timestamp::from_unix_secs(0), record.times().idle_deadline);
        }
        Ok(record)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let text = state::seal(record, sealing.lifetimes)?;
        let cookie = OutgoingCookie::new(self.seal.seal(sealing.name, &text, sealing.random));
        let times = record.times();
        Ok(match (self.ttl, times.remembered, times.own_idle.flatten()) {
            (_, true, _) | (None, _, _) => cookie,
            (Some(_), _, Some(idle)) => cookie.kept_for(CookieLife::Lasts(idle)),
            (Some(ttl), _, None) => cookie.kept_for(CookieLife::Lasts(ttl)),
        })
    }
}
