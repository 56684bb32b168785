//! The connections to a PostgreSQL database.

use std::time::Duration;

use bytes::BytesMut;
use cloakroom_store::StoreError;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls, Row};

use super::meaning;
use crate::link::{Cells, Failure, Value, persist};
use crate::url::{Tls, without};

/// How many connections there are at most, unless the application brings its own pool.
const CONNECTIONS: usize = 16;

/// How long connecting may take, and how long the network may swallow what was sent, unless the URL says otherwise.
const UNHEARD: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) enum Link {
    Pool(Pool),
    #[cfg(feature = "sqlx-postgres")]
    Sqlx(sqlx::PgPool),
}

impl Link {
    pub(super) fn connect(url: &str) -> Result<Self, StoreError> {
        let (mut config, tls) = configuration(url)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(UNHEARD);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNHEARD);
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Tls::Plain => Manager::from_config(config, NoTls, recycling),
            #[cfg(feature = "tls")]
            Tls::Verified(roots) => Manager::from_config(config, crate::tls::connector(roots.as_deref())?, recycling),
            #[cfg(not(feature = "tls"))]
            Tls::Verified(_) => {
                return Err(StoreError::unsupported("an encrypted connection without its feature `tls`"));
            }
        };
        Pool::builder(manager).max_size(CONNECTIONS).build().map(Self::Pool).map_err(StoreError::unavailable)
    }

    pub(super) async fn rows<T>(
        &self,
        text: &'static str,
        values: &[Value],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, Failure> {
        let read = &read;
        persist(|| async move {
            match self {
                Self::Pool(pool) => {
                    let client = client(pool).await?;
                    let statement = client.prepare_cached(text).await.map_err(told)?;
                    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
                    let rows = client.query(&statement, &values).await.map_err(told)?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::rows(pool, text, values.iter(), read).await,
            }
        })
        .await
    }

    pub(super) async fn changed(&self, text: &'static str, values: &[Value]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                Self::Pool(pool) => {
                    let client = client(pool).await?;
                    let statement = client.prepare_cached(text).await.map_err(told)?;
                    client.execute_raw(&statement, values).await.map_err(told)
                }
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::changed(pool, text, values.iter()).await,
            }
        })
        .await
    }

    /// Without parameters, all statements of a text are one transaction.
    pub(super) async fn migrate(&self, schema: &'static str) -> Result<(), Failure> {
        match self {
            Self::Pool(pool) => client(pool).await?.batch_execute(schema).await.map_err(told),
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => crate::pools::postgres::migrate(pool, schema).await,
        }
    }

    pub(super) fn connections(&self) -> usize {
        match self {
            Self::Pool(pool) => pool.status().size,
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => usize::try_from(pool.size()).unwrap_or(usize::MAX),
        }
    }
}

/// Where a URL leads, and how.
fn configuration(url: &str) -> Result<(Config, Tls), StoreError> {
    let (rest, [mode, roots]) = without(url, ["sslmode", "sslrootcert"]);
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
    Ok((config, tls))
}

async fn client(pool: &Pool) -> Result<Object, Failure> {
    pool.get().await.map_err(|why| if let PoolError::Backend(why) = why { told(why) } else { Failure::because(why) })
}

/// What the server said, where it said something: the driver's own words are only "db error".
fn told(why: tokio_postgres::Error) -> Failure {
    match why.as_db_error() {
        Some(told) => meaning(told.code().code(), told.message()),
        None => Failure::because(why),
    }
}

impl Cells for Row {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        self.try_get(column).ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        self.try_get(column).ok()
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Key(key) => key.as_bytes().as_slice().to_sql_checked(kind, out),
            Self::Number(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.as_deref().map(str::as_bytes).to_sql_checked(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::INT8].contains(kind)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::{SslMode, Tls, configuration};

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
            let (config, tls) = read.unwrap();
            assert_eq!(tls, if encrypted { Tls::Verified(None) } else { Tls::Plain }, "{url}");
            assert_eq!(config.get_ssl_mode() == SslMode::Require, encrypted, "{url}");
        }
        for wrong in ["postgres://h/d?sslmode=verify_full", "postgres://h/d?sslrootcert=ca.pem"] {
            assert!(configuration(wrong).unwrap_err().to_string().contains("sslmode"), "{wrong}");
        }
    }
}
