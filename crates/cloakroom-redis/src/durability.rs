//! When a write counts: once replicas have it, or once it is on disks.
//!
//! A confirmation is asked for behind each write, in the same round trip: `WAIT`, or `WAITAOF` where disks count.
//! Both are about the last write of their connection. A call that writes nothing would be confirmed by whatever that
//! connection wrote before; so an end writes also where it finds nothing (see `end.lua`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::StoreError;
use redis::{Cmd, Pipeline, Value};
use tokio::runtime::Handle;

use crate::error::{failed, unexpected};
use crate::redis_store::RedisStore;

/// How long a confirmation may take unless told otherwise: half of what a call may take.
const CONFIRMATION: Duration = Duration::from_millis(500);

/// How many unconfirmed ends are tried again at most.
const MOST_ENDS: usize = 10_000;

/// The pauses between two attempts to end them: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// How often they are tried: for about half an hour.
const MOST_ROUNDS: usize = 180;

/// What a write needs until it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durability {
    pub(crate) replicas: u32,
    pub(crate) timeout: Duration,
    /// Whether it must be on disks.
    pub(crate) disk: bool,
}

impl Default for Durability {
    fn default() -> Self {
        Self { replicas: 0, timeout: CONFIRMATION, disk: false }
    }
}

impl Durability {
    /// The confirmation that is wanted, if any is.
    pub(crate) fn wanted(self) -> Option<Wanted> {
        // For the server 0 means "for ever".
        let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        (self.replicas > 0 || self.disk).then_some(Wanted { replicas: self.replicas, disk: self.disk, millis })
    }
}

/// A confirmation to be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) replicas: u32,
    pub(crate) disk: bool,
    millis: u64,
}

pub(crate) fn and_wait(command: Cmd, wanted: &Wanted) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.add_command(command);
    if wanted.disk {
        pipeline.cmd("WAITAOF").arg(1);
    } else {
        pipeline.cmd("WAIT");
    }
    pipeline.arg(wanted.replicas).arg(wanted.millis);
    pipeline
}

/// The answer of the command in front of the confirmation, if that is as wanted.
///
/// `always` is for a command that has written something in any case; the others need no confirmation where they
/// changed nothing.
pub(crate) fn settled(answers: Vec<Value>, wanted: &Wanted, always: bool) -> Result<Value, StoreError> {
    let [answer, confirmed] = <[Value; 2]>::try_from(answers).map_err(|_| unexpected())?;
    let (on_disk, confirmed) = match (wanted.disk, confirmed) {
        (false, Value::Int(replicas)) => (true, replicas),
        (true, Value::Array(counts)) => match counts.as_slice() {
            [Value::Int(local), Value::Int(replicas)] => (*local > 0, *replicas),
            _ => return Err(unexpected()),
        },
        _ => return Err(unexpected()),
    };
    let counts = on_disk && confirmed >= i64::from(wanted.replicas);
    if counts || !changed(&answer, always) {
        return Ok(answer);
    }
    let disk = if on_disk { "" } else { ", and the disk of the server itself didn't" };
    Err(failed(format!("written, but {confirmed} of {} replicas confirmed it in time{disk}", wanted.replicas)))
}

/// Whether a command has written something, by its answer.
fn changed(answer: &Value, always: bool) -> bool {
    let code = if let Value::Array(parts) = answer { parts.first() } else { Some(answer) };
    // A step of a scan answers with its place, which is no number.
    match code {
        Some(Value::Nil | Value::Int(2.. | ..0)) => false,
        Some(Value::Int(0)) => always,
        _ => true,
    }
}

/// Ends without a confirmation, to be tried again.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// With the time that their callers passed in. While there are any, a task is at work.
    keys: Mutex<HashMap<StoreKey, Timestamp>>,
}

impl RedisStore {
    /// Remembers an end whose caller was told that it failed, and tries it again until it is confirmed: the visitor who
    /// signed out may never come back to do it.
    pub(crate) fn end_later(&self, key: &StoreKey, now: Timestamp) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut keys = self.ends.lock();
        if keys.len() >= MOST_ENDS {
            tracing::warn!(?key, "too many ends are unconfirmed: this one isn't tried again");
            return;
        }
        let is_idle = keys.is_empty();
        keys.insert(*key, now);
        drop(keys);
        if is_idle {
            let store = self.clone();
            runtime.spawn(async move { store.end_remembered().await });
        }
    }

    async fn end_remembered(&self) {
        let (mut pause, longest) = PAUSES;
        for _ in 0..MOST_ROUNDS {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            let keys: Vec<_> = self.ends.lock().iter().map(|(key, now)| (*key, *now)).collect();
            for (key, now) in keys {
                match self.end_wherever_it_is(&key, now).await {
                    Err(error) if !error.is_corrupt() => {
                        tracing::debug!(?key, %error, "an end is still unconfirmed");
                        // The others would fare the same.
                        break;
                    }
                    Ok(_) | Err(_) => self.ends.forget(&key),
                }
            }
            if self.ends.lock().is_empty() {
                return;
            }
        }
        let left = std::mem::take(&mut *self.ends.lock()).len();
        tracing::warn!(left, "ends were never confirmed, and aren't tried again");
    }
}

impl Ends {
    pub(crate) fn forget(&self, key: &StoreKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<StoreKey, Timestamp>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ends of a store and its clones.
pub(crate) type SharedEnds = Arc<Ends>;

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::{Durability, Wanted, settled};

    const REPLICA: Wanted = Wanted { replicas: 1, disk: false, millis: 1 };
    const DISKS: Wanted = Wanted { disk: true, ..REPLICA };

    fn disks(local: i64, replicas: i64) -> Value {
        Value::Array(vec![Value::Int(local), Value::Int(replicas)])
    }

    #[test]
    fn writes_count_once_they_are_confirmed() {
        for (row, wanted, answer, always, confirmed, counts) in [
            ("written, a replica has it", REPLICA, Value::Int(1), false, Value::Int(1), true),
            ("written, none has it", REPLICA, Value::Int(1), false, Value::Int(0), false),
            ("placed, none has it", REPLICA, Value::Okay, false, Value::Int(0), false),
            ("not placed", REPLICA, Value::Nil, false, Value::Int(0), true),
            ("a conflict changed nothing", REPLICA, Value::Int(2), false, Value::Int(0), true),
            ("gone, nothing was written", REPLICA, Value::Int(0), false, Value::Int(0), true),
            ("an end of nothing, none has it", REPLICA, Value::Int(0), true, Value::Int(0), false),
            ("an end of nothing, a replica has it", REPLICA, Value::Int(0), true, Value::Int(1), true),
            ("an end of what is damaged", REPLICA, Value::Int(-1), true, Value::Int(0), true),
            ("on both disks", DISKS, Value::Int(1), false, disks(1, 1), true),
            ("on the replica's disk alone", DISKS, Value::Int(1), false, disks(0, 1), false),
            ("on the master's disk alone", DISKS, Value::Int(1), false, disks(1, 0), false),
        ] {
            let settled = settled(vec![answer.clone(), confirmed], &wanted, always);
            assert_eq!(settled.ok(), counts.then_some(answer), "{row}");
        }
    }

    #[test]
    fn nothing_is_waited_for_unless_asked() {
        assert!(Durability::default().wanted().is_none());
        assert!(Durability { replicas: 1, ..Durability::default() }.wanted().is_some());
        assert!(Durability { disk: true, ..Durability::default() }.wanted().is_some());
    }
}
