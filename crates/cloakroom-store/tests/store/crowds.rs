//! The memory store at its capacity, and a large memory store.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, fresh_id};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{Ended, Entry, Loaded, Replaced, Store as _, all_owned, end_all_before};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const LIFE: Duration = Duration::from_secs(20 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn entry(at: Timestamp, owner: Option<&str>) -> Entry {
    Entry::new("1c0;".into(), at, at, Some(at + LIFE)).owner(owner.map(str::to_owned))
}

async fn some(
    store: &MemoryStore,
    count: usize,
    at: Timestamp,
    owner: impl Fn(usize) -> Option<String>,
) -> Vec<StoreKey> {
    let mut keys = Vec::with_capacity(count);
    for number in 0..count {
        let key = fresh_id().unwrap().store_key();
        store.create(&key, &entry(at, owner(number).as_deref()), at).await.unwrap();
        keys.push(key);
    }
    keys
}

fn a_user(number: usize) -> Option<String> {
    Some(format!("user {number}"))
}

fn a_visitor(_: usize) -> Option<String> {
    None
}

async fn live(store: &MemoryStore, keys: &[StoreKey], now: Timestamp) -> usize {
    let mut live = 0;
    for key in keys {
        live += usize::from(matches!(store.load(key, now).await.unwrap(), Loaded::Live(..)));
    }
    live
}

#[tokio::test]
async fn a_flood_of_visitors_signs_no_user_out() {
    let store = MemoryStore::new().capacity(6_400);
    let signed_in = some(&store, 5_000, NOW, a_user).await;
    let mut visitors = Vec::new();
    for number in 0..20_000 {
        // Sessions of the same time are equally old: any of them may be evicted.
        visitors.extend(some(&store, 1, NOW + Duration::from_millis(number), a_visitor).await);
    }
    let now = NOW + MINUTE;
    assert_eq!(live(&store, &signed_in, now).await, 5_000);
    assert_eq!(store.len(), 6_400, "a full store");
    assert_eq!(live(&store, &visitors, now).await, 1_400);
    assert_eq!(live(&store, &visitors[19_990..], now).await, 10, "the newest ones are kept");
}

#[tokio::test]
async fn a_flood_of_sign_ins_leaves_an_eighth_to_visitors() {
    let store = MemoryStore::new().capacity(6_400);
    let visitors = some(&store, 800, NOW, a_visitor).await;
    some(&store, 20_000, NOW + MINUTE, a_user).await;
    assert_eq!(live(&store, &visitors, NOW + MINUTE).await, 800);
    assert_eq!(store.len(), 6_400);
}

#[tokio::test]
async fn owners_with_many_sessions_are_evicted_first() {
    let store = MemoryStore::new().capacity(6_400);
    let one_each = some(&store, 3_000, NOW, a_user).await;
    some(&store, 20_000, NOW + MINUTE, |_| Some("in a loop".to_owned())).await;
    let left = live(&store, &one_each, NOW + MINUTE).await;
    // If at least half are sessions of that owner, a sample of eight neighbours rarely misses all
    // of them.
    assert!(left >= 2_900, "{left} of 3,000");
}

#[tokio::test]
async fn returning_visitors_are_evicted_last() {
    let store = MemoryStore::new().capacity(6_400);
    let visitors = some(&store, 1_000, NOW, a_visitor).await;
    assert_eq!(live(&store, &visitors, NOW).await, 1_000);
    // This is a load, and the decoded record is kept in the store, as for a request.
    for key in &visitors {
        let Loaded::Live(_, entry) = store.load(key, NOW).await.unwrap() else { panic!("the session is not live") };
        entry.record(key).unwrap();
    }
    some(&store, 20_000, NOW + MINUTE, a_visitor).await;
    let left = live(&store, &visitors, NOW + MINUTE).await;
    assert!(left >= 950, "{left} of 1,000");
}

#[tokio::test]
async fn a_tombstone_outlives_a_flood() {
    let store = MemoryStore::new().capacity(6_400);
    let old = some(&store, 100, NOW, a_visitor).await;
    let new: Vec<StoreKey> = (0..100).map(|_| fresh_id().unwrap().store_key()).collect();
    let owned = entry(NOW, Some("ann"));
    for (old, new) in old.iter().zip(&new) {
        let seen = entry(NOW, None).next_version(None);
        let moved = store.cycle(old, seen, new, &owned, NOW + Duration::from_secs(10), NOW).await.unwrap();
        assert!(matches!(moved, Replaced::Yes(_)));
    }
    some(&store, 20_000, NOW, a_visitor).await;
    for key in &old {
        assert_eq!(store.load(key, NOW).await.unwrap(), Loaded::Moved);
    }
    assert_eq!(live(&store, &new, NOW).await, 100);
}

#[tokio::test]
async fn expired_sessions_are_evicted_first() {
    let store = MemoryStore::new().capacity(6_400);
    let expired = some(&store, 3_000, NOW, a_visitor).await;
    let later = NOW + LIFE + MINUTE;
    let visitors = some(&store, 3_400, later, a_visitor).await;
    let more = some(&store, 3_000, later, a_visitor).await;
    assert_eq!(live(&store, &visitors, later).await + live(&store, &more, later).await, 6_400);
    assert_eq!(live(&store, &expired, NOW).await, 0);
}

#[tokio::test]
async fn walks_yield_to_other_tasks() {
    async fn polls<T>(walk: impl Future<Output = T>) -> (usize, T) {
        let (mut polls, mut walk) = (0, pin!(walk));
        let done = poll_fn(|cx| {
            polls += 1;
            walk.as_mut().poll(cx)
        });
        let done = done.await;
        (polls, done)
    }
    let store = MemoryStore::new();
    some(&store, 20_000, NOW, |number| (number < 1_000).then(|| "ann".to_owned())).await;
    let (yields, page) = polls(store.scan(None, 20_000, NOW)).await;
    assert_eq!(page.unwrap().sessions.len(), 20_000);
    assert!(yields > 4, "scan: {yields}");
    let (yields, owned) = polls(all_owned(&store, "ann", NOW)).await;
    assert_eq!(owned.unwrap().len(), 1_000);
    assert!(yields > 4, "owned: {yields}");
    let later = NOW + LIFE + MINUTE;
    let (yields, swept) = polls(store.sweep(later, 10_000)).await;
    assert_eq!(swept.unwrap(), 10_000);
    assert!(yields > 2, "sweep: {yields}");
    let (yields, ended) = polls(end_all_before(&store, NOW + MINUTE, NOW)).await;
    assert_eq!(ended.unwrap(), 10_000);
    assert!(yields > 2, "end_before: {yields}");
    assert!(store.is_empty() && store.count_owned("ann", usize::MAX, NOW).await.unwrap() == 0);
}

/// Moves a session. Returns whether it was still there.
async fn moved(store: &MemoryStore, key: &mut StoreKey, entry: &Entry) -> bool {
    let new = fresh_id().unwrap().store_key();
    let seen = entry.next_version(None);
    let moved = store.cycle(key, seen, &new, entry, NOW + Duration::from_secs(10), NOW).await.unwrap();
    *key = new;
    matches!(moved, Replaced::Yes(_))
}

/// With a list in key order, a session could move from after a page to a place before it.
#[tokio::test]
async fn sessions_of_one_age_keep_their_places_in_the_list_when_they_move() {
    let store = MemoryStore::new();
    let mut keys = some(&store, 300, NOW, |_| Some("ann".to_owned())).await;
    let ann = entry(NOW, Some("ann"));
    let (mut listed, mut after) = (0, None);
    loop {
        let page = store.owned("ann", after.as_ref(), 7, NOW).await.unwrap();
        listed += page.sessions.len();
        for key in &mut keys {
            assert!(moved(&store, key, &ann).await);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, 300);
    assert_eq!(store.count_owned("ann", usize::MAX, NOW).await.unwrap(), 300);
}

#[tokio::test]
async fn a_session_cannot_escape_by_moving_while_all_end() {
    let store = MemoryStore::new();
    let mut keys = some(&store, 20_000, NOW, a_user).await;
    let kept = some(&store, 1, NOW + MINUTE, a_user).await;
    let (mut ended, mut steps, mut after) = (0, 0, None);
    loop {
        let page = store.end_before(NOW + MINUTE, after.as_ref(), NOW).await.unwrap();
        ended += page.count;
        steps += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
        let mut left = Vec::new();
        for (number, mut key) in keys.into_iter().enumerate() {
            if moved(&store, &mut key, &entry(NOW, a_user(number).as_deref())).await {
                left.push(key);
            }
        }
        keys = left;
    }
    assert!(steps > 3, "{steps} steps");
    assert_eq!(ended, 20_000, "each session is counted once");
    assert_eq!(live(&store, &keys, NOW).await, 0);
    assert_eq!(live(&store, &kept, NOW).await, 1);
    // A finished walk has no effect on later sessions.
    let mut later = some(&store, 100, NOW, a_user).await;
    for (number, key) in later.iter_mut().enumerate() {
        assert!(moved(&store, key, &entry(NOW, a_user(number).as_deref())).await);
    }
}

#[tokio::test]
async fn expired_sessions_of_an_owner_are_in_nobodys_way() {
    let store = MemoryStore::new();
    some(&store, 100, NOW, |_| Some("ann".to_owned())).await;
    let later = NOW + LIFE + MINUTE;
    some(&store, 3, later, |_| Some("ann".to_owned())).await;
    assert_eq!(store.count_owned("ann", usize::MAX, later).await.unwrap(), 3);
    assert_eq!(all_owned(&store, "ann", later).await.unwrap().len(), 3);
    let mut ended = Ended::new(0, true);
    while ended.more {
        let step = store.end_owned("ann", None, 10, later).await.unwrap();
        ended = Ended::new(ended.count + step.count, step.more);
    }
    assert_eq!(ended.count, 3);
}
