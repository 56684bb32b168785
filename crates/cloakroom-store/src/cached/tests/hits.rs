//! The conditions of a hit.

use std::time::Duration;

use super::super::CachedStore;
use super::world::{LATER, NOW, World, entry, key, text};
use crate::FileStore;
use crate::entry::Entry;
use crate::feed::{Announcer, Connection, Covers, Feed, Reach};
use crate::memory::MemoryStore;
use crate::store::{Loaded, Store, delegate_store};

#[tokio::test]
async fn warm_reads_make_no_call_and_a_read_and_write_make_one() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("one"));
    assert_eq!(world.calls(), 1, "cold");
    for _ in 0..10 {
        assert_eq!(world.text(&key(1)).await.as_deref(), Some("one"));
    }
    assert_eq!(world.calls(), 0, "warm");
    world.cached.replace(&key(1), seen, &entry("two"), NOW).await.unwrap();
    assert_eq!(world.calls(), 1, "read and written");
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
    assert_eq!(world.calls(), 1, "loaded again");
    let stats = world.cached.stats();
    assert_eq!((stats.hits, stats.misses, stats.unproven, stats.copies), (10, 2, 0, 1), "{stats:?}");
    assert_eq!(stats.proof_age, Some(Duration::ZERO));
}

#[tokio::test]
async fn no_hit_without_a_proof_within_the_bound() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.written(&key(1), &seen, "two").await;
    world.pass(1000);
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("one"), "no hint has come within the bound");
    world.pass(1);
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"), "the feed has stopped");
    assert_eq!(world.cached.stats().unproven, 1);
    world.calls();
    world.text(&key(1)).await;
    assert_eq!(world.calls(), 1, "still no proof");
    world.prove();
    world.text(&key(1)).await;
    assert_eq!(world.calls(), 0, "the proof is later than the load");
}

#[tokio::test]
async fn a_shorter_bound_is_kept() {
    let world = World::within(Duration::from_millis(300));
    world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.calls();
    for (millis, calls) in [(300, 0), (1, 1)] {
        world.pass(millis);
        world.text(&key(1)).await;
        assert_eq!(world.calls(), calls, "{millis} ms later");
    }
}

#[tokio::test]
async fn nothing_is_kept_before_the_feed_is_proven() {
    let world = World::unconnected();
    world.created(&key(1), &entry("one")).await;
    for _ in 0..2 {
        world.text(&key(1)).await;
    }
    assert_eq!(world.calls(), 2, "not connected");
    world.feed(Connection::established);
    for _ in 0..2 {
        world.text(&key(1)).await;
    }
    assert_eq!(world.calls(), 2, "not proven");
    world.prove();
    for _ in 0..3 {
        world.text(&key(1)).await;
    }
    assert_eq!(world.calls(), 1);
}

/// The order of redis-rs and Lettuce: the hint comes between the store's answer and its insertion.
#[tokio::test]
async fn a_hint_during_a_load_keeps_its_answer_out() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    let mut gate = world.hold();
    let load = world.begin_load(key(1));
    gate.reached().await;
    world.written(&key(1), &seen, "two").await;
    world.feed(|feed| feed.changed(&key(1)));
    world.prove();
    gate.open();
    assert_eq!(text(load.await.unwrap()).as_deref(), Some("one"), "the request began before the write");
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_connection_begins_without_copies_and_loads_from_before_add_none() {
    type End = fn(&World);
    let ends: [(&str, End); 2] =
        [("lost", |world| world.feed(Connection::lost)), ("dropped", |world| world.feed(Connection::established))];
    for (name, end) in ends {
        let world = World::new();
        let first = world.created(&key(1), &entry("one")).await;
        let second = world.created(&key(2), &entry("one")).await;
        world.text(&key(2)).await;
        let mut gate = world.hold();
        let load = world.begin_load(key(1));
        gate.reached().await;
        end(&world);
        // The hints of these writes are lost with the connection.
        world.written(&key(1), &first, "two").await;
        world.written(&key(2), &second, "two").await;
        world.feed(Connection::established);
        world.prove();
        gate.open();
        load.await.unwrap();
        for number in [1, 2] {
            assert_eq!(world.text(&key(number)).await.as_deref(), Some("two"), "{name}: {number}");
        }
    }
}

#[tokio::test]
async fn a_feed_whose_task_ends_gives_no_hits() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.drop_connection();
    world.written(&key(1), &seen, "two").await;
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn absent_sessions_and_tombstones_are_never_kept() {
    let world = World::new();
    assert_eq!(world.text(&key(1)).await, None);
    let seen = world.created(&key(1), &entry("one")).await;
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("one"), "created elsewhere, without a hint");
    world.store().cycle(&key(1), seen, &key(2), &entry("one"), LATER, NOW).await.unwrap();
    world.feed(|feed| feed.changed(&key(1)));
    world.calls();
    for _ in 0..2 {
        assert_eq!(world.cached.load(&key(1), NOW).await.unwrap(), Loaded::Moved);
    }
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn a_slow_load_never_replaces_a_later_one() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    let mut gate = world.hold();
    let slow = world.begin_load(key(1));
    gate.reached().await;
    world.written(&key(1), &seen, "two").await;
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
    gate.open();
    assert_eq!(text(slow.await.unwrap()).as_deref(), Some("one"));
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"), "the hint hasn't come yet");
    world.calls();
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
    assert_eq!(world.calls(), 0, "the newer copy was kept");
}

#[tokio::test]
async fn a_deadline_is_checked_at_each_hit() {
    let world = World::new();
    world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.calls();
    assert!(matches!(world.cached.load(&key(1), LATER).await.unwrap(), Loaded::Live(..)), "valid at its deadline");
    assert_eq!(world.calls(), 0);
    let over = LATER + Duration::from_millis(1);
    assert_eq!(world.cached.load(&key(1), over).await.unwrap(), Loaded::Absent);
    assert_eq!(world.calls(), 1, "another process may have extended it");
}

#[tokio::test]
async fn the_latest_version_is_loaded_from_the_store() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.written(&key(1), &seen, "two").await;
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("one"));
    let latest = world.cached.load_latest(&key(1), NOW).await.unwrap();
    assert_eq!(text(latest).as_deref(), Some("two"));
    world.calls();
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"), "and it is kept");
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn a_failed_or_dropped_load_keeps_nothing_and_blocks_nothing() {
    let world = World::new();
    world.created(&key(1), &entry("one")).await;
    world.cached.inner().fail(true);
    assert!(world.cached.load(&key(1), NOW).await.is_err());
    world.cached.inner().fail(false);
    let mut gate = world.hold();
    let load = world.begin_load(key(1));
    gate.reached().await;
    load.abort();
    assert!(load.await.unwrap_err().is_cancelled());
    world.calls();
    world.text(&key(1)).await;
    world.text(&key(1)).await;
    assert_eq!(world.calls(), 1);
}

#[derive(Debug)]
struct With(MemoryStore, Option<Announcer>);

impl Store for With {
    fn feed(&self) -> Option<Feed> {
        self.1.as_ref().map(Announcer::feed)
    }

    delegate_store!(0, except feed);
}

#[test]
fn a_feed_that_leaves_changes_out_is_refused() {
    let announcer = |covers, reach| Some(Announcer::in_process(covers, reach));
    for (name, announcer, why) in [
        ("no feed", None, Some("has no feed")),
        ("endings", announcer(Covers::Endings, Reach::AllProcesses), Some("only ended sessions")),
        ("one process", announcer(Covers::Changes, Reach::ThisProcess), Some("of all processes")),
        ("all changes", announcer(Covers::Changes, Reach::AllProcesses), None),
    ] {
        let cached = CachedStore::new(With(MemoryStore::new(), announcer));
        match (cached, why) {
            (Ok(_), None) => {}
            (Err(error), Some(why)) => assert!(error.to_string().contains(why), "{name}: {error}"),
            (cached, why) => panic!("{name}: {cached:?} and not {why:?}"),
        }
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(CachedStore::new(FileStore::open(folder.path()).unwrap()).is_err(), "other processes write, too");
}

#[tokio::test]
async fn memory_is_bounded_and_debug_shows_no_values() {
    let cached = CachedStore::new(MemoryStore::new()).unwrap().max_bytes(64 * 1024);
    for number in 0..200 {
        let secret = Entry::new("hunter2".repeat(20).into(), NOW, NOW, None);
        cached.create(&key(number), &secret, NOW).await.unwrap();
        cached.load(&key(number), NOW).await.unwrap();
    }
    let stats = cached.stats();
    assert!(stats.bytes <= 64 * 1024 && stats.copies > 20, "{stats:?}");
    assert_eq!(stats.copies as u64 + stats.evicted, 200);
    assert!(!format!("{cached:?}").contains("hunter2"));
}
