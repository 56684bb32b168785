//! The same connection threads for tables of other frameworks, used by the bridge crate.

use cloakroom_store::store::StoreError;
use rusqlite::Connection;

use super::connection_threads::ConnectionThreads;
use crate::query::Failure;

/// A connection to a file, on its own thread.
#[derive(Clone, Debug)]
pub struct SqliteThreads(ConnectionThreads);

impl SqliteThreads {
    /// Moves a connection to a new thread.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self(ConnectionThreads::new(vec![connection]))
    }

    /// Runs a step on the connection.
    ///
    /// If the caller stops waiting before the step begins, the step isn't run.
    ///
    /// # Errors
    /// Returns the error of the step, or fails if no thread could be started.
    pub async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.0.run(|connection| step(connection).map_err(Failure::because)).await?)
    }
}
