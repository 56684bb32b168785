//! The conformance suite.

use std::sync::Arc;

use cloakroom_servers::DynamoDb;
use cloakroom_store::store::conformance::{Capabilities, assert_conforms};

use crate::common::store;

/// An item has at most 400 KB: some of that is for the other attributes.
const LARGEST: usize = 400 * 1024 - 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_table_conforms() {
    let server = DynamoDb::start();
    let store = store(server.port()).await.prefix("an [odd] prefix#");
    let can = Capabilities::all().expires_by_itself().texts_up_to(LARGEST).rounds(5);
    assert_conforms(Arc::new(store), can).await;
}
