// A store without its feature.
//~ #[cfg(any(feature = "sqlite", feature = "sqlx-sqlite", feature = "sqlx08-sqlite"))]

use cloakroom::SqliteStore;

fn main() {
    let _ = SqliteStore::open("sessions.db");
}
