//! Other shards for a sharded store, without signing users out.

use std::sync::Arc;

use cloakroom_bridge::{Migration, Phase};
use cloakroom_session::CookieConfig;
use cloakroom_store::{MemoryStore, ShardedStore, StoredSessions};

use super::browser::{App, Browser};

type Shards = Arc<StoredSessions<ShardedStore<MemoryStore>>>;

const VISITORS: u64 = 40;

fn shards(cookie: &str, names: &[&str]) -> Shards {
    let store = ShardedStore::new(names.iter().map(|name| (*name, MemoryStore::new()))).unwrap();
    Arc::new(StoredSessions::new(store).cookie(CookieConfig::default().name(cookie)).build().unwrap())
}

/// Returns the number of sessions on each shard.
fn counts(sessions: &Shards) -> Vec<usize> {
    sessions.store().shards().map(|(_, store)| store.len()).collect()
}

#[tokio::test]
async fn the_shards_change_and_each_visitor_stays_signed_in() {
    let (old, new) = (shards("old", &["one", "two"]), shards("new", &["one", "two", "three"]));
    let node = |phase| App::new(Migration::new(Arc::clone(&old), Arc::clone(&new), phase));
    let before = App::new(Arc::clone(&old));
    let mut browsers = Vec::new();
    for number in 0..VISITORS {
        let mut browser = Browser::default();
        browser.visit(&before, |session| session.insert("user", number).unwrap()).await;
        // A sign-in, which moves the session within its shard.
        browser.visit(&before, |session| session.cycle_id()).await;
        browsers.push(browser);
    }
    assert!(counts(&old).iter().all(|count| *count > 0), "{:?}", counts(&old));
    // Two nodes of a rolling deployment in each step: one is a phase behind.
    let phases = [Phase::ReadOld, Phase::ReadBothWriteOld, Phase::ReadBothWriteNew, Phase::ReadNew];
    let nodes = phases.map(node);
    for (visits, step) in (0_u64..).zip([[0, 1], [1, 1], [1, 2], [2, 1], [2, 2], [2, 3], [3, 3]]) {
        for (number, browser) in (0..).zip(&mut browsers) {
            let (user, _) = browser
                .visit(&nodes[step[usize::from(number % 2 == 0)]], |session| {
                    session.insert("visits", visits).unwrap();
                    session.get::<u64>("user").unwrap()
                })
                .await;
            assert_eq!(user, Some(number), "in step {step:?}");
        }
    }
    assert!(counts(&new).iter().all(|count| *count > 0), "{:?}", counts(&new));
}
