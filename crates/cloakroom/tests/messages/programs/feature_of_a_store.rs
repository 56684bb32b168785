// A store without its feature.
//~ no `SqliteStore` in the root
//~ gated behind the `sqlite` feature

use cloakroom::SqliteStore;

fn main() {
    let _ = SqliteStore::open("sessions.db");
}
