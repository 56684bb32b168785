//! The factory for a session cookie of another framework.

use std::time::Duration;

use cloakroom_session::factory::{
    After, Candidates, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, FactoryOptions, MAX_COOKIE,
    Plan, Record, Rejected, SessionFactory, SessionId, SessionState, SetCookie, commit_to_cookie, random,
};
use cloakroom_session::meter::{self, Event};
use cloakroom_session::{ConfigError, Error, Lifetimes, Timestamp, factory_options};
use sha2::{Digest as _, Sha256};

use crate::cookie_format::{CookieFormat, IncomingCookie, Renewal, SealContext};

/// A factory that shares the session cookie of an application in another framework.
///
/// Both applications need the same secret and the same cookie name, path and domain. Each reads the
/// other's values, flash messages and CSRF token. Handlers need no changes.
///
/// The limits are those of [`CookieSessions`](cloakroom_session::CookieSessions). The browser holds
/// the only copy, so a session can't be ended before it expires. If two requests change it
/// concurrently, in either application, the response that arrives last wins.
///
/// # Security
/// The cookie is as strong as the other framework's format, which is often weaker than Cloakroom's
/// own: see the guide's page on bridges. A format is never guessed: only the configured one is
/// tried.
///
/// # Examples
/// ```
/// # #[cfg(feature = "pyramid")] {
/// use cloakroom_bridge::{BridgedCookies, PyramidCookie};
/// use cloakroom_session::CookieConfig;
///
/// let format = PyramidCookie::new("itsaseekreet").build()?;
/// let sessions = BridgedCookies::new(format).cookie(CookieConfig::default().name("session")).build()?;
/// # }
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct BridgedCookies<F> {
    format: F,
    cookie: CookieTemplate,
    companion: Option<CookieTemplate>,
    lifetimes: Lifetimes,
    max_age: Option<Duration>,
}

/// Options of [`BridgedCookies`].
#[derive(Debug)]
#[must_use]
pub struct BridgedCookiesBuilder<F> {
    format: F,
    options: FactoryOptions,
}

impl<F: CookieFormat> BridgedCookies<F> {
    /// Creates a factory for cookies of this format.
    ///
    /// The defaults are the framework's own cookie name and timeouts.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(format: F) -> BridgedCookiesBuilder<F> {
        let options = FactoryOptions::new(format.cookie(), format.lifetimes());
        BridgedCookiesBuilder { format, options }
    }

    /// Returns the cookie's name.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.cookie.name()
    }

    /// Opens a cookie's value and returns its record.
    ///
    /// # Errors
    /// Returns the reason if this factory would ignore the value.
    pub fn open_value(&self, cookie: IncomingCookie<'_>, now: Timestamp) -> Result<Record, Rejected> {
        if cookie.name.len() + cookie.value.len() > MAX_COOKIE {
            return Err(Rejected::TooLong);
        }
        let record = self.format.open(cookie.at(now), &self.lifetimes)?;
        Rejected::by_times(record.times(), now).map_or(Ok(record), Err)
    }

    /// Returns the values of the second cookie, in the framework's order, or one absent value if
    /// there is none.
    fn companions<'a>(&self, cookies: &'a CookieHeader<'a>) -> Vec<Option<&'a str>> {
        let Some(companion) = &self.companion else { return vec![None] };
        let found: Vec<_> =
            cookies.candidates_in(companion.name(), self.format.order()).filter_map(Result::ok).map(Some).collect();
        // Without its companion, the session's cookie is refused with a reason.
        if found.is_empty() { vec![None] } else { found }
    }

    /// Opens a value with the first companion that fits.
    fn open_with(&self, value: &str, companions: &[Option<&str>], now: Timestamp) -> Result<Record, Rejected> {
        let mut refused = Rejected::Malformed;
        for (index, companion) in companions.iter().enumerate() {
            let cookie = IncomingCookie::new(self.cookie.name(), value).with_companion(*companion);
            match self.open_value(cookie, now) {
                Ok(record) => return Ok(record),
                Err(why) if index == 0 => refused = why,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// Seals a record into its cookies.
    fn seal(&self, record: &Record, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        let name = self.cookie.name();
        let random = random()?;
        let context = SealContext::new(name, now, &self.lifetimes, &random).with_cookie(&self.cookie);
        let sealed = self.format.seal(record, context)?;
        let longest = self.format.longest_value().min(MAX_COOKIE - name.len().min(MAX_COOKIE));
        if sealed.value.len() > longest {
            return Err(Error::too_large(name.len() + sealed.value.len(), name.len() + longest, record));
        }
        meter::written(CookiePayload::Record, || name.len() + sealed.value.len());
        let configured = record.max_age(now).or(self.max_age);
        let max_age = sealed.life.max_age(configured, now);
        let mut cookies = self.cookie.set_all(&sealed.value, max_age)?;
        if let (Some(cookie), Some(value)) = (&self.companion, &sealed.companion) {
            cookies.extend(cookie.set_all(value, max_age)?);
        }
        Ok(cookies)
    }

    /// Applies this factory's settings to an opened session.
    fn opened(&self, session: SessionState) -> SessionState {
        let (scheme, resolution) = (self.format.csrf_scheme(), self.format.resolution());
        session.with_payload(CookiePayload::Record).timed_in(resolution).with_csrf_scheme(scheme)
    }
}

/// Derives an id from the value: cookies of these formats have none, but each request's session
/// needs one.
fn id_of(value: &str) -> SessionId {
    SessionId::from_random(Sha256::digest(value).into())
}

impl<F: CookieFormat> SessionFactory for BridgedCookies<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let candidates = Candidates::new(&cookies, self.cookie.name())
            .of_framework(self.format.framework())
            .in_order(self.format.order());
        let companions = self.companions(&cookies);
        let open = |value| Ok((id_of(value), self.open_with(value, &companions, now)?));
        let session = match candidates.open_first(open) {
            Ok((id, record)) => {
                meter::event(CookiePayload::Record, Event::Opened);
                SessionState::loaded(id, record, now, self.lifetimes)
            }
            Err(why) => SessionState::fresh(now, self.lifetimes).with_rejection(why),
        };
        Ok(self.opened(session))
    }

    fn cookie_names(&self) -> Vec<String> {
        vec![self.cookie.name().to_owned()]
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        // A touch would date the session anew, and so let it live longer than in the framework.
        if commit.plan() == Plan::Touch && self.format.renewal(&commit.record()) != Renewal::Uses {
            return Ok(Committed::new(commit.settle(After::Untouched), Vec::new()));
        }
        let remove =
            || std::iter::once(&self.cookie).chain(&self.companion).flat_map(CookieTemplate::remove_all).collect();
        commit_to_cookie(commit, |_, record| self.seal(record, commit.now()), remove)
    }
}

impl<F: CookieFormat> BridgedCookiesBuilder<F> {
    factory_options! {
        ///
        /// Name, path and domain must equal the other application's, or the browser holds two
        /// cookies.
        cookie
        ///
        /// The other application should use the same.
        lifetimes
        ///
        /// Use the other application's setting. Django, Flask and Rails know this time themselves.
        max_age
    }

    /// Checks the options and builds the factory.
    ///
    /// # Errors
    /// Fails if options contradict each other; the error names one of them.
    pub fn build(self) -> Result<BridgedCookies<F>, ConfigError> {
        let (cookie, options) = (self.options.check()?, self.options);
        let companion = self.format.companion().map(|suffix| options.cookie.suffixed(suffix).build());
        let companion = companion.transpose()?;
        let (lifetimes, max_age) = (options.lifetimes, options.max_age);
        Ok(BridgedCookies { format: self.format, cookie, companion, lifetimes, max_age })
    }
}
