//! Confirmation of writes by replicas or disks.
//!
//! Each write is followed by a request for confirmation in the same round trip: `WAIT`, or
//! `WAITAOF` for disks. Both refer to the last write of their connection. A call that writes
//! nothing would be confirmed by an earlier write of that connection, so ending a session writes
//! even if there is nothing to end (see `end.lua`).

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::StoreError;
use redis::{Cmd, Pipeline, Value};
use tokio::runtime::Handle;

use crate::error::unexpected;

/// The default timeout of a confirmation: half of the timeout of a call.
const CONFIRMATION: Duration = Duration::from_millis(500);

/// The maximum number of unconfirmed ends that are retried.
const MOST_ENDS: usize = 10_000;

/// The first and the longest pause between two attempts to confirm them.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// The maximum number of attempts, about half an hour in total.
const MOST_ROUNDS: usize = 180;

/// The required confirmations of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durability {
    pub(crate) replicas: u32,
    pub(crate) timeout: Duration,
    /// `true` if it must be on disk.
    pub(crate) disk: bool,
}

impl Default for Durability {
    fn default() -> Self {
        Self { replicas: 0, timeout: CONFIRMATION, disk: false }
    }
}

impl Durability {
    /// Returns the required confirmation, if any.
    pub(crate) fn wanted(self) -> Option<Wanted> {
        // For the server, 0 means no timeout.
        let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        (self.replicas > 0 || self.disk).then_some(Wanted { replicas: self.replicas, disk: self.disk, millis })
    }
}

/// A confirmation to request.
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

/// Returns the reply of the command before the confirmation, if the confirmation is sufficient.
///
/// `always` is for a command that writes in any case. Other commands need no confirmation if they
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
    let text = format!("written, but {confirmed} of {} replicas confirmed it in time{disk}", wanted.replicas);
    Err(StoreError::unconfirmed(text))
}

/// Returns whether a command has written something, judging by its reply.
fn changed(answer: &Value, always: bool) -> bool {
    let code = if let Value::Array(parts) = answer { parts.first() } else { Some(answer) };
    // A step of a scan returns its position, which is not a number.
    match code {
        Some(Value::Nil | Value::Int(2.. | ..0)) => false,
        Some(Value::Int(0)) => always,
        _ => true,
    }
}

/// Unconfirmed ends to retry.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Each key with the time passed in by its caller. While there are any, a task is running.
    keys: Mutex<HashMap<StoreKey, Timestamp>>,
}

impl Ends {
    /// Registers an end that was reported as failed, and retries it with `end` until it is
    /// confirmed, because the user who signed out may never come back to retry it.
    pub(crate) fn retry<F>(
        self: &Arc<Self>,
        key: &StoreKey,
        now: Timestamp,
        end: impl Fn(StoreKey, Timestamp) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<bool, StoreError>> + Send,
    {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut keys = self.lock();
        if keys.len() >= MOST_ENDS {
            tracing::warn!(?key, "too many ends are unconfirmed: this one isn't retried");
            return;
        }
        let is_idle = keys.is_empty();
        keys.insert(*key, now);
        drop(keys);
        if is_idle {
            let ends = Arc::clone(self);
            runtime.spawn(async move { ends.retry_all(end).await });
        }
    }

    async fn retry_all<F>(&self, end: impl Fn(StoreKey, Timestamp) -> F)
    where
        F: Future<Output = Result<bool, StoreError>>,
    {
        let (mut pause, longest) = PAUSES;
        for _ in 0..MOST_ROUNDS {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            let keys: Vec<_> = self.lock().iter().map(|(key, now)| (*key, *now)).collect();
            for (key, now) in keys {
                match end(key, now).await {
                    Err(error) if !error.is_corrupt() => {
                        tracing::debug!(?key, %error, "an end is still unconfirmed");
                        // The others would fail as well.
                        break;
                    }
                    Ok(_) | Err(_) => self.forget(&key),
                }
            }
            if self.lock().is_empty() {
                return;
            }
        }
        let left = std::mem::take(&mut *self.lock()).len();
        tracing::warn!(left, "ends were never confirmed, and are no longer retried");
    }

    pub(crate) fn forget(&self, key: &StoreKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<StoreKey, Timestamp>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ends of a store, shared with its clones.
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
            ("written, no replica has it", REPLICA, Value::Int(1), false, Value::Int(0), false),
            ("created, no replica has it", REPLICA, Value::Okay, false, Value::Int(0), false),
            ("not created", REPLICA, Value::Nil, false, Value::Int(0), true),
            ("a conflict changed nothing", REPLICA, Value::Int(2), false, Value::Int(0), true),
            ("gone, nothing was written", REPLICA, Value::Int(0), false, Value::Int(0), true),
            ("an end of nothing, no replica has it", REPLICA, Value::Int(0), true, Value::Int(0), false),
            ("an end of nothing, a replica has it", REPLICA, Value::Int(0), true, Value::Int(1), true),
            ("an end of a damaged session", REPLICA, Value::Int(-1), true, Value::Int(0), true),
            ("on both disks", DISKS, Value::Int(1), false, disks(1, 1), true),
            ("on the replica's disk alone", DISKS, Value::Int(1), false, disks(0, 1), false),
            ("on the master's disk alone", DISKS, Value::Int(1), false, disks(1, 0), false),
        ] {
            let settled = settled(vec![answer.clone(), confirmed], &wanted, always);
            assert_eq!(settled.ok(), counts.then_some(answer), "{row}");
        }
    }

    #[test]
    fn writes_wait_for_nothing_by_default() {
        assert!(Durability::default().wanted().is_none());
        assert!(Durability { replicas: 1, ..Durability::default() }.wanted().is_some());
        assert!(Durability { disk: true, ..Durability::default() }.wanted().is_some());
    }
}
