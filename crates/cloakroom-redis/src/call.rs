//! One round trip: by hash, by text if the server doesn't know the hash, with confirmation if
//! required.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::StoreError;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::argument::Argument;
use crate::durability::{and_wait, settled};
use crate::error::of_call;
use crate::kept::Repeat;
use crate::redis_store::RedisStore;
use crate::scripts::Script;
use crate::target::Target;

/// The number of arguments that all commands have: the command, the script, the number of keys, the
/// time, and whether indexes are on this server.
const SHARED: usize = 5;

/// The approximate number of bytes of the numbers among them.
const SHARED_SIZE: usize = 32;

/// A script and its arguments.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    pub(crate) keys: &'a [&'a [u8]],
    /// The first argument of all scripts.
    pub(crate) now: Timestamp,
    /// The further arguments.
    pub(crate) arguments: &'a [Argument<'a>],
    pub(crate) target: Target<'a>,
    /// The key to report as corrupt if the reply is not a session.
    pub(crate) about: Option<&'a StoreKey>,
}

impl Call<'_> {
    /// Runs a script without confirmation by replicas or disks.
    pub(crate) async fn run(&self, store: &RedisStore) -> Result<Value, StoreError> {
        let answer = match store.link.command(self.by_hash(store), self.target, Repeat::Harmless).await {
            Err(error) if is_unknown(&error) => {
                store.link.command(self.by_text(store), self.target, Repeat::Harmless).await
            }
            answer => answer,
        };
        answer.map_err(|error| of_call(&error, self.about))
    }

    /// Runs a script, and requires confirmation if the store is configured for it.
    pub(crate) async fn write(&self, store: &RedisStore) -> Result<Value, StoreError> {
        let Some(wanted) = store.durability.wanted() else { return self.run(store).await };
        let link = store.waiting().await?;
        let answer = match link.pipeline(and_wait(self.by_hash(store), &wanted), self.target, Repeat::Harmless).await {
            Err(error) if is_unknown(&error) => {
                link.pipeline(and_wait(self.by_text(store), &wanted), self.target, Repeat::Harmless).await
            }
            answer => answer,
        };
        settled(answer.map_err(|error| of_call(&error, self.about))?, &wanted, self.script.fences())
    }

    fn by_hash(&self, store: &RedisStore) -> Cmd {
        self.command("EVALSHA", &self.script.hash, store)
    }

    /// Sends the script's text. Redis keeps it, so the next call uses the hash. Unlike
    /// `SCRIPT LOAD`, this only reaches the one server of a Cluster that needs it, and works while
    /// others are down.
    fn by_text(&self, store: &RedisStore) -> Cmd {
        self.command("EVAL", self.script.text, store)
    }

    fn command(&self, name: &str, script: &str, store: &RedisStore) -> Cmd {
        let indexes = if store.is_cluster() { Argument::Nothing } else { Argument::Text("1") };
        let keys: usize = self.keys.iter().map(|key| key.len()).sum();
        let arguments: usize = self.arguments.iter().map(Argument::size).sum();
        let size = name.len() + script.len() + keys + arguments + SHARED_SIZE;
        let mut command = Cmd::with_capacity(self.keys.len() + self.arguments.len() + SHARED, size);
        command.arg(name).arg(script).arg(self.keys.len()).arg(self.keys);
        command.arg(Argument::time(self.now)).arg(indexes).arg(self.arguments);
        command
    }
}

fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
