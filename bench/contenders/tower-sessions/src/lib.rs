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
