//! The connections to a MySQL or MariaDB database.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::store::StoreError;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row};

use super::failure::to_failure;
use super::lease::Lender;
use super::statements::Statement;
use crate::query::{Cells, Counts, Executor, Failure, Value, persist};
use crate::two_statements::TwoStatements;
use crate::url::{Tls, without};

/// The number of connections kept permanently, and the maximum, unless the application supplies its
/// own pool.
const CONNECTIONS: (usize, usize) = (4, 16);

/// The time an additional connection is kept after its last use: opening one costs far more than a
/// statement.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// The time that a statement waits for a lock, in seconds, on the store's own connections. A call
/// has 2 seconds, after which its statement is killed. This limit applies if the kill request
/// doesn't arrive, or if the client is gone; the server's default is 50 seconds.
pub(super) const LIMITS: &str = "SET innodb_lock_wait_timeout = 1";

/// The number of callers that request a connection from the application's pool at once: the pool
/// queues them itself.
const GIVEN: usize = 1024;

#[derive(Clone)]
pub(super) enum Connections {
    Pool(Arc<Lender>),
    #[cfg(feature = "sqlx-mysql")]
    Sqlx(crate::pools::Metered<sqlx::MySql>),
}

impl Connections {
    pub(super) fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self::Pool(own(url, vec![LIMITS])?))
    }

    /// Uses the application's own pool.
    pub(super) fn from_pool(pool: Pool) -> Self {
        Self::Pool(Arc::new(Lender::given(pool, GIVEN)))
    }

    pub(super) async fn migrate(&self, schema: &str) -> Result<(), Failure> {
        match self {
            Self::Pool(lender) => {
                let mut lease = lender.lend().await?;
                let done = lease.owing()?.query_drop(schema).await;
                lease.answered();
                done.map_err(to_failure)
            }
            #[cfg(feature = "sqlx-mysql")]
            Self::Sqlx(pool) => crate::pools::mysql::migrate(pool, schema).await,
        }
    }
}

impl Executor for Connections {
    type Statement = Statement;
    type Write = TwoStatements<Statement>;

    async fn rows<T: Send + 'static, const N: usize>(
        &self,
        statement: &Statement,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        let read = &read;
        persist(|| async move {
            match self {
                Self::Pool(lender) => {
                    let mut lease = lender.lend().await?;
                    let rows = lease.owing()?.exec(&**statement.text(), parameters(statement, values)).await;
                    lease.answered();
                    let rows: Vec<Row> = rows.map_err(to_failure)?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                #[cfg(feature = "sqlx-mysql")]
                Self::Sqlx(pool) => {
                    crate::pools::mysql::rows(pool, statement.text(), statement.places(values), read).await
                }
            }
        })
        .await
    }

    /// Returns the number of rows changed, or found and left unchanged: drivers differ in which of
    /// these they count.
    async fn changed<const N: usize>(&self, statement: &Statement, values: &[Value; N]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                Self::Pool(lender) => {
                    let mut lease = lender.lend().await?;
                    let connection = lease.owing()?;
                    let done = connection.exec_drop(&**statement.text(), parameters(statement, values)).await;
                    let changed = connection.affected_rows();
                    lease.answered();
                    done.map(|()| changed).map_err(to_failure)
                }
                #[cfg(feature = "sqlx-mysql")]
                Self::Sqlx(pool) => {
                    crate::pools::mysql::changed(pool, statement.text(), statement.places(values)).await
                }
            }
        })
        .await
    }

    async fn write<const N: usize>(
        &self,
        write: &Self::Write,
        values: &[Value; N],
        most: usize,
    ) -> Result<Counts, Failure> {
        write.run(self, values, most).await
    }
}

/// Creates a pool for a URL, with statements that set up each connection.
pub(super) fn own(url: &str, setup: Vec<&str>) -> Result<Arc<Lender>, StoreError> {
    let (least, most) = CONNECTIONS;
    let constraints = PoolConstraints::new(least, most).unwrap_or_default();
    // A reset would cost a round trip per operation and forget the prepared statements. These
    // connections leave no state behind that needs a reset.
    let pool = PoolOpts::default()
        .with_constraints(constraints)
        .with_inactive_connection_ttl(KEPT)
        .with_reset_connection(false);
    let pool = Pool::new(configuration(url)?.setup(setup).pool_opts(pool));
    Ok(Arc::new(Lender::ours(pool, most)))
}

/// Parses a URL into the driver's configuration.
fn configuration(url: &str) -> Result<OptsBuilder, StoreError> {
    let (rest, [mode, roots]) = without(url, ["ssl-mode", "ssl-ca"]);
    let opts = Opts::from_url(&rest).map_err(StoreError::unavailable)?;
    let demanded = match mode.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None => opts.ssl_opts().is_some(),
        Some("DISABLED" | "PREFERRED") => false,
        Some("REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY") => true,
        Some(_) => {
            let modes = "`ssl-mode` must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY";
            return Err(StoreError::unavailable(modes));
        }
    };
    let ssl = match Tls::wanted(demanded, roots)? {
        Tls::Plain => None,
        #[cfg(feature = "tls")]
        Tls::Verified(roots) => {
            crate::tls::prepare();
            let trusted = crate::tls::certificates(roots.as_deref())?;
            let trusted = trusted.iter().map(|certificate| certificate.to_vec().into()).collect();
            let ssl = opts.ssl_opts().cloned().unwrap_or_default();
            Some(ssl.with_root_certs(trusted).with_disable_built_in_roots(true))
        }
        #[cfg(not(feature = "tls"))]
        Tls::Verified(_) => return Err(StoreError::unsupported("an encrypted connection without its feature `tls`")),
    };
    Ok(OptsBuilder::from_opts(opts).ssl_opts(ssl))
}

fn parameters(statement: &Statement, values: &[Value]) -> Vec<mysql_async::Value> {
    let parameter = |value: &Value| match value {
        Value::Key(key) => key.as_bytes().as_slice().into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_deref().map(str::as_bytes).into(),
    };
    statement.places(values).map(parameter).collect()
}

impl Cells for Row {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        let value = self.as_ref(column)?;
        if let mysql_async::Value::Int(number) = value {
            Some(Some(*number))
        } else {
            (*value == mysql_async::Value::NULL).then_some(None)
        }
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        let value = self.as_ref(column)?;
        if let mysql_async::Value::Bytes(bytes) = value {
            Some(Some(bytes))
        } else {
            (*value == mysql_async::Value::NULL).then_some(None)
        }
    }
}
