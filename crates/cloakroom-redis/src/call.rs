//! One round trip: by hash, by text if the hash is unknown, and waiting for replicas.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::StoreError;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::argument::Argument;
use crate::durability::{and_wait, settled};
use crate::error::of_call;
use crate::kept::Repeat;
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::Script;

/// What all commands have: its name, the script, the number of keys, the time, and whether indexes
/// are here.
const SHARED: usize = 5;

/// About how many bytes the numbers among them take.
const SHARED_SIZE: usize = 32;

/// A script, and what it is called with.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    pub(crate) keys: &'a [&'a [u8]],
    /// The first argument of all scripts.
    pub(crate) now: Timestamp,
    /// Those of this one.
    pub(crate) arguments: &'a [Argument<'a>],
    pub(crate) target: Target<'a>,
    /// Whose record is corrupt if there is something else.
    pub(crate) about: Option<&'a StoreKey>,
}

impl Call<'_> {
    /// A call whose answer is as safe as the server it came from.
    pub(crate) async fn run(&self, store: &RedisStore) -> Result<Value, StoreError> {
        let answer = match store.link.command(self.by_hash(store), self.target, Repeat::Harmless).await {
            Err(error) if is_unknown(&error) => {
                store.link.command(self.by_text(store), self.target, Repeat::Harmless).await
            }
            answer => answer,
        };
        answer.map_err(|error| of_call(&error, self.about))
    }

    /// A call that counts only once replicas have it, if that is wanted.
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

    /// Redis keeps the script, too: the next call goes by its hash. Unlike `SCRIPT LOAD` it goes to
    /// the one server of a Cluster that needs it, even when another one is down.
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

/// Marks by which a server knows a call that it has seen: a random name of this process, and a
/// count.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    process: OnceLock<[u8; 3]>,
    count: AtomicU64,
}

impl Calls {
    pub(crate) fn next(&self) -> Result<String, StoreError> {
        let [a, b, c] = match self.process.get() {
            Some(process) => *process,
            None => {
                let random = cloakroom_session::random().map_err(StoreError::unavailable)?;
                *self.process.get_or_init(|| random)
            }
        };
        Ok(format!("{a:02x}{b:02x}{c:02x}.{:x}", self.count.fetch_add(1, Ordering::Relaxed)))
    }
}
