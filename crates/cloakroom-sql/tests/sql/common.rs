//! What the tests of all databases need.

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Replaced, Store};

pub(crate) const FIRST: Version = Version::new(1);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const LATER: Timestamp = Timestamp::from_unix_secs(1_700_001_000);
pub(crate) const PAST: Timestamp = Timestamp::from_unix_secs(1_699_999_999);

pub(crate) fn key(number: u64) -> StoreKey {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

pub(crate) fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(LATER)).owner(Some("ann".to_owned()))
}

/// One operation of each kind, each on the path where nobody is in the way, and how often `count` says the server was asked.
pub(crate) async fn trips(store: &impl Store, count: impl Fn() -> usize) -> Vec<(&'static str, usize)> {
    let mut counted = Vec::new();
    // Twice: the first time prepares the statements.
    for round in [1_000, 2_000] {
        counted.clear();
        let (a, b) = (key(round), key(round + 1));
        let mut before = count();
        let mut note = |what| {
            let now = count();
            counted.push((what, now - before));
            before = now;
        };
        assert_eq!(store.create(&a, &entry("1"), NOW).await.unwrap(), Created::Yes(Version::new(1)));
        note("create");
        assert!(matches!(store.load(&a, NOW).await.unwrap(), Loaded::Live(..)));
        note("load");
        assert_eq!(store.load(&b, NOW).await.unwrap(), Loaded::Absent);
        note("load, absent");
        let two = Replaced::Yes(Version::new(2));
        assert_eq!(store.replace(&a, Version::new(1), &entry("2"), NOW).await.unwrap(), two);
        note("replace");
        assert_eq!(store.replace(&a, Version::new(1), &entry("3"), NOW).await.unwrap(), Replaced::Conflict);
        note("replace, conflict");
        assert_eq!(store.replace(&b, Version::new(1), &entry("3"), NOW).await.unwrap(), Replaced::Gone);
        note("replace, gone");
        assert!(store.touch(&a, LATER, Some(LATER), NOW).await.unwrap());
        note("touch");
        let one = Replaced::Yes(Version::new(1));
        assert_eq!(store.cycle(&a, Version::new(2), &b, &entry("4"), LATER, NOW).await.unwrap(), one);
        note("cycle");
        assert_eq!(store.owned("ann", NOW).await.unwrap().len(), 1);
        note("owned");
        assert!(store.end(&b, NOW).await.unwrap());
        note("end");
        assert!(!store.end(&a, NOW).await.unwrap());
        note("end, moved and ended");
        store.sweep(NOW, 10).await.unwrap();
        note("sweep");
        store.end_before(PAST, NOW).await.unwrap();
        note("end_before");
    }
    counted
}

/// A key whose session or mark is over is free for a new session, and for one that moves there.
pub(crate) async fn over_makes_room(store: &impl Store) {
    let over = Entry::new("over".into(), NOW, NOW, Some(PAST));
    store.create(&key(1), &entry("old"), NOW).await.unwrap();
    store.create(&key(2), &over, NOW).await.unwrap();
    store.create(&key(3), &over, NOW).await.unwrap();
    assert_eq!(store.create(&key(3), &over, NOW).await.unwrap(), Created::Yes(FIRST));
    assert_eq!(store.create(&key(3), &entry("new"), NOW).await.unwrap(), Created::Yes(FIRST));
    let moved = store.cycle(&key(1), FIRST, &key(2), &entry("moved"), PAST, NOW).await;
    assert_eq!(moved.unwrap(), Replaced::Yes(FIRST));
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), Loaded::Live(FIRST, entry("moved")));
    // What was left under the old key is over already.
    let back = store.cycle(&key(2), FIRST, &key(1), &entry("back"), LATER, NOW).await;
    assert_eq!(back.unwrap(), Replaced::Yes(FIRST));
    assert_eq!(store.load(&key(1), NOW).await.unwrap(), Loaded::Live(FIRST, entry("back")));
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), Loaded::Moved);
    for taken in [2, 3] {
        let before = (store.load(&key(1), NOW).await.unwrap(), store.load(&key(taken), NOW).await.unwrap());
        let error = store.cycle(&key(1), FIRST, &key(taken), &entry("x"), LATER, NOW).await.unwrap_err();
        assert!(error.to_string().contains("is taken"), "{error}");
        let after = (store.load(&key(1), NOW).await.unwrap(), store.load(&key(taken), NOW).await.unwrap());
        assert_eq!(after, before, "onto {taken}");
    }
    assert!(store.end(&key(2), NOW).await.unwrap() && store.end(&key(3), NOW).await.unwrap());
    store.sweep(Timestamp::from_unix_secs(1_700_100_000), 100).await.unwrap();
}

/// Two clients, each counting a number up in a record, lose nothing.
pub(crate) async fn race<S: Store>(stores: Vec<S>, rounds: u64) {
    let shared = key(77);
    stores[0].create(&shared, &entry("0"), NOW).await.unwrap();
    let clients = stores.len() as u64;
    let counting = stores.into_iter().map(|store| {
        tokio::spawn(async move {
            let mut done = 0;
            while done < rounds {
                let Loaded::Live(seen, there) = store.load(&shared, NOW).await.unwrap() else { panic!("lost") };
                let next = there.text().parse::<u64>().unwrap() + 1;
                match store.replace(&shared, seen, &entry(&next.to_string()), NOW).await.unwrap() {
                    Replaced::Yes(_) => done += 1,
                    Replaced::Conflict => {}
                    Replaced::Gone => panic!("gone"),
                }
            }
            store
        })
    });
    let counting: Vec<_> = counting.collect();
    let mut last = None;
    for client in counting {
        last = Some(client.await.unwrap());
    }
    let Loaded::Live(version, there) = last.unwrap().load(&shared, NOW).await.unwrap() else { panic!("lost") };
    assert_eq!(there.text().parse::<u64>().unwrap(), clients * rounds);
    assert_eq!(version.number(), 1 + clients * rounds);
}

/// Ends a session while it moves, many times: nothing of it is left.
pub(crate) async fn chase<S: Store + Clone>(store: S, rounds: u64) {
    for round in 0..rounds {
        let (a, b) = (key(500_000 + 2 * round), key(500_001 + 2 * round));
        store.create(&a, &entry("1"), NOW).await.unwrap();
        let (mover, ender) = (store.clone(), store.clone());
        let moving =
            tokio::spawn(async move { mover.cycle(&a, Version::new(1), &b, &entry("2"), LATER, NOW).await.unwrap() });
        let ending = tokio::spawn(async move { ender.end(&a, NOW).await.unwrap() });
        moving.await.unwrap();
        assert!(ending.await.unwrap(), "round {round}: it was there all the time");
        assert!(!matches!(store.load(&a, NOW).await.unwrap(), Loaded::Live(..)), "round {round}");
        assert_eq!(store.load(&b, NOW).await.unwrap(), Loaded::Absent, "round {round}");
    }
}
