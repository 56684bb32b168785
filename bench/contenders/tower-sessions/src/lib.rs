//! tower-sessions on axum.

mod pages;

use axum::Router;
use bench_harness::Keep;
use bench_on_axum::{Application, OnAxum};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use pages::pages;

pub type Peer = OnAxum<Library>;

pub struct Library;

impl Application for Library {
    async fn router(keep: Keep) -> Option<Router> {
        match keep {
            Keep::Nothing => Some(pages()),
            Keep::Memory => Some(pages().layer(SessionManagerLayer::new(MemoryStore::default()))),
            // Its other stores need an older release: see the contender `tower-sessions-stores`.
            Keep::EmptyLayer
            | Keep::Signed
            | Keep::Encrypted
            | Keep::Redis
            | Keep::Valkey
            | Keep::Postgres
            | Keep::Sqlite => None,
        }
    }
}
