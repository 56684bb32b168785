//! The state that handlers share.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use cloakroom::{SqliteStore, StoredSessions};

use crate::users::Users;

#[derive(Clone)]
pub struct AppState {
    pub users: Users,
    pub sessions: Arc<StoredSessions<SqliteStore>>,
}

impl AppState {
    /// Opens the databases in this folder, and creates missing ones.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let store = SqliteStore::open(folder.join("sessions.db"))?;
        let sessions = Arc::new(StoredSessions::new(store).build()?);
        Ok(Self {
            users: Users::open(&folder.join("users.db"))?,
            sessions,
        })
    }
}
