//! Connections, and a place to wait for one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::link::Failure;

/// As many callers at a time as there are connections; the others wait without a thread.
#[derive(Clone)]
pub(super) struct Lane {
    places: Arc<Semaphore>,
    /// The idle connections. Never locked while one is in use.
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lane {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let places = Arc::new(Semaphore::new(connections.len()));
        Self { places, idle: Arc::new(Mutex::new(connections)) }
    }

    /// Runs a step on a connection, on a thread that may wait for the disk.
    ///
    /// Whoever stops waiting before the step began has changed nothing; a step that began is carried out.
    pub(super) async fn run<T, F>(&self, step: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Failure::because)?;
        let idle = Arc::clone(&self.idle);
        let ran = tokio::task::spawn_blocking(move || {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = taken.ok_or_else(|| Failure::because("no connection is left"))?;
            // Handed back before the place is, also by a step that panics.
            let mut lent = Lent { connection: Some(connection), idle: &idle };
            let answer = lent.connection.as_mut().map(step);
            drop(lent);
            drop(place);
            answer.unwrap_or_else(|| Err(Failure::because("no connection is left")))
        });
        ran.await.map_err(Failure::because)?
    }
}

struct Lent<'a> {
    connection: Option<Connection>,
    idle: &'a Mutex<Vec<Connection>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("free", &self.places.available_permits()).finish_non_exhaustive()
    }
}
