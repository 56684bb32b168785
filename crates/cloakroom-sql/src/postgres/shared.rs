//! The same connections for tables of other frameworks, used by the bridge crate.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::store::StoreError;
use deadpool_postgres::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::cancel::Canceller;
use super::connect::{Connected, connect};
use super::prepared::Prepared;
use super::wire::Wire;
use crate::query::{Failure, persist};

/// Connections to a PostgreSQL database, for requests.
#[derive(Clone)]
pub struct PostgresConnections(Arc<Wire>);

impl PostgresConnections {
    /// Creates connections for a URL, like those of `PostgresStore::connect`.
    ///
    /// # Errors
    /// Fails if the URL is invalid, or asks for encryption that isn't compiled in.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let Connected { brief, canceller, prepared, .. } = connect(url)?;
        Ok(Self(Arc::new(Wire::new(brief, canceller, prepared))))
    }

    /// Uses the application's own pool.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self(Arc::new(Wire::new(pool, Canceller::Driver, Prepared::default())))
    }

    /// Runs a statement. Returns its rows, and the number of rows changed or returned.
    ///
    /// # Errors
    /// Returns the server's error, or fails if the server can't be reached.
    pub async fn ask(&self, text: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<(Vec<Row>, u64), StoreError> {
        match persist(|| self.0.ask(text, values)).await {
            // The table belongs to another framework: `migrate` doesn't create it.
            Err(Failure::Missing(told)) => Err(StoreError::unavailable(told)),
            answer => Ok(answer?),
        }
    }
}

impl fmt::Debug for PostgresConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own `Debug` would print how to connect.
        f.debug_tuple("PostgresConnections").field(&self.0.connections()).finish()
    }
}
