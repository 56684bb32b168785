//! The owner index in a Cluster: it is on another server than the sessions, and no session outlives
//! its index entry.

use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store as _, all_owned, conformance::nth};

use crate::bench::{LIFE, Monitor, entry, first, key, member, name, now, put, shown};

const INDEX: &str = "cloakroom:o:user";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The positions of these fields in the head of a session.
const DEADLINE: usize = 4;
const LISTED: usize = 6;

fn word(server: &Redis, key: &StoreKey, at: usize) -> String {
    let value = server.cli(&["GET", &name(key)]);
    value.lines().next().and_then(|head| head.split(' ').nth(at)).unwrap_or_default().to_owned()
}

struct Site {
    cluster: Cluster,
    store: RedisStore,
}

impl Site {
    async fn start() -> Self {
        let cluster = Cluster::start();
        let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
        Self { cluster, store }
    }

    fn index(&self) -> &Redis {
        self.cluster.server_of(INDEX)
    }

    fn server_of(&self, key: &StoreKey) -> &Redis {
        self.cluster.server_of(&name(key))
    }

    /// Creates a key for a session of "user" that is on another server than the index.
    fn apart(&self) -> StoreKey {
        let at_index = self.cluster.master_of(INDEX);
        std::iter::repeat_with(key).find(|key| self.cluster.master_of(&name(key)) != at_index).unwrap()
    }

    /// Returns until when the index exists, if it contains the session.
    fn listed(&self, key: &StoreKey) -> Option<f64> {
        self.index().cli(&["ZSCORE", INDEX, &member(key)]).parse::<f64>().ok()?;
        let expires: f64 = self.index().cli(&["PEXPIRETIME", INDEX]).parse().unwrap();
        Some(if expires < 0.0 { f64::INFINITY } else { expires })
    }

    /// Checks that the session ends before its index entry, by the servers' clocks and by its own
    /// fields.
    fn assert_covered(&self, what: &str, key: &StoreKey) {
        let server = self.server_of(key);
        let [deadline, listed] = [DEADLINE, LISTED].map(|at| word(server, key, at).parse::<u64>().unwrap());
        assert!(deadline <= listed, "{what}: until {deadline}, listed until {listed}");
        let expires: f64 = server.cli(&["PEXPIRETIME", &name(key)]).parse().unwrap();
        let listed = self.listed(key).unwrap_or_else(|| panic!("{what}: not listed"));
        assert!(expires <= listed, "{what}: expires at {expires}, listed until {listed}");
    }
}

fn owned(now: Timestamp, life: Duration) -> Entry {
    Entry::new("text".into(), now, now, Some(now + life)).owner(Some("user".to_owned()))
}

async fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("timed out: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_never_outlives_its_index_entry() {
    let site = Site::start().await;
    let (store, start) = (&site.store, now());
    let session = site.apart();
    store.create(&session, &owned(start, LIFE), start).await.unwrap();
    site.assert_covered("created", &session);
    let listed = site.listed(&session);

    let soon = start + LIFE / 4;
    let replaced = store.replace(&session, first("text"), &owned(soon, LIFE), soon).await.unwrap();
    assert_eq!(replaced, Replaced::Yes(nth(2, &entry("text"))));
    assert!(store.touch(&session, soon, Some(soon + LIFE + Duration::from_secs(1)), soon).await.unwrap());
    site.assert_covered("written soon", &session);
    assert_eq!(site.listed(&session), listed, "the index was touched without need");

    // The remaining time is short: the entry is renewed in the background.
    for (what, part) in [("replaced", 9), ("touched", 15)] {
        let later = start + LIFE * part / 10;
        let before = site.listed(&session);
        if part == 9 {
            store.replace(&session, nth(2, &entry("text")), &owned(later, LIFE), later).await.unwrap();
        } else {
            assert!(store.touch(&session, later, Some(later + LIFE), later).await.unwrap());
        }
        let until = (later + LIFE + LIFE).unix_millis().to_string();
        let server = site.server_of(&session);
        eventually(what, || word(server, &session, LISTED) == until).await;
        assert!(site.listed(&session) >= before, "{what} late");
        site.assert_covered(what, &session);
    }

    // Far beyond the end of the entry: it is renewed first.
    let later = start + LIFE * 16 / 10;
    store.replace(&session, nth(3, &entry("text")), &owned(later, DAY), later).await.unwrap();
    site.assert_covered("remembered", &session);
    assert!(store.touch(&session, later, Some(later + DAY * 30), later).await.unwrap());
    site.assert_covered("touched for a month", &session);
    assert!(store.touch(&session, later, None, later).await.unwrap());
    assert_eq!(word(site.server_of(&session), &session, LISTED), "ever");
    assert_eq!(site.listed(&session), Some(f64::INFINITY));

    // A new owner has another index.
    let others = owned(later, LIFE).owner(Some("other".to_owned()));
    store.replace(&session, nth(4, &entry("text")), &others, later).await.unwrap();
    let keys =
        |owned: Vec<cloakroom_store::store::OwnedSession>| owned.into_iter().map(|owned| owned.key).collect::<Vec<_>>();
    assert_eq!(keys(all_owned(store, "other", later).await.unwrap()), [session]);
    assert_eq!(keys(all_owned(store, "user", later).await.unwrap()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ended_and_moved_sessions_leave_the_index() {
    let site = Site::start().await;
    let entry = owned(now(), LIFE);
    let (ended, moved, new) = (put(&site.store, &entry).await, put(&site.store, &entry).await, key());
    let until = now() + Duration::from_secs(10);
    site.store.cycle(&moved, first("text"), &new, &entry, until, now()).await.unwrap();
    site.assert_covered("moved", &new);
    assert!(site.store.end(&ended, now()).await.unwrap());
    eventually("both leave", || site.index().cli(&["ZRANGE", INDEX, "0", "-1"]) == shown(&new)).await;
    // A stale entry is removed when the list is read. A recent entry is kept, because its session
    // may be about to be created.
    let second = now().unix_millis() / 1_000;
    let begins = key();
    for (key, age) in [(&ended, 100), (&begins, 0)] {
        let _ = site.index().cli(&["ZADD", INDEX, &((second - age) % 2_048).to_string(), &member(key)]);
    }
    let listed = all_owned(&site.store, "user", now()).await.unwrap();
    assert_eq!(listed.iter().map(|owned| owned.key).collect::<Vec<_>>(), [new]);
    assert!(site.listed(&ended).is_none() && site.listed(&begins).is_some() && site.listed(&new).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_index_never_shows_sessions_of_another_owner() {
    let site = Site::start().await;
    let others = put(&site.store, &entry("text").owner(Some("other".to_owned()))).await;
    let nobodys = put(&site.store, &entry("text")).await;
    let mine = put(&site.store, &owned(now(), LIFE)).await;
    for key in [&others, &nobodys] {
        let _ = site.index().cli(&["ZADD", INDEX, "+inf", &member(key)]);
    }
    let found = all_owned(&site.store, "user", now()).await.unwrap();
    assert_eq!(found.iter().map(|owned| owned.key).collect::<Vec<_>>(), [mine]);
}

/// If an index server is down, its owner can't sign in. Other calls are not affected.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_index_server_only_stops_sign_ins() {
    let mut site = Site::start().await;
    let (session, ended) = (site.apart(), site.apart());
    for key in [&session, &ended] {
        assert_eq!(site.store.create(key, &owned(now(), LIFE), now()).await.unwrap(), Created::Yes(first("text")));
    }
    // Make every server learn every script.
    let (anonymous, new) = (site.apart(), site.apart());
    site.store.create(&anonymous, &entry("text"), now()).await.unwrap();
    let index = site.cluster.master_of(INDEX);
    site.cluster.servers[index].kill();

    let soon = now() + Duration::from_secs(1);
    let replaced = site.store.replace(&session, first("text"), &owned(soon, LIFE), soon).await.unwrap();
    assert_eq!(replaced, Replaced::Yes(nth(2, &entry("text"))));
    assert!(site.store.touch(&session, soon, Some(soon + LIFE + LIFE / 10), soon).await.unwrap());
    assert!(matches!(site.store.load(&session, soon).await.unwrap(), Loaded::Live(..)));
    assert!(site.store.end(&ended, soon).await.unwrap());

    let until = now() + Duration::from_secs(10);
    let cycled = site.store.cycle(&anonymous, first("text"), &new, &owned(soon, LIFE), until, soon).await;
    cycled.unwrap_err();
    assert!(matches!(site.store.load(&anonymous, soon).await.unwrap(), Loaded::Live(..)), "unchanged");
    let (server, name) = (site.server_of(&new), name(&new));
    eventually("what couldn't be listed is ended", || server.cli(&["EXISTS", &name]) == "0").await;

    site.cluster.servers[index].start_again();
    let start = crate::bench::clock();
    while all_owned(&site.store, "user", soon).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "the server did not recover");
    }
    let found = all_owned(&site.store, "user", soon).await.unwrap();
    assert_eq!(found.iter().map(|owned| owned.key).collect::<Vec<_>>(), [session]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_goes_to_one_server_alone() {
    let site = Site::start().await;
    let session = site.apart();
    let mut monitors: Vec<_> = site.cluster.servers.iter().map(Monitor::of).collect();
    let mut commands = || -> usize {
        let ours = |line: &String| line.contains("\"cloakroom:");
        monitors.iter_mut().map(|monitor| monitor.commands().iter().filter(|line| ours(line)).count()).sum()
    };
    let entry = owned(now(), LIFE);
    site.store.create(&session, &entry, now()).await.unwrap();
    commands();
    for version in 1..4 {
        site.store.replace(&session, nth(version, &entry), &entry, now()).await.unwrap();
        let replace = commands();
        site.store.touch(&session, now(), Some(now() + LIFE + Duration::from_secs(version)), now()).await.unwrap();
        let touch = commands();
        site.store.load(&session, now()).await.unwrap();
        // The first script may be sent as text after its hash was unknown.
        if version > 1 {
            assert_eq!((replace, touch, commands()), (1, 1, 1), "replace, touch, load");
        } else {
            commands();
        }
    }
}

/// The script that updates an index on its own server.
const LIST: &str = concat!(include_str!("../../src/lua/parts/list.lua"), include_str!("../../src/lua/list.lua"));

/// Two requests may list a session at the same time, and the one with the shorter time may come
/// last.
#[test]
fn an_index_entry_never_becomes_shorter() {
    let server = Redis::start();
    let mut last = 0.0;
    for (ttl, extends) in [("60000", true), ("50000", false), ("90000", true), ("-", true), ("60000", false)] {
        let _ = server.cli(&["EVAL", LIST, "1", "index", "0", "-", "member", ttl, "1700000000000"]);
        let expires: f64 = server.cli(&["PEXPIRETIME", "index"]).parse().unwrap();
        let expires = if expires < 0.0 { f64::INFINITY } else { expires };
        assert_eq!(expires > last, extends, "{ttl}: {last} and then {expires}");
        assert!(expires >= last, "{ttl}: {last} and then {expires}");
        last = expires;
    }
    assert_eq!(server.cli(&["TTL", "index"]), "-1", "one is there for ever");
}

/// Each member of an index has a unique score, in order of creation, and keeps it when it is listed
/// again.
#[test]
fn index_scores_are_in_the_order_of_creation() {
    let server = Redis::start();
    let list = |member: &str, created: &str| {
        assert_eq!(server.cli(&["EVAL", LIST, "1", "index", "0", "-", member, "60000", created]), "1");
        server.cli(&["ZSCORE", "index", member])
    };
    let places: Vec<_> = [
        ("c", "1700000000002"),
        ("a", "1700000000001"),
        ("d", "1700000000002"),
        ("b", "1700000000001"),
        ("last", "18446744073709551615"),
        ("first", "0"),
    ]
    .map(|(member, created)| (list(member, created), member, created))
    .into();
    assert_eq!(server.cli(&["ZRANGE", "index", "0", "-1"]).lines().collect::<Vec<_>>().join(" "), "first a b c d last");
    for (place, member, created) in places {
        assert_eq!(list(member, created), place, "{member} again");
        assert_eq!(server.cli(&["ZCOUNT", "index", &place, &place]), "1", "{member} alone");
    }
}
