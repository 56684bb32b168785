//! Writes of this process invalidate at once.

use std::sync::Arc;

use super::world::{LATER, NOW, World, entry, key};
use crate::store::{Replaced, Store};

#[tokio::test]
async fn a_conflict_is_followed_by_a_load() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.written(&key(1), &seen, "two").await;
    let replaced = world.cached.replace(&key(1), seen, &entry("three"), NOW).await.unwrap();
    assert_eq!(replaced, Replaced::Conflict);
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"), "no hint has come");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_invalidates() {
    let world = World::new();
    let seen = world.created(&key(1), &entry("one")).await;
    world.text(&key(1)).await;
    world.cached.inner().fail(true);
    assert!(world.cached.replace(&key(1), seen, &entry("two"), NOW).await.is_err());
    world.cached.inner().fail(false);
    assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_load_during_a_write_is_not_kept_beyond_it() {
    for gives_up in [false, true] {
        let world = World::new();
        let seen = world.created(&key(1), &entry("one")).await;
        // The load is answered before the write takes effect, and inserted while it runs.
        let mut answered = world.hold();
        let load = world.begin_load(key(1));
        answered.reached().await;
        let mut written = world.hold();
        let cached = Arc::clone(&world.cached);
        let write = tokio::spawn(async move { cached.replace(&key(1), seen, &entry("two"), NOW).await });
        written.reached().await;
        answered.open();
        load.await.unwrap();
        if gives_up {
            write.abort();
            assert!(write.await.unwrap_err().is_cancelled());
        } else {
            written.open();
            write.await.unwrap().unwrap();
        }
        assert_eq!(world.text(&key(1)).await.as_deref(), Some("two"), "gives up: {gives_up}");
    }
}

#[tokio::test]
async fn ending_and_moving_invalidate_at_once() {
    let owned = || entry("one").owner(Some("ann".to_owned()));
    for name in ["end", "cycle", "end_owned", "end_before", "touch"] {
        let world = World::new();
        let seen = world.created(&key(1), &owned()).await;
        world.created(&key(2), &entry("other")).await;
        world.text(&key(1)).await;
        world.text(&key(2)).await;
        let cached = &world.cached;
        match name {
            "end" => assert!(cached.end(&key(1), NOW).await.unwrap()),
            "cycle" => drop(cached.cycle(&key(1), seen, &key(3), &owned(), LATER, NOW).await.unwrap()),
            "end_owned" => assert_eq!(cached.end_owned("ann", None, 10, NOW).await.unwrap().count, 1),
            "end_before" => drop(cached.end_before(LATER, None, NOW).await.unwrap()),
            _ => assert!(cached.touch(&key(1), LATER, Some(LATER), NOW).await.unwrap()),
        }
        let expected = world.store().load(&key(1), NOW).await.unwrap();
        assert_eq!(cached.load(&key(1), NOW).await.unwrap(), expected, "{name}");
        world.calls();
        world.text(&key(2)).await;
        assert_eq!(world.calls(), usize::from(name == "end_before"), "{name}: other sessions stay");
    }
}

#[tokio::test]
async fn ending_a_session_by_an_id_that_has_moved_invalidates_it_at_once() {
    for moved_here in [false, true] {
        let world = World::new();
        let seen = world.created(&key(1), &entry("one")).await;
        if moved_here {
            world.cached.cycle(&key(1), seen, &key(2), &entry("one"), LATER, NOW).await.unwrap();
        } else {
            world.store().cycle(&key(1), seen, &key(2), &entry("one"), LATER, NOW).await.unwrap();
            world.text(&key(1)).await;
        }
        assert_eq!(world.text(&key(2)).await.as_deref(), Some("one"));
        assert!(world.cached.end(&key(1), NOW).await.unwrap());
        assert_eq!(world.text(&key(2)).await, None, "moved here: {moved_here}");
    }
}

#[tokio::test]
async fn the_owner_of_a_session_that_is_being_loaded_may_be_the_one() {
    let world = World::new();
    world.created(&key(1), &entry("one").owner(Some("ann".to_owned()))).await;
    let mut gate = world.hold();
    let load = world.begin_load(key(1));
    gate.reached().await;
    world.cached.end_owned("ann", None, 10, NOW).await.unwrap();
    gate.open();
    load.await.unwrap();
    assert_eq!(world.text(&key(1)).await, None);
}
