//! Ends all sessions created before a point in time: a walk with `SCAN` through all masters, one
//! step per call.
//!
//! A session that moves during the walk leaves a tombstone, which leads to its new key even if the
//! scan has already passed it. Redis keeps tombstones for at least a minute. A walk that took
//! longer and has ended any session therefore makes another round. A restarted or replaced server
//! has another key order, so its scan begins again.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Cursor, EndedPage, StoreError};
use futures_util::future::try_join_all;
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::unexpected;
use crate::layout::{bytes, parse_key};
use crate::redis_store::RedisStore;
use crate::scan::{Place, pattern};
#[cfg(feature = "cluster")]
use crate::scripts::END;
use crate::scripts::END_BEFORE;
use crate::target::Target;

/// The number of keys in one step: it blocks the server for a millisecond or two.
const STEP: u64 = 500;

/// The maximum duration of a round in seconds, before tombstones may have expired: half of the time
/// for which Redis keeps them.
const SHORT: u64 = 30;

/// The position of a walk, the start of its current round in seconds of a server's clock, and
/// whether it has ended any session in this round.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Round {
    place: Place,
    began: Option<u64>,
    has_ended: bool,
}

impl Round {
    const fn beginning() -> Self {
        Self { place: Place::start(0), began: None, has_ended: false }
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let (round, place) = cursor.as_str().split_once('@')?;
        let (has_ended, began) = match round.split_at_checked(1)? {
            ("0", began) => (false, began),
            ("1", began) => (true, began),
            _ => return None,
        };
        let began = if began.is_empty() { None } else { Some(began.parse().ok()?) };
        Some(Self { place: Place::read(&Cursor::new(place))?, began, has_ended })
    }

    fn cursor(&self) -> Cursor {
        let began = self.began.map(|began| began.to_string()).unwrap_or_default();
        Cursor::new(format!("{}{began}@{}", u8::from(self.has_ended), self.place.cursor()))
    }

    /// Returns the next round, if this one may have missed sessions that moved.
    fn again(&self, clock: u64) -> Option<Self> {
        let is_long = self.began.is_some_and(|began| clock.abs_diff(began) > SHORT);
        (self.has_ended && is_long).then(Self::beginning)
    }
}

impl RedisStore {
    /// Performs one step. In a Cluster, also ends sessions that have moved to other servers.
    pub(crate) async fn end_older(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let round = match after {
            Some(cursor) => Round::read(cursor).ok_or_else(StoreError::foreign_cursor)?,
            None => Round::beginning(),
        };
        let servers = self.link.servers().await?;
        let Some(target) = servers.get(round.place.server) else {
            // A master left the Cluster during the walk, and its keys may now be on a server that
            // the walk has passed.
            return Ok(EndedPage::new(0, Some(Round::beginning().cursor())));
        };
        let step = self.step(&[], *target, &round.place.scan, point, now).await?;
        let mut ended = step.ended;
        for key in &step.elsewhere {
            ended += self.end_moved(key, point, now).await?;
        }
        if step.place == Place::BEGINNING {
            self.confirm_at(*target, now).await?;
        }
        let has_ended = round.has_ended || ended > 0;
        let (server, is_another) = (round.place.server, round.place.is_of_another_run(&step.run));
        let place = if is_another {
            Place::start(server)
        } else if step.place == Place::BEGINNING {
            Place::start(server + 1)
        } else {
            Place { server, scan: step.place.into(), run: step.run }
        };
        let round = Round { place, began: round.began.or(Some(step.clock)), has_ended };
        let next = if round.place.server < servers.len() { Some(round) } else { round.again(step.clock) };
        Ok(EndedPage::new(ended, next.map(|next| next.cursor())))
    }

    /// Waits until a server of a Cluster has confirmed all earlier writes, if durability is on.
    ///
    /// A step that finds nothing to end writes nothing, so its confirmation would not cover an
    /// earlier, unconfirmed end by another connection or process. On a single server the scripts
    /// contain this fence: see `end_before.lua`.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "only a Cluster waits here"))]
    async fn confirm_at(&self, target: Target<'_>, now: Timestamp) -> Result<(), StoreError> {
        #[cfg(feature = "cluster")]
        if self.is_cluster() && self.durability.wanted().is_some() {
            let front = format!("{}w:", self.prefix);
            let name = crate::cluster::unused_name(&front, target);
            // With a hash tag all keys are in one slot, perhaps on another server.
            let name = name.unwrap_or(front);
            let (keys, target) = ([name.as_bytes()], Target::Key(name.as_bytes()));
            let arguments = [self.fence()];
            let call = Call { script: &END, keys: &keys, now, arguments: &arguments, target, about: None };
            call.write(self).await?;
        }
        #[cfg(not(feature = "cluster"))]
        let _ = (target, now);
        Ok(())
    }

    /// Waits for all servers of a Cluster.
    pub(crate) async fn confirm_everywhere(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.durability.wanted().is_none() {
            return Ok(());
        }
        let servers = self.link.servers().await?;
        try_join_all(servers.into_iter().map(|target| self.confirm_at(target, now))).await.map(drop)
    }

    /// With a key, checks only that one. Otherwise scans the next keys.
    pub(crate) async fn step(
        &self,
        keys: &[&[u8]],
        target: Target<'_>,
        place: &str,
        point: Timestamp,
        now: Timestamp,
    ) -> Result<Step, StoreError> {
        let pattern = pattern(&self.prefix);
        let (point, step) = (Argument::time(point), Argument::Number(STEP));
        let front = self.durability.wanted().map(|_| self.front());
        let fence = front.as_deref().map_or(Argument::Absent, Argument::Text);
        let arguments = [point, Argument::Text(place), Argument::Text(&pattern), step, fence];
        let call = Call { script: &END_BEFORE, keys, now, arguments: &arguments, target, about: None };
        Step::read(call.write(self).await?).ok_or_else(unexpected)
    }
}

/// The result of a step.
pub(crate) struct Step {
    place: String,
    run: String,
    clock: u64,
    pub(crate) ended: usize,
    /// The keys on other servers to which sessions have moved.
    pub(crate) elsewhere: Vec<StoreKey>,
}

impl Step {
    fn read(value: Value) -> Option<Self> {
        let Value::Array(parts) = value else { return None };
        let [place, Value::Int(ended), Value::Array(moved), run, Value::Int(clock)] =
            <[Value; 5]>::try_from(parts).ok()?
        else {
            return None;
        };
        let [place, run] = [String::from_utf8(bytes(place)?).ok()?, String::from_utf8(bytes(run)?).ok()?];
        let elsewhere = moved.into_iter().map(|key| parse_key(&bytes(key)?)).collect::<Option<_>>()?;
        let clock = u64::try_from(clock).ok()?;
        Some(Self { place, run, clock, ended: usize::try_from(ended).ok()?, elsewhere })
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_store::store::Cursor;

    use super::{Place, Round};

    #[test]
    fn only_own_round_cursors_are_parsed() {
        let place = Place { server: 2, scan: "7".into(), run: "0af3".to_owned() };
        for round in [Round::beginning(), Round { place, began: Some(1_700_000_000), has_ended: true }] {
            assert_eq!(Round::read(&round.cursor()), Some(round));
        }
        for wrong in ["", "0:0:", "2@0:0:", "@0:0:", "1@", "1@0:0", "1x@0:0:", "é@0:0:"] {
            assert_eq!(Round::read(&Cursor::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_round_that_ended_sessions_is_repeated() {
        let round = |has_ended| Round { began: Some(1_000), has_ended, ..Round::beginning() };
        for (row, round, clock, again) in [
            ("ended none", round(false), 5_000, false),
            ("short", round(true), 1_030, false),
            ("long", round(true), 1_031, true),
            ("a clock that went back", round(true), 900, true),
        ] {
            assert_eq!(round.again(clock).is_some(), again, "{row}");
        }
    }
}
