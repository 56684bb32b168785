//! The hints about sessions that this process ends or moves.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{SessionId, StoreKey};
use cloakroom_sql::SqliteStore;
use cloakroom_store::store::feed::{Covers, Listener, Reach};
use cloakroom_store::store::{Entry, Store as _};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// Notes each hint: a key, or `None` for all.
#[derive(Default)]
struct Notes(Mutex<Vec<Option<StoreKey>>>);

impl Notes {
    fn taken(&self) -> Vec<Option<StoreKey>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Listener for Notes {
    fn changed(&self, key: &StoreKey) {
        self.0.lock().unwrap().push(Some(*key));
    }

    fn all_changed(&self) {
        self.0.lock().unwrap().push(None);
    }
}

fn key(number: u8) -> StoreKey {
    SessionId::from_random([number; 32]).store_key()
}

fn entry(owner: &str) -> Entry {
    Entry::new("1c0;".into(), NOW, NOW, None).owner(Some(owner.to_owned()))
}

#[tokio::test]
async fn ends_and_moves_of_this_process_are_announced() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    let (feed, notes) = (store.feed().unwrap(), Arc::new(Notes::default()));
    assert_eq!((feed.covers(), feed.reach(), feed.proven_at()), (Covers::Endings, Reach::ThisProcess, None));
    let _subscription = feed.subscribe(Arc::<Notes>::clone(&notes));
    let (until, version) = (NOW + Duration::from_secs(10), entry("ann").next_version(None));
    for number in 1..=6 {
        store.create(&key(number), &entry(if number < 5 { "ann" } else { "bob" }), NOW).await.unwrap();
    }
    assert!(store.clone().end(&key(1), NOW).await.unwrap());
    assert_eq!(notes.taken(), [Some(key(1))]);
    store.cycle(&key(2), version, &key(7), &entry("ann"), until, NOW).await.unwrap();
    assert_eq!(notes.taken(), [Some(key(2))]);
    assert!(store.end(&key(2), NOW).await.unwrap());
    assert_eq!(notes.taken(), [None], "it ended under a key that isn't known");
    assert!(!store.end(&key(9), NOW).await.unwrap());
    assert_eq!(notes.taken(), [], "nothing ended");
    assert_eq!(store.end_owned("ann", None, 10, NOW).await.unwrap().count, 2);
    assert_eq!(notes.taken(), [None]);
    assert_eq!(store.end_owned("ann", None, 10, NOW).await.unwrap().count, 0);
    assert_eq!(notes.taken(), []);
    store.end_before(until, None, NOW).await.unwrap();
    assert_eq!(notes.taken(), [None]);
}
