//! The feeds of stores: who hears which hint.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{SessionId, StoreKey};
use cloakroom_store::store::feed::{Announcer, Connection, Covers, Feed, Listener, Reach};
use cloakroom_store::store::{Entry, Store};
use cloakroom_store::{AnyStore, FileStore, MemoryStore, PackedStore};
use tokio::time::Instant;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const LATER: Timestamp = Timestamp::from_unix_secs(1_700_000_100);

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

fn entry(owner: Option<&str>) -> Entry {
    Entry::new("1c0;".into(), NOW, NOW, Some(LATER)).owner(owner.map(str::to_owned))
}

/// Passes each operation, and checks that the keys that it changed were announced.
async fn announces_every_change(store: &impl Store) {
    let (feed, notes) = (store.feed().unwrap(), Arc::new(Notes::default()));
    let _subscription = feed.subscribe(notes.clone());
    let heard = |step: &str, expected: &[StoreKey]| {
        let taken = notes.taken();
        for key in expected {
            assert!(taken.contains(&Some(*key)), "{step}: {taken:?}");
        }
    };
    let (first, old, new) = (entry(Some("ann")).next_version(None), key(1), key(2));
    store.create(&old, &entry(Some("ann")), NOW).await.unwrap();
    heard("create", &[old]);
    let replaced = entry(Some("ann")).next_version(Some(&first));
    store.replace(&old, first, &entry(Some("ann")), NOW).await.unwrap();
    heard("replace", &[old]);
    store.replace(&old, replaced.clone(), &entry(Some("bob")), NOW).await.unwrap();
    heard("replace with another owner", &[old]);
    let replaced = entry(Some("bob")).next_version(Some(&replaced));
    assert!(store.touch(&old, LATER, Some(LATER), NOW).await.unwrap());
    heard("touch", &[old]);
    store.cycle(&old, replaced, &new, &entry(Some("bob")), LATER, NOW).await.unwrap();
    heard("cycle", &[old, new]);
    assert!(store.end(&old, NOW).await.unwrap());
    heard("end through a tombstone", &[new]);
    store.load(&new, NOW).await.unwrap();
    assert_eq!(notes.taken(), [], "a load changes nothing");
    for number in [3, 4, 5] {
        store.create(&key(number), &entry(Some("ann")), NOW).await.unwrap();
    }
    assert_eq!(store.end_owned("ann", Some(&key(4)), 10, NOW).await.unwrap().count, 2);
    heard("end_owned", &[key(3), key(5)]);
    store.end_before(LATER, None, NOW).await.unwrap();
    heard("end_before", &[key(4)]);
    store.create(&key(6), &entry(None), NOW).await.unwrap();
    assert!(store.sweep(LATER + Duration::from_secs(1), 10).await.unwrap() > 0);
    heard("sweep", &[key(6)]);
}

#[tokio::test]
async fn the_memory_store_announces_every_change() {
    announces_every_change(&MemoryStore::new()).await;
}

#[tokio::test]
async fn the_file_store_announces_the_changes_of_this_process() {
    let folder = tempfile::tempdir().unwrap();
    let [here, elsewhere] = [(); 2].map(|()| FileStore::open(folder.path()).unwrap());
    let (feed, notes) = (here.feed().unwrap(), Arc::new(Notes::default()));
    assert_eq!((feed.reach(), feed.proven_at()), (Reach::ThisProcess, None));
    let _subscription = feed.subscribe(notes.clone());
    let (first, old, new) = (entry(None).next_version(None), key(1), key(2));
    here.create(&old, &entry(None), NOW).await.unwrap();
    let replaced = entry(None).next_version(Some(&first));
    here.replace(&old, first, &entry(None), NOW).await.unwrap();
    assert!(here.touch(&old, LATER, Some(LATER), NOW).await.unwrap());
    assert_eq!(notes.taken(), [Some(old); 3]);
    here.cycle(&old, replaced, &new, &entry(None), LATER, NOW).await.unwrap();
    assert_eq!(notes.taken(), [Some(new), Some(old)]);
    assert!(here.clone().end(&old, NOW).await.unwrap());
    assert_eq!(notes.taken(), [Some(new)], "clones share the feed");
    elsewhere.create(&old, &entry(None), LATER + Duration::from_secs(1)).await.unwrap();
    assert_eq!(notes.taken(), [], "another handle is like another process");
}

#[tokio::test]
async fn wrappers_pass_the_feed_on() {
    announces_every_change(&AnyStore::new(MemoryStore::new())).await;
    announces_every_change(&PackedStore::new(MemoryStore::new()).compress()).await;
    announces_every_change(&AnyStore::new(PackedStore::new(AnyStore::new(MemoryStore::new())).compress())).await;
}

#[tokio::test]
async fn an_evicted_session_is_announced() {
    let store = MemoryStore::new().capacity(64);
    let notes = Arc::new(Notes::default());
    let _subscription = store.feed().unwrap().subscribe(notes.clone());
    for number in 0..65 {
        store.create(&key(number), &entry(None), NOW).await.unwrap();
    }
    assert_eq!(notes.taken().len(), 66, "65 sessions began, and one was evicted");
}

#[test]
fn a_feed_within_the_process_is_proven_at_any_time() {
    let feed = MemoryStore::new().feed().unwrap();
    assert_eq!((feed.covers(), feed.reach(), feed.is_live()), (Covers::Changes, Reach::AllProcesses, true));
    let before = Instant::now().into_std();
    assert!(feed.proven_at().unwrap() >= before);
    // Other processes write to the same files, without a hint.
    let feed = Announcer::in_process(Covers::Changes, Reach::ThisProcess).feed();
    assert_eq!((feed.reach(), feed.is_live(), feed.proven_at()), (Reach::ThisProcess, true, None));
}

#[test]
fn a_dropped_subscription_hears_nothing() {
    let announcer = Announcer::in_process(Covers::Endings, Reach::AllProcesses);
    let [gone, stays] = [Arc::new(Notes::default()), Arc::new(Notes::default())];
    let first = announcer.feed().subscribe(gone.clone());
    let second = announcer.feed().subscribe(stays.clone());
    announcer.changed(&key(1));
    drop(first);
    announcer.changed(&key(2));
    announcer.all_changed();
    assert_eq!(gone.taken(), [Some(key(1))]);
    assert_eq!(stays.taken(), [Some(key(1)), Some(key(2)), None]);
    drop(second);
    announcer.changed(&key(3));
    assert_eq!((Arc::strong_count(&gone), Arc::strong_count(&stays)), (1, 1), "a listener leaked");
}

/// A feed whose connections are kept, and the connections.
fn connected() -> (Feed, Arc<Mutex<Vec<Connection>>>) {
    let connections = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&connections);
    let announcer = Announcer::connected(Covers::Changes, move |connection| kept.lock().unwrap().push(connection));
    (announcer.feed(), connections)
}

#[test]
fn the_first_subscriber_makes_the_connection() {
    let (feed, connections) = connected();
    assert_eq!((connections.lock().unwrap().len(), feed.is_live()), (0, false));
    let notes = Arc::new(Notes::default());
    let subscriptions = [feed.subscribe(notes.clone()), feed.subscribe(Arc::new(Notes::default()))];
    assert_eq!(connections.lock().unwrap().len(), 1);
    let only = connections.lock().unwrap().pop().unwrap();
    assert_eq!((feed.is_live(), notes.taken()), (false, vec![]));
    only.established();
    only.changed(&key(1));
    assert_eq!((feed.is_live(), notes.taken()), (true, vec![None, Some(key(1))]));
    assert!(only.is_needed());
    drop(subscriptions);
    assert!(!only.is_needed());
    assert!(!feed.is_live(), "a feed that no task reads isn't live");
    let _again = feed.subscribe(notes.clone());
    assert_eq!(connections.lock().unwrap().len(), 1, "the next subscriber makes a new connection");
    // The former task ends late. It has no effect on its successor.
    connections.lock().unwrap()[0].established();
    only.lost();
    drop(only);
    assert!(feed.is_live());
}

#[test]
fn each_connection_begins_a_new_proof() {
    let (feed, connections) = connected();
    let notes = Arc::new(Notes::default());
    let _subscription = feed.subscribe(notes.clone());
    let connection = connections.lock().unwrap().pop().unwrap();
    let sent = Instant::now().into_std();
    connection.proven(sent);
    assert_eq!(feed.proven_at(), None, "nothing is proven before hints arrive");
    connection.established();
    assert_eq!(feed.proven_at(), None);
    connection.proven(sent);
    assert_eq!(feed.proven_at(), Some(sent));
    notes.taken();
    connection.lost();
    assert_eq!((feed.proven_at(), feed.is_live(), notes.taken()), (None, false, vec![None]));
    connection.lost();
    assert_eq!(notes.taken(), [], "a feed that stays down is announced once");
    connection.proven(sent);
    assert_eq!(feed.proven_at(), None, "a late answer proves nothing about the next connection");
    connection.established();
    assert_eq!((feed.proven_at(), feed.is_live(), notes.taken()), (None, true, vec![None]));
    connection.all_changed();
    assert_eq!(notes.taken(), [None]);
}

#[test]
fn a_task_that_ends_early_leaves_a_feed_that_is_not_live() {
    let (feed, connections) = connected();
    let notes = Arc::new(Notes::default());
    let _subscription = feed.subscribe(notes.clone());
    let connection = connections.lock().unwrap().pop().unwrap();
    connection.established();
    notes.taken();
    drop(connection);
    assert_eq!((feed.is_live(), notes.taken()), (false, vec![None]));
    let _another = feed.subscribe(Arc::new(Notes::default()));
    assert_eq!(connections.lock().unwrap().len(), 1);
}

#[test]
fn a_connection_does_not_keep_its_store_alive() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (store, task) = (Arc::new(()), Arc::clone(&kept));
    let held = Arc::clone(&store);
    let announcer = Announcer::connected(Covers::Changes, move |connection| {
        let _ = &held;
        task.lock().unwrap().push(connection);
    });
    drop(announcer.feed().subscribe(Arc::new(Notes::default())));
    drop(announcer);
    assert_eq!(Arc::strong_count(&store), 1);
    assert!(!kept.lock().unwrap()[0].is_needed());
}
