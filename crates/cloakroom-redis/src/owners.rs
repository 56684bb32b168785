//! An owner's sessions, and ending those from before a point.

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Loaded, Owned, StoreError};
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::unexpected;
use crate::layout::{HEX_LEN, bytes, loaded, parse_hex};
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::{END_BEFORE, OWNED};

/// How many keys a step of a scan looks at: a millisecond or so, in which Redis does nothing else.
const STEP: u64 = 500;

/// Where a scan begins, and what it answers when it has come round.
const BEGINNING: &str = "0";

impl RedisStore {
    /// One round trip, which also forgets the keys of sessions that are no longer there.
    pub(crate) async fn sessions_of(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let index = self.index(owner);
        let arguments = [Argument::Text(&self.prefix), Argument::Text(owner)];
        let keys = [index.as_str()];
        let target = Target::Key(&index);
        let call = Call { script: &OWNED, keys: &keys, now, arguments: &arguments, target, about: None };
        let Value::Array(rows) = call.run(self).await? else { return Err(unexpected()) };
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let Value::Array(row) = row else { return Err(unexpected()) };
            let mut row = row.into_iter();
            let key = row.next().and_then(bytes).and_then(|digits| parse_hex(&digits)).ok_or_else(unexpected)?;
            let value = row.next().ok_or_else(|| StoreError::corrupt(key))?;
            if let Loaded::Live(_, entry) = loaded(&key, value, now)? {
                found.push(Owned::new(key, entry));
            }
        }
        Ok(oldest_first(found))
    }

    /// A walk through all keys of every server, in steps of five hundred: a second per million keys and server, more or less. Of a server that was started
    /// anew meanwhile, or that another one took the place of, it begins again.
    pub(crate) async fn end_older(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        let mut ended = 0;
        for target in self.servers().await? {
            let (mut place, mut run) = (BEGINNING.to_owned(), None);
            loop {
                let step = self.step(&[], target, &place, point, now).await?;
                ended += step.ended;
                for key in &step.elsewhere {
                    ended += self.end_moved(key, point, now).await?;
                }
                let is_another = run.replace(step.run.clone()).is_some_and(|run| run != step.run);
                place = if is_another { BEGINNING.to_owned() } else { step.place };
                if place == BEGINNING && !is_another {
                    break;
                }
            }
        }
        Ok(ended)
    }

    /// One target for each server that has sessions, always in the same order.
    pub(crate) async fn servers(&self) -> Result<Vec<Target<'static>>, StoreError> {
        #[cfg(feature = "cluster")]
        if let crate::link::Link::Cluster(cluster) = &self.link {
            return crate::cluster::masters(cluster).await;
        }
        Ok(vec![Target::Key("")])
    }

    /// With a key, that one alone; without, the next ones of a scan.
    pub(crate) async fn step(
        &self,
        keys: &[&str],
        target: Target<'_>,
        place: &str,
        point: Timestamp,
        now: Timestamp,
    ) -> Result<Step, StoreError> {
        let pattern = pattern(&self.prefix);
        let (point, step) = (Argument::time(point), Argument::Number(STEP));
        let arguments = [point, Argument::Text(place), Argument::Text(&pattern), step];
        let call = Call { script: &END_BEFORE, keys, now, arguments: &arguments, target, about: None };
        Step::read(call.write(self).await?).ok_or_else(unexpected)
    }
}

/// What a step of a scan came to.
pub(crate) struct Step {
    place: String,
    run: String,
    pub(crate) ended: usize,
    /// Where moved sessions are now, on other servers.
    pub(crate) elsewhere: Vec<StoreKey>,
}

impl Step {
    fn read(value: Value) -> Option<Self> {
        let Value::Array(parts) = value else { return None };
        let [place, Value::Int(ended), Value::Array(moved), run] = <[Value; 4]>::try_from(parts).ok()? else {
            return None;
        };
        let [place, run] = [String::from_utf8(bytes(place)?).ok()?, String::from_utf8(bytes(run)?).ok()?];
        let elsewhere = moved.into_iter().map(|digits| parse_hex(&bytes(digits)?)).collect::<Option<_>>()?;
        Some(Self { place, run, ended: usize::try_from(ended).ok()?, elsewhere })
    }
}

/// All session keys of a prefix, and no index: those have a colon behind it.
pub(crate) fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 16);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.extend(std::iter::repeat_n('?', HEX_LEN));
    pattern
}

pub(crate) fn oldest_first(mut sessions: Vec<Owned>) -> Vec<Owned> {
    sessions.sort_by_key(|owned| (owned.entry.created, owned.key));
    sessions
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_prefix_is_taken_literally() {
        let any = "?".repeat(64);
        for (row, prefix, expected) in [
            ("plain", "cloakroom:", "cloakroom:"),
            ("empty", "", ""),
            ("with the signs of a pattern", r"a*b?[c]\", r"a\*b\?\[c\]\\"),
        ] {
            assert_eq!(pattern(prefix), format!("{expected}{any}"), "{row}");
        }
    }
}
