//! The lifetime of a session: timeouts, presets, and the deadlines that a record carries.

use std::fmt;
use std::time::Duration;

use crate::error::ConfigError;

mod presets;
mod times;

pub use times::{Deadline, SessionTimes};

/// The maximum time that a record may be dated in the future.
///
/// The clocks of nodes differ by seconds. A record dated further ahead was not made by one of our
/// nodes in working order.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(60);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The timeouts of a session, the interval of touches by reads, and how long browsers keep its
/// cookie.
///
/// The defaults are an idle timeout of 20 minutes, an absolute timeout of 24 hours, at most one
/// touch every 2 minutes, and a cookie that ends with the browser session. The idle timeout is that
/// of Pyramid; the absolute timeout is the maximum that NIST SP 800-63B-4 §2.2.3 allows for AAL2.
/// `None` means never.
///
/// | preset | idle | absolute | cookie |
/// |---|---|---|---|
/// | [`default`](Self::default) | 20 minutes | 24 hours | ends with the browser session |
/// | [`bank`](Self::bank) | 5 minutes | 8 hours | ends with the browser session |
/// | [`shop`](Self::shop) | 24 hours | 7 days | ends with the browser session |
/// | [`two_weeks`](Self::two_weeks) | 14 days | 90 days | persistent |
/// | [`tower_sessions`](Self::tower_sessions) | 14 days | never | ends with the browser session |
/// | [`actix_session`](Self::actix_session) | 24 hours | never | ends with the browser session |
/// | [`aal1`](Self::aal1) | never | 30 days | ends with the browser session |
/// | [`aal2`](Self::aal2) | 1 hour | 24 hours | ends with the browser session |
/// | [`aal3`](Self::aal3) | 15 minutes | 12 hours | ends with the browser session |
///
/// # Examples
/// ```
/// use cloakroom_core::Lifetimes;
/// use std::time::Duration;
///
/// let lifetimes = Lifetimes::default().idle_timeout(Duration::from_secs(600));
/// assert_eq!(lifetimes.touch_interval(), Some(Duration::from_secs(60)));
/// assert!(lifetimes.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    idle: Option<Duration>,
    absolute: Option<Duration>,
    touch: Touch,
    cookie: Cookie,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookie {
    EndsWithBrowser,
    Persistent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    /// A tenth of the idle timeout: an active session then expires at most a tenth too early.
    Tenth,
    After(Duration),
    Never,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_secs(20 * MINUTE)),
            absolute: Some(Duration::from_secs(DAY)),
            touch: Touch::Tenth,
            cookie: Cookie::EndsWithBrowser,
        }
    }
}

impl Lifetimes {
    /// Sets the time after which an unused session expires. `None` is never.
    ///
    /// For more than 24 hours, set the absolute timeout as well, or take a preset: the default of
    /// the absolute timeout is 24 hours.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// let lifetimes = Lifetimes::default().idle_timeout(Duration::from_secs(3600));
    /// assert_eq!(lifetimes.touch_interval(), Some(Duration::from_secs(360)));
    /// ```
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle = timeout.into();
        self
    }

    /// Sets the time after which a session expires, counted from its creation.
    ///
    /// `None` is never.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// let week = Lifetimes::default().absolute_timeout(Duration::from_secs(7 * 24 * 3600));
    /// assert!(week.validate().is_ok());
    /// let minute = Lifetimes::default().absolute_timeout(Duration::from_secs(60));
    /// assert!(minute.validate().is_err(), "shorter than the idle timeout");
    /// ```
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.absolute = timeout.into();
        self
    }

    /// Lets the cookie survive the end of the browser session, for as long as the session lasts.
    ///
    /// Its `Max-Age` is the time until the session ends if it isn't used again. Each use moves that
    /// end, so the cookie is sent again, at most once per [`touch_after`](Self::touch_after).
    ///
    /// This applies to every visitor. If visitors choose ("remember me"), leave it out, and call
    /// `Session::remember`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    ///
    /// assert_eq!(Lifetimes::two_weeks().persistent_cookie(), Lifetimes::two_weeks());
    /// ```
    #[must_use]
    pub const fn persistent_cookie(mut self) -> Self {
        self.cookie = Cookie::Persistent;
        self
    }

    /// Lets the cookie end with the browser session. This is the default.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    ///
    /// assert_ne!(Lifetimes::two_weeks().browser_session_cookie(), Lifetimes::two_weeks());
    /// ```
    #[must_use]
    pub const fn browser_session_cookie(mut self) -> Self {
        self.cookie = Cookie::EndsWithBrowser;
        self
    }

    /// Sets the minimum interval between two touches by reads (Pyramid's `reissue_time`).
    ///
    /// A touch extends the idle deadline. With zero, every read later than the last touch is a
    /// touch; with `None`, reads never touch. The default is a tenth of the idle timeout.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// let lifetimes = Lifetimes::default().touch_after(Duration::from_secs(30));
    /// assert_eq!(lifetimes.touch_interval(), Some(Duration::from_secs(30)));
    /// assert_eq!(lifetimes.touch_after(None).touch_interval(), None);
    /// ```
    #[must_use]
    pub fn touch_after(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.touch = interval.into().map_or(Touch::Never, Touch::After);
        self
    }

    /// Returns the minimum interval between two touches, or `None` for no touches.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Lifetimes::default().touch_interval(), Some(Duration::from_secs(120)));
    /// ```
    #[must_use]
    pub fn touch_interval(&self) -> Option<Duration> {
        self.touch_interval_for(self.idle)
    }

    /// Returns the interval for a session whose idle timeout is `idle`.
    fn touch_interval_for(&self, idle: Option<Duration>) -> Option<Duration> {
        let tenth = idle.map(|idle| idle / 10);
        match self.touch {
            Touch::Tenth => tenth,
            // A session's own timeout may be shorter than the ones that `validate` checked. An
            // active session must not expire for lack of a touch.
            Touch::After(interval) if idle.is_some_and(|idle| interval >= idle) => tenth,
            Touch::After(interval) => Some(interval),
            Touch::Never => None,
        }
    }

    /// Checks that the timeouts don't contradict each other.
    ///
    /// # Errors
    /// Returns an error for a timeout of zero, an absolute timeout shorter than the idle one, or a
    /// touch interval that isn't shorter than the idle timeout.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// assert!(Lifetimes::default().validate().is_ok());
    /// let error = Lifetimes::default().idle_timeout(Duration::ZERO).validate().unwrap_err();
    /// assert_eq!(error.option(), "idle_timeout");
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.idle == Some(Duration::ZERO) {
            return Err(ConfigError::new("idle_timeout", "is zero: every session would end at once"));
        }
        if self.absolute == Some(Duration::ZERO) {
            return Err(ConfigError::new("absolute_timeout", "is zero: every session would end at once"));
        }
        if let (Some(idle), Some(absolute)) = (self.idle, self.absolute)
            && absolute < idle
        {
            let is_default = if absolute == Duration::from_secs(DAY) { ", which is the default" } else { "" };
            return Err(ConfigError::new(
                "absolute_timeout",
                format!(
                    "is {}{is_default}, and shorter than the idle_timeout of {}, which could never be reached; set \
                     both, with an absolute_timeout of `None` (`never`) for sessions that last as long as they are used",
                    Span(absolute),
                    Span(idle)
                ),
            ));
        }
        if let (Touch::After(interval), Some(idle)) = (self.touch, self.idle)
            && interval >= idle
        {
            return Err(ConfigError::new(
                "touch_after",
                format!(
                    "is {}, but a session that isn't touched ends after {} (idle_timeout)",
                    Span(interval),
                    Span(idle)
                ),
            ));
        }
        Ok(())
    }

    pub(crate) const fn idle(&self) -> Option<Duration> {
        self.idle
    }

    pub(crate) const fn absolute(&self) -> Option<Duration> {
        self.absolute
    }

    const fn is_persistent(&self) -> bool {
        matches!(self.cookie, Cookie::Persistent)
    }
}

/// A time in the largest unit that divides it.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes"), (1, "seconds")];
        // A day is "24 hours".
        let unit = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit) && seconds / unit > 1);
        match unit.filter(|_| self.0.subsec_nanos() == 0) {
            Some((unit, name)) => write!(f, "{} {name}", seconds / unit),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_session_is_valid_at_its_deadline_and_not_a_millisecond_later() {
        let idle = Duration::from_secs(1200);
        let times = SessionTimes::start(NOW, &Lifetimes::default());
        assert_eq!(times.expired(NOW + idle), None);
        let later = NOW + idle + Duration::from_millis(1);
        assert_eq!(times.expired(later), Some(Deadline::Idle));
        let day = NOW + Duration::from_secs(DAY) + SECOND;
        assert_eq!(times.expired(day), Some(Deadline::Absolute));
    }

    #[test]
    fn a_touch_extends_the_idle_deadline_and_only_that() {
        let lifetimes = Lifetimes::default();
        let mut times = SessionTimes::start(NOW, &lifetimes);
        let absolute = times.absolute_deadline;
        times.touch(NOW + SECOND, &lifetimes);
        assert_eq!(times.idle_deadline, Some(NOW + SECOND * 1201));
        assert_eq!(times.absolute_deadline, absolute);
        times.touch(NOW, &lifetimes);
        assert_eq!(times.idle_deadline, Some(NOW + SECOND * 1201), "a late touch never shortens");
    }

    #[test]
    fn touches_are_throttled() {
        let due = |lifetimes: Lifetimes, age: Duration| {
            SessionTimes::start(NOW, &lifetimes).is_touch_due(NOW + age, &lifetimes)
        };
        let default = Lifetimes::default();
        for (name, lifetimes, age, expected) in [
            ("a tenth of 20 minutes, exactly", default, SECOND * 120, false),
            ("a tenth of 20 minutes, and a second", default, SECOND * 121, true),
            ("zero, in the same instant", default.touch_after(Duration::ZERO), Duration::ZERO, false),
            ("zero, a second later", default.touch_after(Duration::ZERO), SECOND, true),
            ("never", default.touch_after(None), SECOND * 1199, false),
            ("no idle timeout to extend", default.idle_timeout(None), SECOND * 5000, false),
        ] {
            assert_eq!(due(lifetimes, age), expected, "{name}");
        }
        // A deployment changed the idle timeout.
        for (name, idle, expected) in [
            ("as before", 1200, false),
            ("longer, but not by a touch interval", 1300, false),
            ("longer by more than that", 1400, true),
            ("longer", 86_400, true),
            ("shorter", 600, false),
            ("beyond the absolute deadline", 604_800, true),
        ] {
            let times = SessionTimes::start(NOW, &default);
            assert_eq!(times.is_touch_due(NOW + SECOND, &default.idle_timeout(SECOND * idle)), expected, "{name}");
        }
        let mut times = SessionTimes::start(NOW, &default);
        times.idle_deadline = times.absolute_deadline;
        assert!(!times.is_touch_due(NOW + SECOND, &default.idle_timeout(SECOND * 604_800)), "nothing left to extend");
    }

    #[test]
    fn contradictions_name_the_option() {
        let default = Lifetimes::default();
        for (lifetimes, option) in [
            (default.idle_timeout(Duration::ZERO), "idle_timeout"),
            (default.absolute_timeout(Duration::ZERO), "absolute_timeout"),
            (default.absolute_timeout(SECOND), "absolute_timeout"),
            (default.idle_timeout(SECOND * 604_800), "absolute_timeout"),
            (default.touch_after(SECOND * 1200), "touch_after"),
        ] {
            assert_eq!(lifetimes.validate().map_err(|error| error.option()), Err(option));
        }
        for preset in [Lifetimes::aal1(), Lifetimes::aal2(), Lifetimes::aal3(), Lifetimes::tower_sessions()] {
            assert_eq!(preset.validate(), Ok(()));
        }
        let week = default.idle_timeout(SECOND * 604_800).validate().unwrap_err().to_string();
        assert!(
            week.contains("is 24 hours, which is the default, and shorter than the idle_timeout of 7 days"),
            "{week}"
        );
        assert!(week.contains("`None`"), "{week}");
    }

    #[test]
    fn spans_are_readable() {
        for (span, text) in [
            (SECOND * 86_400, "24 hours"),
            (SECOND * 172_800, "2 days"),
            (SECOND * 90, "90 seconds"),
            (SECOND * 1200, "20 minutes"),
            (SECOND, "1s"),
            (Duration::from_millis(1500), "1.5s"),
        ] {
            assert_eq!(Span(span).to_string(), text);
        }
    }

    #[test]
    fn cookies_of_sliding_sessions_are_renewed_once_in_each_interval() {
        let sliding = Lifetimes::default().persistent_cookie();
        let used = |lifetimes: Lifetimes, last: u64, now: u64| {
            let mut times = SessionTimes::start(NOW, &lifetimes);
            times.touch(NOW + SECOND * u32::try_from(last).unwrap(), &lifetimes);
            times.is_cookie_due(NOW + SECOND * u32::try_from(now).unwrap(), &lifetimes)
        };
        for (name, lifetimes, last, now, expected) in [
            ("in the same interval of two minutes", sliding, 0, 119, false),
            ("in the next interval", sliding, 0, 120, true),
            ("in the next interval, shortly after a use", sliding, 119, 121, true),
            ("a cookie that ends with the browser", Lifetimes::default(), 0, 600, false),
            ("no idle timeout", sliding.idle_timeout(None), 0, 600, false),
            ("reads that never touch", sliding.touch_after(None), 0, 600, true),
            ("reads that always touch", sliding.touch_after(Duration::ZERO), 0, 1, true),
        ] {
            assert_eq!(used(lifetimes, last, now), expected, "{name}");
        }
    }
}
