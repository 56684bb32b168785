//! The factory of the example `own_factory` under the conformance suite.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../examples/own_factory.rs"]
#[allow(dead_code, reason = "the example is a program, and this test takes its factory alone")]
mod own_factory;

use std::sync::Arc;

use cloakroom::factory::conformance::{Capabilities, assert_conforms};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_example_of_a_factory_conforms() {
    let sessions = Arc::new(own_factory::MapSessions::new().unwrap());
    assert_conforms(sessions, Capabilities::all().without_tombstones().without_reload()).await;
}
