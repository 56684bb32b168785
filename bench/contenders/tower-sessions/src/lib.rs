//! tower-sessions on axum.

mod pages;

use axum::Router;
use bench_harness::Storage;
use bench_on_axum::{Application, OnAxum};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use pages::pages;

pub type Peer = OnAxum<Library>;

pub struct Library;

impl Application for Library {
    async fn router(storage: Storage) -> Option<Router> {
        match storage {
            Storage::Nothing => Some(pages()),
            Storage::Memory => Some(pages().layer(SessionManagerLayer::new(MemoryStore::default()))),
            // Its other stores need an older release: see the contender `tower-sessions-stores`.
            Storage::EmptyLayer
            | Storage::Signed
            | Storage::Encrypted
            | Storage::Redis
            | Storage::Valkey
            | Storage::Postgres
            | Storage::Sqlite => None,
        }
    }
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
