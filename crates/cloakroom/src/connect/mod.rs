//! Opening a store by its URL.
//!
//! | module | content |
//! |---|---|
//! | `schemes` | all schemes of URLs |
//! | `parts` | the parts of a URL |
//! | `options` | all options of URLs |
//! | `identity` | the identity of a store, independent of connection settings |
//! | `packing` | compression and encryption of records |
//! | `near` | the near cache |
//! | `redis` | URLs of Redis and Valkey (feature `redis`) |
//! | `error` | errors of `connect` |

mod error;
mod identity;
mod near;
mod options;
mod packing;
mod parts;
#[cfg(feature = "redis")]
mod redis;
mod schemes;
#[cfg(test)]
mod tests;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::error::Error as _;
use std::time::Duration;

use cloakroom_store::store::{Store, StoreError};
use cloakroom_store::{AnyStore, Durability, FileStore, MemoryStore};

pub use error::ConnectError;
pub use identity::StoreIdentity;
pub(crate) use near::NearCache;
use options::Parameters;
pub use packing::Packing;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use parts::Parts;
use schemes::SCHEMES;

/// Timeout for the first answer of a store.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same as a multiple, for a store that needs longer to create a table.
#[cfg(feature = "dynamodb")]
const LONGER: u32 = 6;

/// Opens the store at a URL.
///
/// Use it in applications that configure the location of their sessions.
///
/// | URL | features | scope and durability |
/// |---|---|---|
/// | `memory:` | | one process; sessions end with the process |
/// | `file:DIR` | | processes of one machine; survives power loss. Doesn't list sessions by owner |
/// | `sqlite:PATH`, `sqlite://PATH` | `sqlite` | processes of one machine; survives a crash of any process |
/// | `postgres://user:password@host:5432/database`, also `postgresql://` | `postgres` | many machines; durability of the server |
/// | `mysql://user:password@host:3306/database`, also `mariadb://` | `mysql` | the same |
/// | `redis://user:password@host:6379/0`, also `valkey://` | `redis` | many machines; durability as configured on the server, see `RedisStore` |
/// | `unix:///run/redis.sock?db=0&user=…&pass=…`, also `redis+unix://`, `valkey+unix://` | `redis` | one machine |
/// | `rediss://…`, also `valkeys://` | `redis`, `tls` | as `redis://`, encrypted |
/// | `redis+sentinel://user:password@host1:26379,host2:26379/mymaster?db=0`, also `valkey+sentinel://` | `redis-sentinel` | follows the master; a failover may lose the last writes |
/// | `redis+cluster://user:password@host1:7000,host2:7001`, also `valkey+cluster://` | `redis-cluster` | many masters; each has some of the sessions |
/// | `dynamodb://TABLE?region=eu-west-1` | `dynamodb` | many machines; a write is stored in several data centres of the region |
/// | `rediss+sentinel://…`, `rediss+cluster://…` | the same and `tls` | the same, encrypted |
///
/// No store loses updates of concurrent requests or revives ended sessions. The stores differ in
/// scope and durability.
///
/// - After `file:` and `sqlite:`, the text up to a question mark is a path, without escapes,
///   relative to the working directory. `file:DIR?durability=process-end` selects
///   [`Durability::ProcessEnd`]; `sqlite:PATH?synchronous=full&readers=8` sets options of
///   `SqliteConfig`; `memory:?capacity=10000` sets [`MemoryStore::capacity`].
/// - In a login, `@`, `/`, `?`, `#`, `%` and `:` must be percent-encoded (`%40`, `%2F`, `%3F`,
///   `%23`, `%25`, `%3A`).
/// - Databases: a missing table is created. If the application may not create tables, create it
///   beforehand with the store's `schema()`. Parameters are those of the driver, and those of
///   `PostgresStore::connect` and `MysqlStore::connect`: behind a PgBouncer in transaction mode,
///   `?prepared=false` avoids prepared statements. For PostgreSQL, `?listen=HOST:PORT` names the
///   server that announces ended sessions, and `?notify=false` turns that off. `?table=shop` names
///   the table, and `?schema=web` its schema (PostgreSQL) or database (MySQL); `sqlite:` also
///   accepts `?table=`.
/// - Redis: `?prefix=shop:` sets the prefix of all keys. `?replicas=1` requires writes to be
///   confirmed by that number of replicas (`RedisStore::durability`) within
///   `?replica_timeout=500` milliseconds. `?protocol=resp2` selects the older protocol.
///   `?timeout=500` sets the timeout of an answer in milliseconds. `?ca=…` and `?cert=…&key=…` name
///   certificates in PEM format for `rediss:`. With Sentinel, the login in the URL is that of the
///   servers; set the login of the sentinels with `?sentinel_user=…&sentinel_password=…`.
/// - DynamoDB: credentials are those of the environment, and never part of the URL. A missing table
///   is created. `?endpoint=http://localhost:8000` is another address, such as that of an emulator;
///   `?prefix=` and `?timeout=` are as for Redis. See `DynamoDbStore::connect`.
/// - All of them: `?compress_above=1024` compresses longer records (feature `compress`), like
///   `PackedStore::compress_above`. For encryption use [`connect_packed`]: a keyring is never part
///   of a URL.
/// - `?near_cache=67108864` keeps sessions in at most that many bytes of memory, like
///   [`CachedStore`](cloakroom_store::CachedStore). `&near_cache_bound=500` sets its bound in
///   milliseconds; the default is one second. Redis and Valkey have such a cache, as one server or
///   with Sentinel, and so has `memory:`. With every other store it is an error.
/// - An unknown option is an error that names the nearest known one.
///
/// The store has answered once when this returns. Call it on a tokio runtime.
///
/// # Errors
/// Fails if the scheme is unknown or needs a feature, if the URL is incomplete, or if the store
/// refuses the login or doesn't answer within ten seconds; a minute with DynamoDB, which takes some
/// time to create a table.
///
/// # Security
/// Neither the error nor the store's `Debug` shows the URL, which may contain a password. With the
/// feature `tls`, connections of `rediss://`, and with `sslmode=require` (PostgreSQL) or
/// `ssl-mode=REQUIRED` (MySQL) in the query, are encrypted, and the server's certificate is
/// verified. Without the feature such a URL is an error. All other connections are unencrypted.
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
    let (store, near) = connect_uncached(url, packing, patience).await?;
    let Some((scheme, near)) = near else { return Ok(store) };
    near.wrap(store).map_err(|why| ConnectError::malformed(scheme, why.to_string()))
}

/// Opens the store, and returns it with the scheme and the near cache that the URL asks for.
async fn connect_uncached(
    url: &str,
    packing: Option<Packing>,
    patience: Duration,
) -> Result<(AnyStore, Option<(&'static str, NearCache)>), ConnectError> {
    let (scheme, features, rest) = scheme_of(url)?;
    let ours = [packing::COMPRESS_ABOVE, near::NEAR_CACHE, near::BOUND];
    let ([above, bytes, bound], rest) = options::taken(rest, ours);
    let above = packing::threshold(scheme, above)?;
    let near = NearCache::of(scheme, bytes.as_deref(), bound.as_deref())?.map(|near| (scheme, near));
    #[cfg(feature = "dynamodb")]
    let patience = if scheme == "dynamodb" { patience * LONGER } else { patience };
    let packing = match (packing, above) {
        (None, None) => None,
        (packing, above) => Some(packing.unwrap_or_default().and_above(scheme, above)?),
    };
    let store = match tokio::time::timeout(patience, open(scheme, features, &rest)).await {
        Ok(opened) => opened?,
        Err(_) => return Err(ConnectError::store(scheme, StoreError::timed_out())),
    };
    let Some(packing) = packing else { return Ok((store, near)) };
    let store = packing.wrap(store).map_err(|why| ConnectError::malformed(scheme, why.to_string()))?;
    Ok((store, near))
}

/// Opens the store of a configuration, with the configuration's near cache or that of the URL.
#[cfg(feature = "config")]
pub(crate) async fn connect_configured(
    url: &str,
    packing: Option<Packing>,
    near: Option<NearCache>,
) -> Result<AnyStore, crate::config::SetupError> {
    use crate::config::SetupError;
    use cloakroom_session::ConfigError;

    let Some(near) = near else {
        return connect_within(url, packing, PATIENCE).await.map_err(|why| SetupError::of("store", why));
    };
    let connected = connect_uncached(url, packing, PATIENCE).await;
    let (store, in_url) = connected.map_err(|why| SetupError::of("store", why))?;
    if in_url.is_some() {
        return Err(ConfigError::new(near::NEAR_CACHE, "is in the URL of the store as well").into());
    }
    Ok(near.wrap(store)?)
}

/// Splits a URL into its scheme, the features that the scheme needs, and the rest.
fn scheme_of(url: &str) -> Result<(&'static str, &'static [&'static str], &str), ConnectError> {
    let (named, rest) = parts::scheme_of(url)?;
    let known = SCHEMES.iter().find(|(scheme, _)| named.eq_ignore_ascii_case(scheme));
    let (scheme, features) = known.ok_or_else(|| ConnectError::unknown(named))?;
    Ok((*scheme, *features, rest))
}

/// Returns `true` if URLs of a scheme have this option.
#[cfg(all(test, feature = "config"))]
pub(crate) fn has_option(scheme: &str, name: &str) -> bool {
    options::known(scheme).iter().any(|(known, _)| *known == name)
}

/// A scheme without an arm needs a feature that is disabled.
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
        #[cfg(feature = "dynamodb")]
        "dynamodb" => {
            Parameters::of(scheme, rest.split_once('?').map_or("", |(_, query)| query))?;
            let store = cloakroom_dynamodb::DynamoDbStore::connect(&format!("{scheme}:{rest}")).await;
            let store = store.map_err(|error| ConnectError::refused(scheme, &error))?;
            match store.look_for_table().await {
                Err(missing) if missing.is_missing() => store.create_table().await,
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
        return Err(ConnectError::malformed(scheme, "`memory:` takes options only"));
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

/// Returns the value of an option that has a fixed set of values.
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

/// Returns the value of an option that is a positive number.
fn counted(
    scheme: &'static str,
    parameters: &Parameters<'_>,
    name: &'static str,
) -> Result<Option<usize>, ConnectError> {
    let Some(text) = parameters.raw(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| ConnectError::malformed(scheme, format!("`{name}` is a number, and not 0")))
}

/// Opens a file store on a thread that may block.
async fn blocking<S: Store>(
    open: impl FnOnce() -> Result<S, StoreError> + Send + 'static,
) -> Result<AnyStore, StoreError> {
    tokio::task::spawn_blocking(open).await.map_err(StoreError::unavailable)?.map(AnyStore::new)
}

/// Explains a missing table: in production the application may not be allowed to create it.
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
