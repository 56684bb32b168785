// A store that is shared with a sweeper.

use std::sync::Arc;

use cloakroom::{ConfigError, MemoryStore, StoredSessions, Sweeper};

fn main() -> Result<(), ConfigError> {
    let store = Arc::new(MemoryStore::new());
    let _ = Sweeper::new(Arc::clone(&store));
    StoredSessions::new(store).build().map(drop)
}
