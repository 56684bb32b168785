//! Operations that the server can perform without a script.
//!
//! `SET … NX` creates a value under a free key. `SET … IFEQ`, available in Valkey since 8.1 and in
//! Redis since 8.4, replaces a value after comparing all of it. Either costs a tenth of a script.
//! If the command writes nothing, a script determines why: the session ended or moved, or has
//! another version, or the same version with a different head.
//!
//! A command whose answer was lost is sent again. If it had been executed, it writes nothing the
//! second time; the script that follows finds the version of this call, and reports success.
//!
//! Not used in a Cluster, where a session stores the calls that wrote it, nor if the owner index
//! changes with the session.

use std::sync::atomic::Ordering;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::StoreError;
use redis::{Cmd, RedisError, Value};

use crate::argument::{Argument, Live};
use crate::durability::{and_wait, settled};
use crate::error::{of_call, unexpected};
use crate::kept::Repeat;
use crate::layout::listed;
use crate::redis_store::RedisStore;
use crate::target::Target;

/// `SET`, its key, a value, `PX`, a time span, and the value to compare with.
const WORDS: usize = 7;

/// The approximate number of bytes of the other arguments.
const WORDS_SIZE: usize = 40;

impl RedisStore {
    /// Creates a session under a free key. Returns `false` if nothing was done.
    pub(crate) async fn place(
        &self,
        key: &StoreKey,
        name: &[u8],
        live: &Live<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.is_cluster() || live.entry.owner.is_some() {
            return Ok(false);
        }
        let mut command = set(name, live, now, 0);
        command.arg("NX");
        self.done(command, name).await.map_err(|error| of_call(&error, Some(key)))?
    }

    /// Replaces a session with this exact value. Returns `false` if nothing was done.
    pub(crate) async fn exchange(
        &self,
        key: &StoreKey,
        name: &[u8],
        image: &[u8],
        live: &Live<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some((listed, more)) = listed(image, live.entry, now).filter(|_| self.exchanges()) else {
            return Ok(false);
        };
        let mut command = set(name, &Live { listed, more, ..*live }, now, image.len());
        command.arg("IFEQ").arg(image);
        match self.done(command, name).await {
            Ok(done) => done,
            Err(error) if is_unknown(&error) => {
                self.refused.store(true, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => Err(of_call(&error, Some(key))),
        }
    }

    /// Returns whether the server is assumed to support compare-and-set.
    pub(crate) fn exchanges(&self) -> bool {
        !self.is_cluster() && !self.refused.load(Ordering::Relaxed)
    }

    /// Returns whether the command wrote; the outer result is an error if the server rejected the
    /// command.
    async fn done(&self, command: Cmd, name: &[u8]) -> Result<Result<bool, StoreError>, RedisError> {
        let target = Target::Key(name);
        let answer = match self.durability.wanted() {
            None => Ok(self.link.command(command, target, Repeat::Harmless).await?),
            Some(wanted) => match self.waiting().await {
                Ok(link) => {
                    let answers = link.pipeline(and_wait(command, &wanted), target, Repeat::Harmless).await?;
                    settled(answers, &wanted, false)
                }
                Err(error) => Err(error),
            },
        };
        Ok(match answer {
            Ok(Value::Okay) => Ok(true),
            Ok(Value::Nil) => Ok(false),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }
}

fn set(name: &[u8], live: &Live<'_>, now: Timestamp, more: usize) -> Cmd {
    let mut command = Cmd::with_capacity(WORDS, name.len() + live.size() + more + WORDS_SIZE);
    command.arg("SET").arg(name).arg(Argument::Live(live));
    if let ttl @ Argument::Number(_) = Argument::ttl(live.entry.deadline, now) {
        command.arg("PX").arg(ttl);
    }
    command
}

/// Returns whether the server doesn't support the option. It answers `ERR` and its own wording of a
/// syntax error. The command isn't retried: a script finds any other reason.
fn is_unknown(error: &RedisError) -> bool {
    error.code() == Some("ERR")
}
