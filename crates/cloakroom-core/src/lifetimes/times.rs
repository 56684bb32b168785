//! The deadlines that a record carries.

use std::time::Duration;

use super::{CLOCK_SKEW, Lifetimes};
use crate::time::Timestamp;

/// The deadline that ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// The session was unused for too long.
    Idle,
    /// The session was created too long ago.
    Absolute,
}

/// The times of a record.
///
/// They are data, not configuration: a session keeps its deadline until it is touched or written,
/// even if the configuration changes in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionTimes {
    /// The time of creation.
    pub created: Timestamp,
    /// The time at which the deadlines were last extended.
    pub touched: Timestamp,
    /// The last point at which the session is valid if it isn't used again.
    pub idle_deadline: Option<Timestamp>,
    /// The last point at which the session is valid in any case.
    pub absolute_deadline: Option<Timestamp>,
    /// The session's own idle timeout, if it has one; the inner `None` is "never".
    pub own_idle: Option<Option<Duration>>,
    /// The cookie survives the end of the browser session.
    pub remembered: bool,
}

impl SessionTimes {
    /// Returns the times of a session that begins now.
    #[must_use]
    pub fn start(now: Timestamp, lifetimes: &Lifetimes) -> Self {
        Self {
            created: now,
            touched: now,
            idle_deadline: lifetimes.idle().map(|idle| now + idle),
            absolute_deadline: lifetimes.absolute().map(|absolute| now + absolute),
            own_idle: None,
            remembered: lifetimes.is_persistent(),
        }
    }

    /// Returns the deadline that has passed, if any.
    ///
    /// At its exact deadline, a session is still valid.
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

    /// Returns the time at which the session expires if it isn't used again.
    ///
    /// `None` is never.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        match (self.idle_deadline, self.absolute_deadline) {
            (Some(idle), Some(absolute)) => Some(idle.min(absolute)),
            (idle, absolute) => idle.or(absolute),
        }
    }

    /// Returns `true` if the times are in the future by more than the allowed clock skew.
    #[must_use]
    pub fn is_from_future(&self, now: Timestamp) -> bool {
        self.created > now + CLOCK_SKEW || self.touched > now + CLOCK_SKEW
    }

    /// Returns the effective idle timeout: the session's own, else the configured one.
    fn idle(&self, lifetimes: &Lifetimes) -> Option<Duration> {
        self.own_idle.unwrap_or_else(|| lifetimes.idle())
    }

    /// Returns `true` if a read at `now` should extend the idle deadline.
    #[must_use]
    pub fn is_touch_due(&self, now: Timestamp, lifetimes: &Lifetimes) -> bool {
        let Some(interval) = lifetimes.touch_interval_for(self.idle(lifetimes)) else { return false };
        now > self.touched + interval || self.is_early(now, lifetimes, interval).unwrap_or_default()
    }

    /// Returns `true` if a use at `now` would move the end of the session by more than its share of
    /// the touch interval. The deadline of an earlier, shorter configuration may come before the
    /// next touch.
    fn is_early(&self, now: Timestamp, lifetimes: &Lifetimes, interval: Duration) -> Option<bool> {
        let idle = self.idle(lifetimes)?;
        // The usual case, without the arithmetic.
        if self.idle_deadline? >= self.touched + idle {
            return Some(false);
        }
        let mut used = *self;
        used.touch(now, lifetimes);
        let (end, later) = (self.ends()?, used.ends()?);
        // The absolute deadline may leave less than the idle timeout.
        let left = later.since(now).as_millis().checked_mul(interval.as_millis())?;
        let share = left.checked_div(idle.as_millis())?;
        Some(later.since(end).as_millis() > share)
    }

    /// Extends the idle deadline.
    ///
    /// If there was none and an idle timeout applies, this sets one. It never moves a deadline to
    /// an earlier time, and never moves the absolute one. A session with the configured timeouts
    /// gets a persistent cookie if that is configured by now.
    pub fn touch(&mut self, now: Timestamp, lifetimes: &Lifetimes) {
        self.remembered |= self.own_idle.is_none() && lifetimes.is_persistent();
        self.touched = self.touched.max(now);
        self.idle_deadline = match (self.idle_deadline, self.idle(lifetimes)) {
            (_, None) => None,
            (None, Some(idle)) => Some(now + idle),
            (Some(deadline), Some(idle)) => Some(deadline.max(now + idle)),
        };
    }

    /// Returns `true` if a use at `now` should renew the `Max-Age` of a cookie with an id.
    ///
    /// The first use in each interval since the creation renews it. The time of the last renewal
    /// need not be stored, and a session in use keeps its cookie at least nine tenths of its idle
    /// timeout.
    #[must_use]
    pub fn is_cookie_due(&self, now: Timestamp, lifetimes: &Lifetimes) -> bool {
        let mut used = *self;
        used.touch(now, lifetimes);
        let Some(idle) = self.idle(lifetimes).filter(|_| used.remembered) else { return false };
        let interval = lifetimes.touch_interval_for(Some(idle)).unwrap_or(idle / 10).as_millis();
        let number = |point: Timestamp| point.since(self.created).as_millis().checked_div(interval);
        number(now).is_none() || number(now) != number(self.touched) || self.is_touch_due(now, lifetimes)
    }
}
