//! The same threads for tables of other frameworks, in the bridges' crate.

use cloakroom_store::StoreError;
use rusqlite::Connection;

use super::lane::Lane;
use crate::link::Failure;

/// A connection to a file, on a thread of its own.
#[derive(Clone, Debug)]
pub struct SqliteThreads(Lane);

impl SqliteThreads {
    /// Moves a connection to its thread.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self(Lane::new(vec![connection]))
    }

    /// Runs a step on the connection. A caller who stops waiting before the step began has changed
    /// nothing.
    ///
    /// # Errors
    /// What the step says, or that no thread could be started.
    pub async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.0.run(|connection| step(connection).map_err(Failure::because)).await?)
    }
}
