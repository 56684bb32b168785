//! How long a session lives: the configured timeouts, and the deadlines that a record carries.

use std::time::Duration;

use crate::error::ConfigError;
use crate::time::Timestamp;

/// How far a record may lie in the future before it is refused.
///
/// Nodes' clocks differ by seconds. A record dated further ahead than this was not made by a node
/// of ours in working order.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(60);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The timeouts of a session, and how often reading it extends the idle one.
///
/// The defaults are 20 minutes idle, 24 hours in all, and a touch at most every 2 minutes: the idle
/// timeout is what Pyramid has, the absolute one is what NIST SP 800-63B-4 §2.2.3 asks of AAL2 at
/// most. `None` means never.
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    /// A tenth of the idle timeout: a session in use then ends at most a tenth too early.
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
        }
    }
}

impl Lifetimes {
    /// NIST SP 800-63B-4 §2.1.3 (AAL1): 30 days in all, no idle timeout.
    #[must_use]
    pub fn aal1() -> Self {
        Self::default().idle_timeout(None).absolute_timeout(Duration::from_secs(30 * DAY))
    }

    /// NIST SP 800-63B-4 §2.2.3 (AAL2): 24 hours in all, 1 hour idle.
    #[must_use]
    pub fn aal2() -> Self {
        Self::default().idle_timeout(Duration::from_secs(HOUR)).absolute_timeout(Duration::from_secs(DAY))
    }

    /// NIST SP 800-63B-4 §2.3.3 (AAL3): 12 hours in all, 15 minutes idle.
    #[must_use]
    pub fn aal3() -> Self {
        Self::default().idle_timeout(Duration::from_secs(15 * MINUTE)).absolute_timeout(Duration::from_secs(12 * HOUR))
    }

    /// Ends a session that wasn't used for this long. `None`: never.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle = timeout.into();
        self
    }

    /// Ends a session this long after it was created, used or not. `None`: never.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.absolute = timeout.into();
        self
    }

    /// Lets a read extend the idle deadline at most once in this time (Pyramid's `reissue_time`).
    ///
    /// Zero touches at every read that is later than the last touch, `None` never does. The default
    /// is a tenth of the idle timeout.
    #[must_use]
    pub fn touch_after(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.touch = interval.into().map_or(Touch::Never, Touch::After);
        self
    }

    /// How often a read touches: `None` is never.
    #[must_use]
    pub fn touch_interval(&self) -> Option<Duration> {
        self.touch_interval_for(self.idle)
    }

    /// The same for a session whose idle timeout is `idle`.
    fn touch_interval_for(&self, idle: Option<Duration>) -> Option<Duration> {
        let tenth = idle.map(|idle| idle / 10);
        match self.touch {
            Touch::Tenth => tenth,
            // A session's own timeout may be shorter than any that `validate` saw. In use, it must
            // not end for want of a touch.
            Touch::After(interval) if idle.is_some_and(|idle| interval >= idle) => tenth,
            Touch::After(interval) => Some(interval),
            Touch::Never => None,
        }
    }

    /// Checks that the timeouts don't contradict each other.
    ///
    /// # Errors
    /// A timeout of zero, an absolute timeout shorter than the idle one, or a touch interval that
    /// an unused session doesn't survive.
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
            return Err(ConfigError::new(
                "absolute_timeout",
                format!("is {absolute:?}, shorter than the idle_timeout of {idle:?}, which could never be reached"),
            ));
        }
        if let (Touch::After(interval), Some(idle)) = (self.touch, self.idle)
            && interval >= idle
        {
            return Err(ConfigError::new(
                "touch_after",
                format!("is {interval:?}, but a session that isn't touched ends after {idle:?} (idle_timeout)"),
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
}

/// Which of its deadlines ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// It wasn't used for too long.
    Idle,
    /// It was created too long ago.
    Absolute,
}

/// The facts about time that a record carries.
///
/// They are facts, not configuration: a deadline that was given to a session holds until the
/// session is touched or written, whatever the configuration says by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clockwork {
    /// When the session was created.
    pub created: Timestamp,
    /// When its deadlines were last extended.
    pub touched: Timestamp,
    /// Valid up to and including this point if nobody uses it.
    pub idle_deadline: Option<Timestamp>,
    /// Valid up to and including this point in any case.
    pub absolute_deadline: Option<Timestamp>,
    /// The idle timeout of this one session, where it has its own; the inner `None` is "never".
    pub own_idle: Option<Option<Duration>>,
    /// The cookie survives the end of the browser session ("remember me").
    pub remembered: bool,
}

impl Clockwork {
    /// A session that begins now.
    #[must_use]
    pub fn start(now: Timestamp, lifetimes: &Lifetimes) -> Self {
        Self {
            created: now,
            touched: now,
            idle_deadline: lifetimes.idle().map(|idle| now + idle),
            absolute_deadline: lifetimes.absolute().map(|absolute| now + absolute),
            own_idle: None,
            remembered: false,
        }
    }

    /// The deadline that has passed, if one has. At its deadline exactly, a session is still valid.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<Deadline> {
        if self.absolute_deadline.is_some_and(|deadline| now > deadline) {
            Some(Deadline::Absolute)
        } else if self.idle_deadline.is_some_and(|deadline| now > deadline) {
            Some(Deadline::Idle)
        } else {
            None
        }
    }

    /// When the session ends if nobody uses it any more; `None` is never.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        match (self.idle_deadline, self.absolute_deadline) {
            (Some(idle), Some(absolute)) => Some(idle.min(absolute)),
            (idle, absolute) => idle.or(absolute),
        }
    }

    /// Dated further in the future than clocks differ.
    #[must_use]
    pub fn is_from_future(&self, now: Timestamp) -> bool {
        self.created > now + CLOCK_SKEW || self.touched > now + CLOCK_SKEW
    }

    /// The idle timeout that counts: the session's own, else the configured one.
    fn idle(&self, lifetimes: &Lifetimes) -> Option<Duration> {
        self.own_idle.unwrap_or_else(|| lifetimes.idle())
    }

    /// Whether a read at `now` should extend the idle deadline.
    #[must_use]
    pub fn is_touch_due(&self, now: Timestamp, lifetimes: &Lifetimes) -> bool {
        lifetimes.touch_interval_for(self.idle(lifetimes)).is_some_and(|interval| now > self.touched + interval)
    }

    /// Extends the idle deadline, or sets one where there was none and the lifetimes have an idle
    /// timeout.
    ///
    /// It never moves a deadline to an earlier time, and never moves the absolute one.
    pub fn touch(&mut self, now: Timestamp, lifetimes: &Lifetimes) {
        self.touched = self.touched.max(now);
        self.idle_deadline = match (self.idle_deadline, self.idle(lifetimes)) {
            (_, None) => None,
            (None, Some(idle)) => Some(now + idle),
            (Some(deadline), Some(idle)) => Some(deadline.max(now + idle)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_session_is_valid_at_its_deadline_and_not_a_millisecond_later() {
        let idle = Duration::from_secs(1200);
        let clockwork = Clockwork::start(NOW, &Lifetimes::default());
        assert_eq!(clockwork.expired(NOW + idle), None);
        let later = NOW + idle + Duration::from_millis(1);
        assert_eq!(clockwork.expired(later), Some(Deadline::Idle));
        let day = NOW + Duration::from_secs(DAY) + SECOND;
        assert_eq!(clockwork.expired(day), Some(Deadline::Absolute));
    }

    #[test]
    fn a_touch_extends_the_idle_deadline_and_only_that() {
        let lifetimes = Lifetimes::default();
        let mut clockwork = Clockwork::start(NOW, &lifetimes);
        let absolute = clockwork.absolute_deadline;
        clockwork.touch(NOW + SECOND, &lifetimes);
        assert_eq!(clockwork.idle_deadline, Some(NOW + SECOND * 1201));
        assert_eq!(clockwork.absolute_deadline, absolute);
        clockwork.touch(NOW, &lifetimes);
        assert_eq!(clockwork.idle_deadline, Some(NOW + SECOND * 1201), "a late touch never shortens");
    }

    #[test]
    fn touches_are_throttled() {
        let due =
            |lifetimes: Lifetimes, age: Duration| Clockwork::start(NOW, &lifetimes).is_touch_due(NOW + age, &lifetimes);
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
    }

    #[test]
    fn contradictions_name_the_option() {
        let default = Lifetimes::default();
        for (lifetimes, option) in [
            (default.idle_timeout(Duration::ZERO), "idle_timeout"),
            (default.absolute_timeout(Duration::ZERO), "absolute_timeout"),
            (default.absolute_timeout(SECOND), "absolute_timeout"),
            (default.touch_after(SECOND * 1200), "touch_after"),
        ] {
            assert_eq!(lifetimes.validate().map_err(|error| error.option()), Err(option));
        }
        for preset in [default, Lifetimes::aal1(), Lifetimes::aal2(), Lifetimes::aal3()] {
            assert_eq!(preset.validate(), Ok(()));
        }
    }
}
