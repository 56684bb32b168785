//! How connections to a PostgreSQL database are made.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use cloakroom_store::StoreError;
use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, Socket};

use super::cancel::Canceller;
use super::prepared::Prepared;
use crate::url::{Tls, without};

/// How many connections there are at most, unless the application brings its own pool.
const CONNECTIONS: usize = 16;

/// How many there are in addition for what takes long: the sweeper, ending all sessions, and
/// migrations.
const PATIENT: usize = 2;

/// How long connecting may take, and how long the network may swallow what was sent, unless the URL
/// says otherwise.
const UNHEARD: Duration = Duration::from_secs(5);

/// What the server does with a statement of a request on its own account, in milliseconds. A call
/// has 2 seconds, after which its statement is cancelled; if that request doesn't arrive, or the
/// client is gone, the server doesn't wait for ever.
const LIMITS: &str = "-c statement_timeout=1800 -c lock_timeout=1000";

/// How the server is to find rows. All statements go by an index, and pages end after some rows of
/// its order. The planner doesn't know of owners with many sessions as long as its statistics are
/// old: it would read them all and sort them, for each page.
const PLANS: &str = "-c enable_bitmapscan=off";

/// Two pools to the same database.
pub(super) struct Connected {
    /// For requests, whose statements the server limits.
    pub(super) brief: Pool,
    /// For what takes long.
    pub(super) patient: Pool,
    pub(super) canceller: Canceller,
    pub(super) prepared: Prepared,
}

pub(super) fn connect(url: &str) -> Result<Connected, StoreError> {
    let (mut config, tls, prepared) = configuration(url)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(UNHEARD);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNHEARD);
    }
    match tls {
        Tls::Plain => pools(&config, &NoTls, Canceller::plain(&config), prepared),
        #[cfg(feature = "tls")]
        Tls::Verified(roots) => {
            let tls = crate::tls::connector(roots.as_deref())?;
            pools(&config, &tls, Canceller::Tls(tls.clone()), prepared)
        }
        #[cfg(not(feature = "tls"))]
        Tls::Verified(_) => Err(StoreError::unsupported("an encrypted connection without its feature `tls`")),
    }
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

/// The options of the URL with our own, and with our limits unless it has some itself.
fn with_limits(options: Option<&str>) -> String {
    let has_limits = |options: &str| ["statement_timeout", "lock_timeout"].iter().any(|limit| options.contains(limit));
    let own = with_plans(options);
    if options.is_some_and(has_limits) { own } else { format!("{own} {LIMITS}") }
}

/// The options of the URL with our own.
fn with_plans(options: Option<&str>) -> String {
    options.map_or_else(|| PLANS.to_owned(), |options| format!("{PLANS} {options}"))
}

/// Makes connections, with limits where they are taken.
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
                    // Servers take them: this is a pooler. `SET` would meet whoever gets the
                    // server's connection next.
                    self.prepared.pooler_found();
                    plain.connect(self.tls.clone()).await
                }
                (connected, _) => connected,
            };
            let (client, connection) = connected?;
            let task = tokio::spawn(async move {
                // Callers are told by their own statements.
                let _closed = connection.await;
            });
            Ok((client, task))
        })
    }
}

/// Whether these are the words of a pooler that forwards no options:
/// `unsupported startup parameter: options`.
fn refuses_options(why: &Error) -> bool {
    let Some(told) = why.as_db_error() else { return false };
    let code = [SqlState::PROTOCOL_VIOLATION, SqlState::FEATURE_NOT_SUPPORTED].contains(told.code());
    code && (told.message().contains("startup parameter") || told.message().contains("options"))
}

/// Where a URL leads, and how.
fn configuration(url: &str) -> Result<(Config, Tls, Prepared), StoreError> {
    let (rest, [mode, roots, prepared]) = without(url, ["sslmode", "sslrootcert", "prepared"]);
    let mut config: Config = rest.parse().map_err(StoreError::unavailable)?;
    let demanded = match mode.as_deref() {
        // The driver reads a mode too, in a connection string that isn't a URL.
        None => config.get_ssl_mode() == SslMode::Require,
        Some("disable" | "allow" | "prefer") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        Some(_) => {
            let modes = "`sslmode` is none of disable, allow, prefer, require, verify-ca, verify-full";
            return Err(StoreError::unavailable(modes));
        }
    };
    let tls = Tls::wanted(demanded, roots)?;
    config.ssl_mode(if demanded { SslMode::Require } else { SslMode::Disable });
    let prepared = match prepared.as_deref() {
        None => Prepared::default(),
        Some("true") => Prepared::always(),
        Some("false") => Prepared::never(),
        Some(_) => return Err(StoreError::unavailable("`prepared` of the URL is neither true nor false")),
    };
    Ok((config, tls, prepared))
}

#[cfg(test)]
mod tests {
    use super::{SslMode, Tls, configuration, with_limits};

    #[test]
    fn what_a_url_says_about_encryption() {
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
