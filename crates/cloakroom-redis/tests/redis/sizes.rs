//! The memory used by a session.

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;

use crate::bench::{entry, name, put};

/// The size of an ordinary application's record.
const TEXT: usize = 300;

/// The bytes used by a session when names were 64 digits, alone and with an owner, on Redis 7.0 and
/// Valkey 8.1. Servers allocate memory in steps, so a saving may not show.
const BEFORE: [(usize, usize); 2] = [(504, 736), (400, 576)];

#[tokio::test]
async fn a_session_takes_less_than_with_digits() {
    let servers = [("redis", Redis::start()), ("valkey", Redis::valkey(&[]))];
    for ((what, server), before) in servers.into_iter().zip(BEFORE) {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let usage = |name: &str| -> usize { server.cli(&["MEMORY", "USAGE", name]).parse().unwrap() };
        let entry = entry(&"x".repeat(TEXT));
        let alone = usage(&name(&put(&store, &entry).await));
        let session = put(&store, &entry.owner(Some("user-42".to_owned()))).await;
        let owned = usage(&name(&session)) + usage("cloakroom:o:user-42");
        println!("{what}: {alone} bytes, with an owner {owned}");
        assert!(alone <= before.0, "{what}: {alone}");
        assert!(owned + 30 <= before.1, "{what}: {owned}");
    }
}
