//! The factory over a session cookie of another framework.

use std::time::Duration;

use cloakroom_session::meter::{self, Event};
use cloakroom_session::{
    After, Candidates, Carrier, Commit, Committed, ConfigError, CookieConfig, CookieHeader, CookieTemplate, Error,
    Lifetimes, MAX_COOKIE, Plan, Record, Rejected, SessionFactory, SessionId, SessionState, SetCookie, Timestamp,
    random,
};
use sha2::{Digest as _, Sha256};

use crate::cookie_format::{CookieFormat, Presented, Sealing};

/// The factory that shares the session cookie of an application in another framework.
///
/// Both applications need the same secret and the same cookie name, path and domain. What one
/// writes, the other reads: values, flash messages, and the CSRF token. Handlers don't know of it.
///
/// What [`CookieSessions`](cloakroom_session::CookieSessions) can't do, this can't either: the
/// browser holds the only copy, so a session can't be ended before it expires, and of two requests
/// that change it at the same time, to whichever application, the response that arrives last wins.
///
/// # Security
/// It is as strong as the other framework's format, which is often less than ours: see the page of
/// the guide on bridges. A format is never guessed: only what was configured is tried.
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
    cookie: CookieConfig,
    lifetimes: Lifetimes,
    max_age: Option<Duration>,
}

impl<F: CookieFormat> BridgedCookies<F> {
    /// Sessions in cookies of this format, with the name and the timeouts that its framework has by
    /// default.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(format: F) -> BridgedCookiesBuilder<F> {
        let (cookie, lifetimes) = (format.cookie(), format.lifetimes());
        BridgedCookiesBuilder { format, cookie, lifetimes, max_age: None }
    }

    /// The cookie's name.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.cookie.name()
    }

    /// Opens a cookie's value: the record in it, or why it is refused.
    ///
    /// # Errors
    /// The reason, for a value that this factory would ignore.
    pub fn open_value(&self, cookie: Presented<'_>, now: Timestamp) -> Result<Record, Rejected> {
        if cookie.name.len() + cookie.value.len() > MAX_COOKIE {
            return Err(Rejected::TooLong);
        }
        let record = self.format.open(cookie.at(now), &self.lifetimes)?;
        if record.clockwork().is_from_future(now) {
            return Err(Rejected::FromFuture);
        }
        match record.clockwork().expired(now) {
            Some(deadline) => Err(Rejected::Expired(deadline)),
            None => Ok(record),
        }
    }

    /// The values of the cookie beside the session's, the last one first; one absent value if there
    /// is none.
    fn companions<'a>(&self, cookies: &'a CookieHeader<'a>) -> Vec<Option<&'a str>> {
        let Some(companion) = &self.companion else { return vec![None] };
        let found: Vec<_> = cookies.candidates(companion.name()).filter_map(Result::ok).map(Some).collect();
        // Alone, the session's cookie is refused for a reason.
        if found.is_empty() { vec![None] } else { found }
    }

    /// Opens a value with whichever companion fits.
    fn open_with(&self, value: &str, companions: &[Option<&str>], now: Timestamp) -> Result<Record, Rejected> {
        let mut refused = Rejected::Malformed;
        for (index, companion) in companions.iter().enumerate() {
            let cookie = Presented::new(self.cookie.name(), value).with_companion(*companion);
            match self.open_value(cookie, now) {
                Ok(record) => return Ok(record),
                Err(why) if index == 0 => refused = why,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// The cookies that carry this record.
    fn seal(&self, record: &Record, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        let name = self.cookie.name();
        let sealed = self.format.seal(record, Sealing::new(name, now, &self.lifetimes, &random()?))?;
        let longest = self.format.longest_value().min(MAX_COOKIE - name.len().min(MAX_COOKIE));
        if sealed.value.len() > longest {
            return Err(Error::too_large(name.len() + sealed.value.len(), name.len() + longest, record));
        }
        meter::written(Carrier::Record, || name.len() + sealed.value.len());
        let max_age = record.max_age(now).or(self.max_age).or(sealed.max_age);
        let mut cookies = vec![self.cookie.set(&sealed.value, max_age)?];
        if let (Some(cookie), Some(value)) = (&self.companion, &sealed.companion) {
            cookies.push(cookie.set(value, max_age)?);
        }
        Ok(cookies)
    }

    fn fresh(&self, now: Timestamp) -> SessionState {
        self.opened(SessionState::fresh(now, self.lifetimes))
    }

    /// A session as this factory opens it.
    fn opened(&self, session: SessionState) -> SessionState {
        let (scheme, resolution) = (self.format.csrf_scheme(), self.format.resolution());
        session.carried_by(Carrier::Record).timed_in(resolution).with_csrf_scheme(scheme)
    }
}

/// Cookies of these formats have no id. The session of one request needs a name, though.
fn id_of(value: &str) -> SessionId {
    SessionId::from_random(Sha256::digest(value).into())
}

impl<F: CookieFormat> SessionFactory for BridgedCookies<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let mut candidates = Candidates::new(&cookies, self.cookie.name()).of_framework(self.format.framework());
        let companions = self.companions(&cookies);
        while let Some(value) = candidates.next_value() {
            match self.open_with(value, &companions, now) {
                Ok(record) => {
                    meter::event(Carrier::Record, Event::Opened);
                    return Ok(self.opened(SessionState::loaded(id_of(value), record, now, self.lifetimes)));
                }
                Err(why) => candidates.reject(why),
            }
        }
        Ok(self.fresh(now).rejecting(candidates.first_rejected()))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let plan = commit.plan();
        let count = || Event::of(plan).iter().for_each(|event| meter::event(Carrier::Record, *event));
        let without_cookie = |after| Ok(Committed::new(commit.settle(after), Vec::new()));
        let id = match (plan, commit.session().id(), commit.new_id()) {
            (Plan::Create | Plan::EndThenCreate | Plan::Cycle, _, Some(id)) => id,
            (Plan::Replace | Plan::Touch, Some(id), _) => id,
            (Plan::End, ..) => {
                count();
                let cookies = std::iter::once(&self.cookie).chain(&self.companion).map(CookieTemplate::remove);
                return Ok(Committed::new(commit.settle(After::Ended), cookies.collect()));
            }
            (Plan::Drop(reason), ..) => {
                count();
                tracing::warn!(?reason, "session changes dropped");
                return without_cookie(After::Dropped);
            }
            _ => return without_cookie(After::Untouched),
        };
        let record = commit.record();
        match self.seal(&record, commit.now()) {
            Ok(cookies) => {
                count();
                Ok(Committed::new(commit.settle(After::Kept(id, record)), cookies))
            }
            // A request that only reads must not fail because its session has grown too large.
            Err(error) if error.is_too_large() && plan == Plan::Touch => without_cookie(After::Untouched),
            Err(error) => Err(error),
        }
    }
}

impl<F: CookieFormat> BridgedCookiesBuilder<F> {
    /// The cookie's name and attributes. Name, path and domain must be those that the other
    /// application has, or there are two cookies.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// The timeouts. The other application should have the same.
    pub const fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// How long browsers keep the cookie, as the other application has it configured.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Options that contradict each other; the error names one.
    pub fn build(self) -> Result<BridgedCookies<F>, ConfigError> {
        self.lifetimes.validate()?;
        let cookie = self.cookie.clone().build()?;
        let companion = self.format.companion().map(|suffix| {
            let name = format!("{}{suffix}", cookie.name());
            self.cookie.name(name).build()
        });
        let companion = companion.transpose()?;
        Ok(BridgedCookies { format: self.format, cookie, companion, lifetimes: self.lifetimes, max_age: self.max_age })
    }
}
