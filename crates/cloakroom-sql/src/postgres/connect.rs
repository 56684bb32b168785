//! Connecting to a PostgreSQL database.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use cloakroom_store::store::StoreError;
use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, Socket};

use super::cancel::Canceller;
use super::prepared::Prepared;
use crate::url::{Tls, without};

/// The maximum number of connections, unless the application supplies its own pool.
const CONNECTIONS: usize = 16;

/// The number of additional connections for long-running work: sweeps, ending all sessions, and
/// migrations.
const PATIENT: usize = 2;

/// The time limit for connecting, and for unacknowledged data on the network, unless the URL sets
/// another.
const UNHEARD: Duration = Duration::from_secs(5);

/// Limits that the server enforces on each statement of a request, in milliseconds. A call has 2
/// seconds, after which its statement is cancelled. These limits apply if the cancel request
/// doesn't arrive, or if the client is gone.
const LIMITS: &str = "-c statement_timeout=1800 -c lock_timeout=1000";

/// Options of the query planner. All statements use an index, and pages end after a few rows in
/// index order. While its statistics are outdated, the planner doesn't know that an owner has many
/// sessions: it would read and sort all of them for each page.
const PLANS: &str = "-c enable_bitmapscan=off";

/// Two pools to the same database.
pub(super) struct Connected {
    /// For requests, whose statements the server limits.
    pub(super) brief: Pool,
    /// For long-running work.
    pub(super) patient: Pool,
    pub(super) canceller: Canceller,
    pub(super) prepared: Prepared,
}

pub(super) fn connect(url: &str) -> Result<Connected, StoreError> {
    let (config, tls, prepared) = configured(url)?;
    match tls {
        Tls::Plain => pools(&config, &NoTls, Canceller::plain(&config), prepared),
        #[cfg(feature = "tls")]
        Tls::Verified(roots) => {
            let tls = crate::tls::connector(roots.as_deref())?;
            pools(&config, &tls, Canceller::Tls(tls.clone()), prepared)
        }
        #[cfg(not(feature = "tls"))]
        Tls::Verified(_) => Err(unencrypted()),
    }
}

#[cfg(not(feature = "tls"))]
pub(super) fn unencrypted() -> StoreError {
    StoreError::unsupported("an encrypted connection without its feature `tls`")
}

/// Parses a URL like [`configuration`], and limits the time for connecting.
pub(super) fn configured(url: &str) -> Result<(Config, Tls, Prepared), StoreError> {
    let (mut config, tls, prepared) = configuration(url)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(UNHEARD);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNHEARD);
    }
    Ok((config, tls, prepared))
}

fn pools<T>(config: &Config, tls: &T, canceller: Canceller, prepared: Prepared) -> Result<Connected, StoreError>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let pool = |size, limits| {
        let dial = Dial { tls: tls.clone(), limits, prepared: prepared.clone() };
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config.clone(), dial, recycling);
        Pool::builder(manager).max_size(size).build().map_err(StoreError::unavailable)
    };
    let options = config.get_options();
    let brief = pool(CONNECTIONS, Some(with_limits(options)))?;
    let patient = pool(PATIENT, Some(with_plans(options)))?;
    Ok(Connected { brief, patient, canceller, prepared })
}

/// Adds our own options to those of the URL, and our limits unless the URL sets limits.
fn with_limits(options: Option<&str>) -> String {
    let has_limits = |options: &str| ["statement_timeout", "lock_timeout"].iter().any(|limit| options.contains(limit));
    let own = with_plans(options);
    if options.is_some_and(has_limits) { own } else { format!("{own} {LIMITS}") }
}

/// Adds our own options to those of the URL.
fn with_plans(options: Option<&str>) -> String {
    options.map_or_else(|| PLANS.to_owned(), |options| format!("{PLANS} {options}"))
}

/// Opens connections, with limits if the server accepts them.
struct Dial<T> {
    tls: T,
    limits: Option<String>,
    prepared: Prepared,
}

type Dialled<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl<T> Connect for Dial<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn connect(&self, config: &Config) -> Dialled<'_> {
        let mut limited = config.clone();
        let plain = self.limits.as_deref().map(|limits| {
            limited.options(limits);
            config.clone()
        });
        Box::pin(async move {
            let connected = match (limited.connect(self.tls.clone()).await, plain) {
                (Err(why), Some(plain)) if refuses_options(&why) => {
                    // Servers accept options, so this is a pooler. `SET` would affect the next
                    // client that gets the server's connection.
                    self.prepared.pooler_found();
                    plain.connect(self.tls.clone()).await
                }
                (connected, _) => connected,
            };
            let (client, connection) = connected?;
            let task = tokio::spawn(async move {
                // Callers learn of it from their own statements.
                let _closed = connection.await;
            });
            Ok((client, task))
        })
    }
}

/// Returns true for the error of a pooler that forwards no options:
/// `unsupported startup parameter: options`.
fn refuses_options(why: &Error) -> bool {
    let Some(told) = why.as_db_error() else { return false };
    let code = [SqlState::PROTOCOL_VIOLATION, SqlState::FEATURE_NOT_SUPPORTED].contains(told.code());
    code && (told.message().contains("startup parameter") || told.message().contains("options"))
}

/// Parses a URL into the driver's configuration, the encryption and the use of prepared statements.
fn configuration(url: &str) -> Result<(Config, Tls, Prepared), StoreError> {
    let (rest, [mode, roots, prepared]) = without(url, ["sslmode", "sslrootcert", "prepared"]);
    let mut config: Config = rest.parse().map_err(StoreError::unavailable)?;
    let demanded = match mode.as_deref() {
        // In a connection string that isn't a URL, the driver reads the mode itself.
        None => config.get_ssl_mode() == SslMode::Require,
        Some("disable" | "allow" | "prefer") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        Some(_) => {
            let modes = "`sslmode` must be one of disable, allow, prefer, require, verify-ca, verify-full";
            return Err(StoreError::unavailable(modes));
        }
    };
    let tls = Tls::wanted(demanded, roots)?;
    config.ssl_mode(if demanded { SslMode::Require } else { SslMode::Disable });
    let prepared = match prepared.as_deref() {
        None => Prepared::default(),
        Some("true") => Prepared::always(),
        Some("false") => Prepared::never(),
        Some(_) => return Err(StoreError::unavailable("`prepared` in the URL must be true or false")),
    };
    Ok((config, tls, prepared))
}

#[cfg(test)]
mod tests {
    use super::{SslMode, Tls, configuration, with_limits};

    #[test]
    fn encryption_options_of_a_url() {
        let table = [
            ("postgres://h/d", false),
            ("postgres://h/d?sslmode=disable", false),
            ("postgres://h/d?sslmode=prefer", false),
            ("postgres://h/d?sslmode=require", true),
            ("postgres://h/d?application_name=x&sslmode=verify-full", true),
            ("postgres://h/d?ssl%6Dode=require", true),
            ("host=h dbname=d sslmode=require", true),
        ];
        for (url, encrypted) in table {
            let read = configuration(url);
            if encrypted && !cfg!(feature = "tls") {
                assert!(read.unwrap_err().to_string().contains("feature `tls`"), "{url}");
                continue;
            }
            let (config, tls, _) = read.unwrap();
            assert_eq!(tls, if encrypted { Tls::Verified(None) } else { Tls::Plain }, "{url}");
            assert_eq!(config.get_ssl_mode() == SslMode::Require, encrypted, "{url}");
        }
        for wrong in ["postgres://h/d?sslmode=verify_full", "postgres://h/d?sslrootcert=ca.pem"] {
            assert!(configuration(wrong).unwrap_err().to_string().contains("sslmode"), "{wrong}");
        }
    }

    #[test]
    fn limits_of_the_url_come_first() {
        let table = [
            ("none", None, "-c enable_bitmapscan=off -c statement_timeout=1800 -c lock_timeout=1000"),
            (
                "others",
                Some("-c search_path=shop"),
                "-c enable_bitmapscan=off -c search_path=shop -c statement_timeout=1800 -c lock_timeout=1000",
            ),
            ("a longer one", Some("-c statement_timeout=5s"), "-c enable_bitmapscan=off -c statement_timeout=5s"),
            ("no lock", Some("-c lock_timeout=100"), "-c enable_bitmapscan=off -c lock_timeout=100"),
        ];
        for (row, options, expected) in table {
            assert_eq!(with_limits(options), expected, "{row}");
        }
    }

    #[test]
    fn prepared_statements_are_true_or_false() {
        for (url, right) in [("postgres://h/d?prepared=true", true), ("postgres://h/d?prepared=no", false)] {
            assert_eq!(configuration(url).is_ok(), right, "{url}");
        }
    }
}
