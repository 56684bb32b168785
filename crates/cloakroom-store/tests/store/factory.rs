//! `StoredSessions` under the conformance suite for factories.

use std::sync::Arc;

use cloakroom_session::factory::conformance::{Capabilities, assert_conforms};
use cloakroom_store::{FileStore, MemoryStore, StoredSessions};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stored_sessions_conform_as_a_factory() {
    let sessions = StoredSessions::new(MemoryStore::new()).build().unwrap();
    assert_conforms(Arc::new(sessions), Capabilities::all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stored_sessions_in_files_conform_as_a_factory() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = StoredSessions::new(FileStore::open(folder.path()).unwrap()).build().unwrap();
    assert_conforms(Arc::new(sessions), Capabilities::all().rounds(5)).await;
}
