//! Features specific to the memory store.

use std::sync::Arc;

use cloakroom_session::factory::{FrameworkData, Json, Record, SessionId, StoreKey};
use cloakroom_session::{Lifetimes, Timestamp};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store as _};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

#[tokio::test]
async fn a_move_counts_against_the_capacity() {
    let capacity = 64;
    let store = MemoryStore::new().capacity(capacity);
    let entry = Entry::new("1c0;".into(), NOW, NOW, None);
    for round in 0..20_u8 {
        for shard in 0..64_u8 {
            let id = |kind: u8| {
                SessionId::from_random([[round, shard, kind, 0]; 8].concat().try_into().unwrap()).store_key()
            };
            let (old, new) = (id(0), id(1));
            assert_eq!(store.create(&old, &entry, NOW).await.unwrap(), Created::Yes(entry.next_version(None)));
            store.cycle(&old, entry.next_version(None), &new, &entry, NOW, NOW).await.unwrap();
            assert!(store.len() <= capacity, "{} of {capacity}", store.len());
        }
    }
    let lost = SessionId::from_random([255; 32]).store_key();
    assert_eq!(store.replace(&lost, entry.next_version(None), &entry, NOW).await.unwrap(), Replaced::Gone);
}

const KEY: StoreKey = StoreKey::from_bytes([7; 32]);

fn record() -> Record {
    let mut record = Record::new(NOW, &Lifetimes::default());
    for number in 0..9 {
        record.restore(format!("key {number}"), Json::encode("it", &number).unwrap());
    }
    record.restore_flash("queue", Json::encode("queue", "Saved").unwrap());
    record.restore_owner("ann");
    record
}

async fn kept(store: &MemoryStore) -> Entry {
    let Loaded::Live(_, entry) = store.load(&KEY, NOW).await.unwrap() else { panic!("the session is not live") };
    entry
}

#[tokio::test]
async fn a_record_that_was_never_text_is_the_one_that_its_text_says() {
    let store = MemoryStore::new();
    let made = Entry::of(record());
    store.create(&KEY, &made, NOW).await.unwrap();
    let (kept, read) = (kept(&store).await, made.clone().with_text(Arc::clone(made.text())));
    assert_eq!(kept, read);
    assert_eq!(kept.record(&KEY).unwrap(), read.record(&KEY).unwrap());
    assert_eq!(*kept.record(&KEY).unwrap(), record());
}

#[tokio::test]
async fn a_new_session_is_text_until_it_is_read_and_then_read_once() {
    let (store, record) = (MemoryStore::new(), Arc::new(record()));
    store.create(&KEY, &Entry::of(Arc::clone(&record)), NOW).await.unwrap();
    assert_eq!(Arc::strong_count(&record), 1, "the store keeps its text alone");
    let (first, second) = (kept(&store).await.record(&KEY).unwrap(), kept(&store).await.record(&KEY).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn a_written_session_is_kept_as_it_is_unless_it_is_scattered() {
    let (store, scattered) = (MemoryStore::new(), Arc::new(record()));
    store.create(&KEY, &Entry::of(Arc::clone(&scattered)), NOW).await.unwrap();
    let mut one_changed = Record::clone(&*kept(&store).await.record(&KEY).unwrap());
    one_changed.restore("key 3", Json::encode("it", "another").unwrap());
    let mut seen = Entry::of(Arc::clone(&scattered)).next_version(None);
    for (row, record, expected) in [("one key set", Arc::new(one_changed), 2), ("all keys set", scattered, 1)] {
        let next = Entry::of(Arc::clone(&record)).next_version(Some(&seen));
        let replaced = store.replace(&KEY, seen, &Entry::of(Arc::clone(&record)), NOW).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(next.clone()), "{row}");
        seen = next;
        assert_eq!(Arc::strong_count(&record), expected, "{row}");
        assert_eq!(kept(&store).await.record(&KEY).unwrap(), record, "{row}");
    }
}

#[tokio::test]
async fn a_touch_reaches_a_record_that_was_never_text() {
    let store = MemoryStore::new();
    store.create(&KEY, &Entry::of(record()), NOW).await.unwrap();
    let (later, end) = (Timestamp::from_unix_secs(1_700_000_060), Timestamp::from_unix_secs(1_900_000_000));
    assert!(store.touch(&KEY, later, Some(end), NOW).await.unwrap());
    let touched = kept(&store).await.record(&KEY).unwrap();
    assert_eq!((touched.times().touched, touched.times().idle_deadline), (later, Some(end)));
    assert_eq!(touched.entries().len(), 9);
}

#[tokio::test]
async fn data_of_another_framework_is_not_stored() {
    let store = MemoryStore::new();
    let mut bridged = record();
    bridged.restore_foreign(FrameworkData::new("other"));
    store.create(&KEY, &Entry::of(Arc::new(bridged)), NOW).await.unwrap();
    assert_eq!(*kept(&store).await.record(&KEY).unwrap(), record());
}

#[test]
fn debug_of_an_entry_shows_no_contents() {
    let made = Entry::of(record());
    let read = made.clone().with_text("a secret");
    for (entry, shown) in [(read, "Text(8 bytes)"), (made, "key 8")] {
        let said = format!("{entry:?}");
        assert!(said.contains(shown) && said.contains("owned: true"), "{said}");
        assert!(["secret", "ann", "Saved"].iter().all(|it| !said.contains(it)), "{said}");
    }
}
