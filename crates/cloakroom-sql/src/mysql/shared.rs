//! The same connections for tables of other frameworks, used by the bridge crate.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::store::StoreError;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Error, Value};

use super::connect::{LIMITS, own};
use super::failure::to_failure;
use super::lease::Lender;
use crate::query::{Failure, persist};

/// Times are converted to the time zone of the connection, which may repeat an hour in autumn.
const IN_UTC: &str = "SET time_zone = '+00:00'";

/// `ER_DUP_ENTRY`.
const TAKEN: u16 = 1062;

/// Connections to a MySQL or MariaDB database, for requests.
#[derive(Clone)]
pub struct MysqlConnections(Arc<Lender>);

impl MysqlConnections {
    /// Creates connections for a URL, like those of `MysqlStore::connect`.
    ///
    /// # Errors
    /// Fails if the URL is invalid, or asks for encryption that isn't compiled in.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        own(url, vec![LIMITS, IN_UTC]).map(Self)
    }

    /// Runs a query. Returns the first column of its first row.
    ///
    /// # Errors
    /// Returns the server's error, or fails if the server can't be reached.
    pub async fn bytes(&self, text: &str, values: Vec<Value>) -> Result<Option<Vec<u8>>, StoreError> {
        let values = &values;
        let answer = persist(|| async move {
            let mut lease = self.0.lend().await?;
            let row = lease.owing()?.exec_first::<Vec<u8>, _, _>(text, values.clone()).await;
            lease.answered();
            row.map_err(to_failure)
        });
        told(answer.await)
    }

    /// Runs a statement. Returns the number of rows changed.
    ///
    /// # Errors
    /// Returns the server's error, or fails if the server can't be reached.
    pub async fn changed(&self, text: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let values = &values;
        let answer = persist(|| async move {
            let mut lease = self.0.lend().await?;
            let connection = lease.owing()?;
            let done = connection.exec_drop(text, values.clone()).await;
            let changed = connection.affected_rows();
            lease.answered();
            done.map(|()| changed).map_err(to_failure)
        });
        told(answer.await)
    }

    /// Inserts a row. Returns `false` if its key is taken.
    ///
    /// # Errors
    /// Returns the server's error, or fails if the server can't be reached.
    pub async fn insert(&self, text: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        let values = &values;
        let answer = persist(|| async move {
            let mut lease = self.0.lend().await?;
            let done = lease.owing()?.exec_drop(text, values.clone()).await;
            lease.answered();
            match done {
                Ok(()) => Ok(true),
                Err(Error::Server(told)) if told.code == TAKEN => Ok(false),
                Err(error) => Err(to_failure(error)),
            }
        });
        told(answer.await)
    }
}

/// The table belongs to another framework: `migrate` doesn't create it.
fn told<T>(answer: Result<T, Failure>) -> Result<T, StoreError> {
    match answer {
        Err(Failure::Missing(told)) => Err(StoreError::unavailable(told)),
        answer => Ok(answer?),
    }
}

impl fmt::Debug for MysqlConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MysqlConnections")
    }
}
