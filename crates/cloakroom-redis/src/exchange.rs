//! What a server can decide without a script.
//!
//! `SET … NX` puts a value where nothing is; `SET … IFEQ`, which Valkey has since 8.1 and Redis
//! since 8.4, puts it in the place of one that it compares whole. Either is a tenth of the work of
//! a script. Where one writes nothing, a script says why: the session may have ended or moved, or
//! be another version, or the same one with another head.
//!
//! A command whose answer was lost is sent once more. Where it had been done, it now writes
//! nothing; the script that comes next finds the version that this call gave, and says so.
//!
//! Not in a Cluster, where a session knows the calls that wrote it, and not where the index of an
//! owner changes with the session.

use std::sync::atomic::Ordering;

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::StoreError;
use redis::{Cmd, RedisError, Value};

use crate::argument::Argument;
use crate::durability::{and_wait, settled};
use crate::error::{of_call, unexpected};
use crate::kept::Repeat;
use crate::layout::{Live, listed};
use crate::link::Target;
use crate::redis_store::RedisStore;

/// `SET`, its key, a value, `PX`, a span, and what is compared.
const WORDS: usize = 7;

/// About how many bytes those take that aren't a key or a value.
const WORDS_SIZE: usize = 40;

impl RedisStore {
    /// Puts a session where nothing is, under this name. `false` if nothing was done.
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

    /// Puts a session in the place of one that looks like this. `false` if nothing was done.
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

    /// Whether sessions are to be exchanged, as far as is known.
    pub(crate) fn exchanges(&self) -> bool {
        !self.is_cluster() && !self.refused.load(Ordering::Relaxed)
    }

    /// Whether it was done; in the outer result, what the server refused.
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

/// Servers without it answer `ERR`, and that the syntax is wrong, in words of their own. It isn't
/// tried again: a script says whether there was another reason.
fn is_unknown(error: &RedisError) -> bool {
    error.code() == Some("ERR")
}
