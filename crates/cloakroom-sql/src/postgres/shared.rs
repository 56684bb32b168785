//! The same connections for tables of other frameworks, in the bridges' crate.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::StoreError;
use deadpool_postgres::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::cancel::Canceller;
use super::connect::{Connected, connect};
use super::prepared::Prepared;
use super::wire::Wire;
use crate::link::{Failure, persist};

/// Connections to a PostgreSQL database, for requests.
#[derive(Clone)]
pub struct PostgresConnections(Arc<Wire>);

impl PostgresConnections {
    /// Connections behind a URL, as those of `PostgresStore::connect`.
    ///
    /// # Errors
    /// A URL that doesn't make sense, or that asks for encryption which isn't built in.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let Connected { brief, canceller, prepared, .. } = connect(url)?;
        Ok(Self(Arc::new(Wire::new(brief, canceller, prepared))))
    }

    /// A pool that the application has.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self(Arc::new(Wire::new(pool, Canceller::Driver, Prepared::default())))
    }

    /// The rows of the answer to a statement, and how many rows were changed or returned.
    ///
    /// # Errors
    /// What the server says, or that it can't be reached.
    pub async fn ask(&self, text: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<(Vec<Row>, u64), StoreError> {
        match persist(|| self.0.ask(text, values)).await {
            // The table is another framework's: no migration of ours creates it.
            Err(Failure::Missing(told)) => Err(StoreError::unavailable(told)),
            answer => Ok(answer?),
        }
    }
}

impl fmt::Debug for PostgresConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_tuple("PostgresConnections").field(&self.0.connections()).finish()
    }
}
