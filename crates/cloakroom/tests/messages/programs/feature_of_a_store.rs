// A store without its feature.
//~ gated behind the `sqlite` feature

use cloakroom::SqliteStore;

fn main() {
    let _ = SqliteStore::open("sessions.db");
}
