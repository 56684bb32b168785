//! Shared test code: clients and sessions.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use cloakroom_dynamodb::DynamoDbStore;
use cloakroom_session::factory::{StoreKey, fresh_id};
use cloakroom_session::{Clock as _, SystemClock, Timestamp};
use cloakroom_store::store::{Created, Entry, Store as _, conformance::nth};

pub(crate) const TABLE: &str = "sessions";
pub(crate) const LIFE: Duration = Duration::from_secs(20 * 60);

/// Makes a client of the application for a server on this port, without encryption.
pub(crate) fn client(port: u16) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// Returns a store with its table.
pub(crate) async fn store(port: u16) -> DynamoDbStore {
    let store = DynamoDbStore::new(client(port), TABLE);
    store.create_table().await.unwrap();
    store
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

pub(crate) fn entry(text: &str) -> Entry {
    let now = now();
    Entry::new(text.into(), now, now, Some(now + LIFE))
}

pub(crate) fn owned(text: &str, owner: &str) -> Entry {
    entry(text).owner(Some(owner.to_owned()))
}

pub(crate) async fn put(store: &DynamoDbStore, entry: &Entry) -> StoreKey {
    let key = key();
    assert_eq!(store.create(&key, entry, now()).await.unwrap(), Created::Yes(nth(1, entry)));
    key
}
