//! A store by its URL.
//!
//! | module | what it is about |
//! |---|---|
//! | `parts` | a URL in its parts |
//! | `options` | every option that a URL may have, and what it is about |
//! | `identity` | which store a URL leads to, without how it is reached |
//! | `packing` | records compressed or encrypted in the store |
//! | `redis` | URLs of Redis and Valkey, of which there are many (feature `redis`) |
//! | `error` | what can be wrong with a URL, and with what is behind it |

mod error;
mod identity;
mod options;
mod packing;
mod parts;
#[cfg(feature = "redis")]
mod redis;
#[cfg(test)]
mod tests;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::error::Error as _;
use std::time::Duration;

use cloakroom_store::{AnyStore, Durability, FileStore, MemoryStore, Store, StoreError};

pub use error::ConnectError;
pub use identity::StoreIdentity;
use options::Parameters;
pub use packing::Packing;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use parts::Parts;

/// How long it may take until a store has answered for the first time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every scheme, and the features that it needs beside `store`.
const SCHEMES: [(&str, &[&str]); 20] = [
    ("memory", &[]),
    ("file", &[]),
    ("sqlite", &["sqlite"]),
    ("postgres", &["postgres"]),
    ("postgresql", &["postgres"]),
    ("mysql", &["mysql"]),
    ("mariadb", &["mysql"]),
    ("redis", &["redis"]),
    ("valkey", &["redis"]),
    ("unix", &["redis"]),
    ("redis+unix", &["redis"]),
    ("valkey+unix", &["redis"]),
    ("rediss", &["redis", "tls"]),
    ("valkeys", &["redis", "tls"]),
    ("redis+sentinel", &["redis-sentinel"]),
    ("valkey+sentinel", &["redis-sentinel"]),
    ("rediss+sentinel", &["redis-sentinel", "tls"]),
    ("redis+cluster", &["redis-cluster"]),
    ("valkey+cluster", &["redis-cluster"]),
    ("rediss+cluster", &["redis-cluster", "tls"]),
];

/// The store behind a URL, for applications that read from their configuration where sessions live.
///
/// | URL | features | what it promises |
/// |---|---|---|
/// | `memory:` | | one process, with which all sessions end |
/// | `file:DIR` | | processes of one machine; survives a loss of power. No list of an owner's sessions |
/// | `sqlite:PATH`, `sqlite://PATH` | `sqlite` | processes of one machine; survives the end of each, however it ends |
/// | `postgres://user:password@host:5432/database`, also `postgresql://` | `postgres` | many machines; survives what the server does |
/// | `mysql://user:password@host:3306/database`, also `mariadb://` | `mysql` | the same |
/// | `redis://user:password@host:6379/0`, also `valkey://` | `redis` | many machines; survives what the server is configured for, see `RedisStore` |
/// | `unix:///run/redis.sock?db=0&user=…&pass=…`, also `redis+unix://`, `valkey+unix://` | `redis` | one machine |
/// | `rediss://…`, also `valkeys://` | `redis`, `tls` | as `redis://`, encrypted |
/// | `redis+sentinel://user:password@host1:26379,host2:26379/mymaster?db=0`, also `valkey+sentinel://` | `redis-sentinel` | follows the master; a failover may lose the last writes |
/// | `redis+cluster://user:password@host1:7000,host2:7001`, also `valkey+cluster://` | `redis-cluster` | many masters; each holds some of the sessions |
/// | `rediss+sentinel://…`, `rediss+cluster://…` | the same and `tls` | the same, encrypted |
///
/// On all of them racing requests both win, and what has ended stays ended; they differ in who may
/// share them, and in what they survive.
///
/// - What is behind a scheme of files is a path as it is, relative to the working directory, up to
///   a question mark. `file:DIR?durability=process-end` is [`Durability::ProcessEnd`];
///   `sqlite:PATH?synchronous=full&readers=8` are the options of `SqliteConfig`;
///   `memory:?capacity=10000` is [`MemoryStore::capacity`].
/// - In a login, `@`, `/`, `?`, `#`, `%` and `:` must be percent-encoded (`%40`, `%2F`, `%3F`,
///   `%23`, `%25`, `%3A`).
/// - Databases: a table that isn't there is created. Who may not create tables has it created
///   before, by the store's `schema()`. Parameters are the driver's own, and those of
///   `PostgresStore::connect` and `MysqlStore::connect`: behind a PgBouncer in transaction mode,
///   `?prepared=false` sends statements whole. `?table=shop` names the table, and `?schema=web` the
///   schema (PostgreSQL) or database (MySQL) that it is in; `sqlite:` has the first, too.
/// - Redis: `?prefix=shop:` is what the names of keys begin with, `?replicas=1` makes a write count
///   only when so many replicas have it (`RedisStore::durability`; within `?replica_timeout=500`
///   milliseconds), and `?protocol=resp2` chooses the older protocol. `?timeout=500` is how many
///   milliseconds an answer may take, and `?ca=…`, `?cert=…&key=…` name certificates in PEM, for
///   `rediss:`. The login in a URL of Sentinel is that of the servers; the sentinels' own is
///   `?sentinel_user=…&sentinel_password=…`.
///
/// - All of them: `?compress_above=1024` compresses longer records (feature `compress`), as
///   `PackedStore::compress_above` does. For encryption there is [`connect_packed`]: a keyring
///   isn't written in a URL.
/// - An option that isn't known is an error, which names the nearest one that is.
///
/// The store has answered once when this returns. It must be called on a tokio runtime.
///
/// # Errors
/// A scheme that nobody knows, or that needs a feature; a URL that lacks something; and a store
/// that doesn't answer within ten seconds, or refuses the login.
///
/// # Security
/// Neither the error nor the store's `Debug` shows the URL: it may hold a password. With the
/// feature `tls`, `rediss://`, and `sslmode=require` (PostgreSQL) or `ssl-mode=REQUIRED` (MySQL) in
/// the query, are encrypted, by a server whose certificate is good; without it they are an error.
/// Any other connection isn't encrypted.
///
/// # Examples
/// ```
/// use cloakroom::{StoredSessions, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = std::env::var("SESSIONS").unwrap_or_else(|_| "memory:".to_owned());
/// let sessions = StoredSessions::new(connect(&url).await?).build()?;
/// # Ok(())
/// # }
/// ```
pub async fn connect(url: &str) -> Result<AnyStore, ConnectError> {
    connect_within(url, None, PATIENCE).await
}

/// Opens the store behind a URL, in which records are compressed or encrypted.
///
/// The URL is one that [`connect`] takes. The store is always a
/// [`PackedStore`](cloakroom_store::PackedStore): it reads compressed records, and its errors say
/// why a record doesn't open.
///
/// # Errors
/// As [`connect`]; and a threshold for compression that is in the URL as well, or that needs the
/// feature `compress`.
pub async fn connect_packed(url: &str, packing: Packing) -> Result<AnyStore, ConnectError> {
    connect_within(url, Some(packing), PATIENCE).await
}

async fn connect_within(url: &str, packing: Option<Packing>, patience: Duration) -> Result<AnyStore, ConnectError> {
    let (scheme, features, rest) = scheme_of(url)?;
    let (above, rest) = packing::threshold(scheme, rest)?;
    let packing = match (packing, above) {
        (None, None) => None,
        (packing, above) => Some(packing.unwrap_or_default().and_above(scheme, above)?),
    };
    let store = match tokio::time::timeout(patience, open(scheme, features, &rest)).await {
        Ok(opened) => opened?,
        Err(_) => return Err(ConnectError::store(scheme, StoreError::timed_out())),
    };
    let Some(packing) = packing else { return Ok(store) };
    packing.wrap(store).map_err(|why| ConnectError::malformed(scheme, why.to_string()))
}

/// The scheme of a URL, the features that it needs, and what is behind it.
fn scheme_of(url: &str) -> Result<(&'static str, &'static [&'static str], &str), ConnectError> {
    let (named, rest) = parts::scheme_of(url)?;
    let known = SCHEMES.iter().find(|(scheme, _)| named.eq_ignore_ascii_case(scheme));
    let (scheme, features) = known.ok_or_else(|| ConnectError::unknown(named))?;
    Ok((*scheme, *features, rest))
}

/// Whether the URLs of a scheme have an option.
#[cfg(all(test, feature = "config"))]
pub(crate) fn has_option(scheme: &str, name: &str) -> bool {
    options::known(scheme).iter().any(|(known, _)| *known == name)
}

/// A scheme without an arm is one whose features are off.
async fn open(scheme: &'static str, features: &'static [&'static str], rest: &str) -> Result<AnyStore, ConnectError> {
    let opened = match scheme {
        "memory" => Ok(AnyStore::new(memory(scheme, rest)?)),
        "file" => {
            let (folder, parameters) = parts::path(scheme, rest)?;
            let durability = chosen(
                scheme,
                &parameters,
                "durability",
                &[("power-failure", Durability::PowerFailure), ("process-end", Durability::ProcessEnd)],
            )?;
            blocking(move || match durability {
                Some(durability) => FileStore::with_durability(folder, durability),
                None => FileStore::open(folder),
            })
            .await
        }
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let config = sqlite(scheme, rest)?;
            blocking(move || config.open()).await
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            let parts = Parts::of(scheme, rest)?.database(scheme)?;
            Parameters::of(scheme, parts.query)?;
            let url = parts.url("postgres");
            let store = cloakroom_sql::PostgresStore::connect(&url);
            let store = store.map_err(|error| ConnectError::refused(scheme, &error))?;
            match store.look_for_table().await {
                Err(missing) if missing.is_missing() => created(scheme, store.migrate().await),
                answer => answer,
            }
            .map(|()| AnyStore::new(store))
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => {
            let parts = Parts::of(scheme, rest)?.database(scheme)?;
            Parameters::of(scheme, parts.query)?;
            let url = parts.url("mysql");
            let store = cloakroom_sql::MysqlStore::connect(&url);
            let store = store.map_err(|error| ConnectError::refused(scheme, &error))?;
            match store.look_for_table().await {
                Err(missing) if missing.is_missing() => created(scheme, store.migrate().await),
                answer => answer,
            }
            .map(|()| AnyStore::new(store))
        }
        #[cfg(feature = "redis")]
        _ if redis::has(scheme) => redis::open(scheme, rest).await?,
        _ => return Err(ConnectError::needs(scheme, features)),
    };
    opened.map_err(|error| ConnectError::store(scheme, error))
}

fn memory(scheme: &'static str, rest: &str) -> Result<MemoryStore, ConnectError> {
    let (nothing, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !nothing.is_empty() {
        return Err(ConnectError::malformed(scheme, "there is nothing to say behind `memory:` but its options"));
    }
    let capacity = counted(scheme, &Parameters::of(scheme, query)?, "capacity")?;
    Ok(capacity.map_or_else(MemoryStore::new, |sessions| MemoryStore::new().capacity(sessions)))
}

#[cfg(feature = "sqlite")]
fn sqlite(scheme: &'static str, rest: &str) -> Result<cloakroom_sql::SqliteConfig, ConnectError> {
    use cloakroom_sql::{Synchronous, TableName};

    let (file, parameters) = parts::path(scheme, rest)?;
    let mut config = cloakroom_sql::SqliteConfig::new(file);
    let modes = [("normal", Synchronous::Normal), ("full", Synchronous::Full)];
    if let Some(mode) = chosen(scheme, &parameters, "synchronous", &modes)? {
        config = config.synchronous(mode);
    }
    if let Some(readers) = counted(scheme, &parameters, "readers")? {
        config = config.readers(readers);
    }
    if let Some(table) = parameters.get("table") {
        config = config.table(TableName::new(table).map_err(|error| ConnectError::refused(scheme, &error))?);
    }
    Ok(config)
}

/// The value of an option that is one of a few words.
fn chosen<T: Copy>(
    scheme: &'static str,
    parameters: &Parameters<'_>,
    name: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, ConnectError> {
    let Some(text) = parameters.raw(name) else { return Ok(None) };
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let none = || ConnectError::malformed(scheme, format!("`{name}` is one of `{}`", known.join("`, `")));
    found.ok_or_else(none).map(Some)
}

/// The value of an option that is a number, and not 0.
fn counted(
    scheme: &'static str,
    parameters: &Parameters<'_>,
    name: &'static str,
) -> Result<Option<usize>, ConnectError> {
    let Some(text) = parameters.raw(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| ConnectError::malformed(scheme, format!("`{name}` is a number, and not 0")))
}

/// Opens a store of files, on a thread that may wait for the disk.
async fn blocking<S: Store>(
    open: impl FnOnce() -> Result<S, StoreError> + Send + 'static,
) -> Result<AnyStore, StoreError> {
    tokio::task::spawn_blocking(open).await.map_err(StoreError::unavailable)?.map(AnyStore::new)
}

/// In production the application may not be allowed to create a table.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn created(scheme: &str, migrated: Result<(), StoreError>) -> Result<(), StoreError> {
    migrated.map_err(|why| {
        let why = why.source().map_or_else(|| why.to_string(), error::all_of);
        let dialect = if scheme.starts_with("postgres") { "postgres" } else { "mysql" };
        StoreError::unavailable(format!(
            "the table of sessions is missing or of an earlier release, and this user can't create or alter it: {why}; \
             `cloakroom schema {dialect}` prints how somebody else does"
        ))
    })
}
