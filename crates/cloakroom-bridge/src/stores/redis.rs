//! Records in Redis, in the form of `connect-redis`, tower-sessions and actix-session.

use std::fmt;

use cloakroom_redis::connections::KeptConnection;
use cloakroom_session::{Error, Timestamp};
use redis::aio::ConnectionLike;
use redis::{RedisError, Script};

use crate::shared::{ForeignStore, SwapOutcome};

/// The prefix of `connect-redis` before an id.
const PREFIX: &str = "sess:";

/// Records of `express-session`, tower-sessions or actix-session in Redis or Valkey.
///
/// A record is stored under the id, after the prefix `sess:` of `connect-redis`, with a time to
/// live. tower-sessions and actix-session use no prefix: set an empty one.
///
/// A replacement compares and writes in one script. Supports a single server, and writes only data
/// that the framework reads.
///
/// # Security
/// Neither `Debug` nor an error shows a URL or a record.
///
/// # Examples
/// ```no_run
/// use cloakroom_bridge::{ExpressRecord, RedisRecords, SharedRecords};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisRecords::connect("redis://127.0.0.1/").await?;
/// let sessions = SharedRecords::new(ExpressRecord::new("keyboard cat").build()?, store).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisRecords<C = KeptConnection> {
    connection: C,
    prefix: String,
    scripts: Scripts,
}

#[derive(Clone)]
struct Scripts {
    replace: Script,
    touch: Script,
    end_if: Script,
}

impl Scripts {
    fn new() -> Self {
        Self {
            replace: Script::new(include_str!("lua/replace.lua")),
            touch: Script::new(include_str!("lua/touch.lua")),
            end_if: Script::new(include_str!("lua/end_if.lua")),
        }
    }
}

impl RedisRecords {
    /// Connects to one server, with the options of `RedisStore::connect`.
    ///
    /// The connection is restored automatically if it breaks or goes silent, even while idle.
    ///
    /// # Errors
    /// Fails if the URL is invalid, the server doesn't answer, or it refuses the login.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Ok(Self::from_connection(KeptConnection::connect(url).await?))
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> RedisRecords<C> {
    /// Uses the application's own connection, cloned for each call.
    pub fn from_connection(connection: C) -> Self {
        Self { connection, prefix: PREFIX.to_owned(), scripts: Scripts::new() }
    }

    /// Sets the prefix before an id: the `prefix` of `connect-redis`.
    ///
    /// It is empty for tower-sessions. For actix-session, it is the text that `cache_keygen` puts
    /// before the key, empty by default.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }
}

/// Returns the time to live of a record in milliseconds; zero means no expiry.
fn millis(ends: Option<Timestamp>, now: Timestamp) -> u64 {
    ends.map_or(0, |ends| u64::try_from(ends.since(now).as_millis()).unwrap_or(u64::MAX).max(1))
}

/// Omits the details: servers and the client repeat arguments and values, and both may be a record.
fn told(error: &RedisError) -> Error {
    match error.code() {
        _ if error.is_timeout() => Error::unavailable("redis didn't answer in time"),
        _ if error.is_io_error() => Error::unavailable(format!("no connection to redis: {error}")),
        Some(code) => Error::unavailable(format!("redis answered {code}")),
        None => Error::unavailable(format!("redis: {}", error.category())),
    }
}

fn swap(answer: Result<u8, RedisError>) -> Result<SwapOutcome, Error> {
    match answer.map_err(|error| told(&error))? {
        0 => Ok(SwapOutcome::Gone),
        1 => Ok(SwapOutcome::Done),
        _ => Ok(SwapOutcome::Conflict),
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> ForeignStore for RedisRecords<C> {
    async fn load(&self, id: &str, _: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let answer = redis::cmd("GET").arg(self.key(id)).query_async(&mut self.connection.clone()).await;
        answer.map_err(|error| told(&error))
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let mut command = redis::cmd("SET");
        command.arg(self.key(id)).arg(record).arg("NX");
        match millis(ends, now) {
            0 => {}
            millis => {
                command.arg("PX").arg(millis);
            }
        }
        let answer: Option<String> =
            command.query_async(&mut self.connection.clone()).await.map_err(|error| told(&error))?;
        Ok(answer.is_some())
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        let mut call = self.scripts.replace.key(self.key(id));
        call.arg(seen).arg(record).arg(millis(ends, now));
        swap(call.invoke_async(&mut self.connection.clone()).await)
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let mut call = self.scripts.touch.key(self.key(id));
        call.arg(millis(ends, now));
        swap(call.invoke_async(&mut self.connection.clone()).await).map(|swap| swap == SwapOutcome::Done)
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        let answer = redis::cmd("DEL").arg(self.key(id)).query_async(&mut self.connection.clone()).await;
        answer.map_err(|error| told(&error))
    }

    async fn end_if(&self, id: &str, seen: &[u8], _: Timestamp) -> Result<SwapOutcome, Error> {
        let mut call = self.scripts.end_if.key(self.key(id));
        call.arg(seen);
        swap(call.invoke_async(&mut self.connection.clone()).await)
    }
}

impl<C> fmt::Debug for RedisRecords<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRecords").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
