//! The history of each session, and the promises.

use std::fmt;
use std::ops::AddAssign;

use crate::node::{BOUND, CHECKS, IDLE, SKEW, TOUCH};
use crate::plan::Plan;

/// The time within which each request must have ended, in milliseconds: a load, a shared load
/// before it, a commit with its retries, and pauses of the node.
const DEADLINE: u64 = 20_000;
/// Tombstones lead to the new id for less than this time, in milliseconds.
const GRACE: u64 = 10_000;
/// The longest time between the moment at which a store reads a session and the moment at which the
/// node acts on the answer, in milliseconds.
const ANSWER: u64 = 5_000;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The time in the run, in milliseconds.
    pub at: u64,
    /// The promise, and the session.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ms: {}", self.at, self.what)
    }
}

/// The number of checks, for each promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checks {
    /// Reads whose counter was compared with the acknowledged updates and the attempted ones.
    pub reads: u64,
    /// The reads that began after an acknowledged update, so that they would show its loss.
    pub updates_read: u64,
    /// Requests with the id of an ended session.
    pub uses_after_end: u64,
    /// Requests with the id of an expired session.
    pub uses_after_expiry: u64,
    /// Ends for which another request waited.
    pub ends_awaited: u64,
    /// Requests that ended by the deadline.
    pub deadlines: u64,
    /// Sessions that were read again when all faults had ended.
    pub last_reads: u64,
}

impl AddAssign for Checks {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.updates_read += other.updates_read;
        self.uses_after_end += other.uses_after_end;
        self.uses_after_expiry += other.uses_after_expiry;
        self.ends_awaited += other.ends_awaited;
        self.deadlines += other.deadlines;
        self.last_reads += other.last_reads;
    }
}

/// The history of one session.
#[derive(Debug, Default)]
struct Life {
    attempted: u32,
    /// The acknowledged updates, with the time of the answer. Old ones are summed up.
    acked: Vec<(u64, u32)>,
    end_tried: bool,
    ended_at: Option<u64>,
    moved_at: Option<u64>,
    owned_at: Option<u64>,
    /// The last time at which a request used it.
    used: u64,
    /// The last time at which a write began that was acknowledged.
    kept: u64,
    /// `kept` as it was before a write at `since`, and before one at least [`ANSWER`] earlier.
    earlier: [u64; 2],
    since: u64,
}

/// Returns whether a session may have expired for a node whose clock is ahead.
const fn may_have_expired(kept: u64, now: u64) -> bool {
    now + TOUCH + 2 * SKEW + 1000 > kept + IDLE
}

impl Life {
    /// Records that a write was acknowledged that began at `start`.
    fn keep(&mut self, start: u64, now: u64) {
        if now > self.since + ANSWER {
            self.earlier = [self.kept, self.earlier[0]];
            self.since = now;
        }
        self.kept = self.kept.max(start);
    }

    /// Returns the time for which the session was certainly kept when a load began that has now
    /// been answered.
    const fn kept_before_answer(&self, now: u64) -> u64 {
        let [before, earlier] = self.earlier;
        if now > self.since + ANSWER { before } else { earlier }
    }

    fn acked_before(&self, time: u64) -> u32 {
        self.acked.iter().rev().find(|(at, _)| *at < time).map_or(0, |(_, count)| *count)
    }
}

/// A request that waits for the end of its session.
#[derive(Debug)]
struct Wait {
    visitor: usize,
    life: u32,
    resolved: Option<u64>,
}

/// The history of a run.
#[derive(Debug)]
pub(crate) struct Checker {
    lives: Vec<Vec<Life>>,
    waits: Vec<Wait>,
    /// The age that a read may have, in milliseconds.
    bound: u64,
    has_faults: bool,
    pub(crate) checks: Checks,
    pub(crate) violations: Vec<Violation>,
    pub(crate) sessions: u64,
}

impl Checker {
    pub(crate) fn new(plan: &Plan) -> Self {
        let lives = std::iter::repeat_with(Vec::new).take(plan.visitors).collect();
        let bound = if plan.cache { BOUND + 1 } else { 0 };
        let checks = Checks::default();
        Self { lives, waits: Vec::new(), bound, has_faults: plan.faults, checks, violations: Vec::new(), sessions: 0 }
    }

    pub(crate) fn broken(&mut self, at: u64, what: String) {
        if self.violations.len() < 20 {
            self.violations.push(Violation { at, what });
        }
    }

    fn life(&mut self, visitor: usize, life: u32) -> Option<&mut Life> {
        self.lives.get_mut(visitor)?.get_mut(life as usize)
    }

    /// Begins a session. Returns its number among those of the visitor.
    pub(crate) fn begins(&mut self, visitor: usize, now: u64) -> u32 {
        let Some(lives) = self.lives.get_mut(visitor) else { return 0 };
        lives.push(Life { used: now, kept: now, earlier: [now; 2], since: now, ..Life::default() });
        self.sessions += 1;
        u32::try_from(lives.len() - 1).unwrap_or(u32::MAX)
    }

    /// Checks a session that a request opened. The request began at `start`.
    pub(crate) fn opened(&mut self, visitor: usize, mark: Option<(usize, u32)>, count: u32, start: u64, now: u64) {
        let Some((owner, number)) = mark.filter(|(owner, _)| *owner == visitor) else {
            return self.broken(now, format!("visitor {visitor} received a session of {mark:?}"));
        };
        let bound = self.bound;
        let Some(life) = self.life(owner, number) else {
            return self.broken(now, format!("visitor {visitor} has no session {number}"));
        };
        let point = start.saturating_sub(bound);
        let (least, most) = (life.acked_before(point), life.attempted);
        let was_ended = life.ended_at.is_some_and(|at| at < point);
        let was_expired = start > life.used + IDLE + 2 * SKEW + 1000;
        life.used = life.used.max(now);
        self.checks.reads += 1;
        self.checks.updates_read += u64::from(least > 0);
        if count < least || count > most {
            self.broken(
                now,
                format!("session {visitor}/{number}: {least} updates acknowledged, {most} attempted, {count} found"),
            );
        }
        if was_ended {
            self.broken(now, format!("session {visitor}/{number} was opened after its end was acknowledged"));
        }
        if was_expired {
            self.broken(now, format!("session {visitor}/{number} was opened after it had expired"));
        }
    }

    /// Returns the time for which the session was certainly kept, for [`absent`](Self::absent).
    pub(crate) fn kept(&mut self, visitor: usize, number: u32) -> u64 {
        self.life(visitor, number).map_or(0, |life| life.kept)
    }

    /// Checks a request whose cookie opened nothing. `kept` was asked when it began: afterwards, a
    /// node with a slower clock may have prolonged a session that had expired for this one.
    pub(crate) fn absent(&mut self, visitor: usize, number: u32, kept: u64, start: u64, now: u64) {
        let Some(life) = self.life(visitor, number) else { return };
        let (ended, expired) = (life.ended_at.is_some(), start > life.used + IDLE + 2 * SKEW + 1000);
        let is_lost = !life.end_tried && life.moved_at.is_none() && !may_have_expired(kept, now);
        self.checks.uses_after_end += u64::from(ended);
        self.checks.uses_after_expiry += u64::from(expired && !ended);
        if is_lost {
            self.broken(now, format!("session {visitor}/{number} is lost"));
        }
    }

    pub(crate) fn update_begins(&mut self, visitor: usize, number: u32) {
        if let Some(life) = self.life(visitor, number) {
            life.attempted += 1;
        }
    }

    pub(crate) fn update_acknowledged(&mut self, visitor: usize, number: u32, start: u64, now: u64) {
        if let Some(life) = self.life(visitor, number) {
            let count = life.acked.last().map_or(0, |(_, count)| *count) + 1;
            if life.acked.len() >= 16 {
                let old = life.acked.iter().rposition(|(at, _)| at + 30_000 < start).unwrap_or_default();
                life.acked.drain(..old);
            }
            life.acked.push((now, count));
            life.keep(start, now);
        }
    }

    /// Records that a request used the session.
    pub(crate) fn used(&mut self, visitor: usize, number: u32, now: u64) {
        if let Some(life) = self.life(visitor, number) {
            life.used = life.used.max(now);
        }
    }

    pub(crate) fn move_begins(&mut self, visitor: usize, number: u32, now: u64) {
        if let Some(life) = self.life(visitor, number) {
            life.moved_at = life.moved_at.or(Some(now));
        }
    }

    pub(crate) fn owner_acknowledged(&mut self, visitor: usize, number: u32, now: u64) {
        if let Some(life) = self.life(visitor, number) {
            life.owned_at = life.owned_at.or(Some(now));
        }
    }

    pub(crate) fn end_begins(&mut self, visitor: usize, number: u32) {
        if let Some(life) = self.life(visitor, number) {
            life.end_tried = true;
        }
    }

    /// Records the answer to a sign-out. With an id that has moved, it counts while the tombstone
    /// is certainly there.
    pub(crate) fn end_acknowledged(&mut self, visitor: usize, number: u32, now: u64) {
        if let Some(life) = self.life(visitor, number)
            && life.moved_at.is_none_or(|at| now + 2 * SKEW + 1000 < at + GRACE)
        {
            life.ended_at = life.ended_at.or(Some(now));
        }
    }

    /// Records that ending all sessions of the visitor's owner begins.
    pub(crate) fn sweep_begins(&mut self, visitor: usize) {
        for life in self.lives.get_mut(visitor).into_iter().flatten() {
            life.end_tried = true;
        }
    }

    /// Records the answer. It concerns the sessions that had this owner when the call began.
    pub(crate) fn sweep_acknowledged(&mut self, visitor: usize, start: u64, now: u64) {
        for life in self.lives.get_mut(visitor).into_iter().flatten() {
            if life.owned_at.is_some_and(|at| at < start) {
                life.ended_at = life.ended_at.or(Some(now));
            }
        }
    }

    pub(crate) fn wait_begins(&mut self, visitor: usize, life: u32) -> usize {
        self.waits.push(Wait { visitor, life, resolved: None });
        self.waits.len() - 1
    }

    pub(crate) fn wait_ends(&mut self, wait: usize, now: u64) {
        let Some(wait) = self.waits.get_mut(wait) else { return };
        wait.resolved = Some(now);
        let (visitor, number) = (wait.visitor, wait.life);
        // A node whose clock is ahead may have found the session expired just before another one
        // prolonged it.
        let is_wrong = self.life(visitor, number).is_some_and(|life| {
            !life.end_tried && life.moved_at.is_none() && !may_have_expired(life.kept_before_answer(now), now)
        });
        if is_wrong {
            self.broken(now, format!("a wait for the end of {visitor}/{number} ended, and the session didn't"));
        }
    }

    pub(crate) fn request_ended(&mut self, start: u64, now: u64) {
        self.checks.deadlines += 1;
        if now > start + DEADLINE {
            self.broken(now, format!("a request took {} ms", now - start));
        }
    }

    /// Checks the waits when the run has ended. Faults ended at `healed`.
    pub(crate) fn finish(&mut self, healed: u64, now: u64) {
        for wait in std::mem::take(&mut self.waits) {
            let Some(ended) = self.life(wait.visitor, wait.life).and_then(|life| life.ended_at) else { continue };
            let from = if self.has_faults { ended.max(healed) } else { ended };
            let limit = from + 2 * CHECKS + 3000;
            self.checks.ends_awaited += 1;
            if wait.resolved.unwrap_or(u64::MAX) > limit {
                let (visitor, life) = (wait.visitor, wait.life);
                self.broken(now, format!("the end of {visitor}/{life} at {ended} ms was missed: {:?}", wait.resolved));
            }
        }
    }
}
