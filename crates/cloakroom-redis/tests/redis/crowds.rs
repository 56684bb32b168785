//! An owner with any number of sessions: the cost of a step doesn't depend on that number.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{
    Created, Cursor, Entry, Loaded, Replaced, Store as _, all_owned, conformance::nth, end_all_before,
};
use futures_util::future::join_all;

use crate::bench::{LIFE, Monitor, clock, entry, key, now, patient, put};

/// Returns the number of sessions of the owner; `CLOAKROOM_CROWD` increases it.
fn crowd() -> usize {
    std::env::var("CLOAKROOM_CROWD").ok().and_then(|crowd| crowd.parse().ok()).unwrap_or(1_000)
}

/// The maximum number of commands in one script. Each takes a microsecond or two.
const MOST_COMMANDS: usize = 2_500;

/// Returns the creation time of the session with this number.
fn created(number: u64) -> Timestamp {
    static FIRST: OnceLock<u64> = OnceLock::new();
    let first = FIRST.get_or_init(|| now().unix_millis() - 1_000_000_000);
    Timestamp::from_unix_millis(first + number)
}

fn owned(number: u64) -> Entry {
    let created = created(number);
    Entry::new("x".repeat(1_000).into(), created, now(), Some(now() + LIFE)).owner(Some("user".to_owned()))
}

/// Creates sessions of one owner, oldest first.
async fn populate(store: &RedisStore, count: usize) -> Vec<StoreKey> {
    let numbers: Vec<u64> = (0..).take(count).collect();
    let mut keys = Vec::new();
    for numbers in numbers.chunks(100) {
        let entries: Vec<_> = numbers.iter().map(|number| (key(), owned(*number))).collect();
        for answer in join_all(entries.iter().map(|(key, entry)| store.create(key, entry, now()))).await {
            assert!(matches!(answer.unwrap(), Created::Yes(_)));
        }
        keys.extend(entries.iter().map(|(key, _)| *key));
    }
    keys
}

fn at_most(what: &str, monitor: &mut Monitor, expected: usize) {
    let steps = monitor.steps();
    let longest = steps.iter().copied().max().unwrap_or_default();
    println!("{what}: {} commands, {longest} more in the longest script", steps.len());
    assert!(steps.len() <= expected, "{what}: {} commands", steps.len());
    assert!(longest <= MOST_COMMANDS, "{what}: a script of {longest} commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_listed_counted_and_ended_in_bounded_steps() {
    let server = Redis::start();
    let store = Arc::new(RedisStore::connect(&patient(&server.url())).await.unwrap());
    let keys = populate(&store, crowd()).await;
    let other = put(&store, &entry("text")).await;
    // Reads another session concurrently. The duration is printed but not checked, because the
    // machine may be busy.
    let (done, reader) = (Arc::<AtomicBool>::default(), Arc::clone(&store));
    let stop = Arc::clone(&done);
    let reads = tokio::spawn(async move {
        let mut slowest = Duration::ZERO;
        while !stop.load(Ordering::SeqCst) {
            let start = clock();
            assert!(matches!(reader.load(&other, now()).await.unwrap(), Loaded::Live(..)));
            slowest = slowest.max(start.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        slowest
    });
    assert_eq!(server.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "10000"]), "OK");
    assert_eq!(server.cli(&["SLOWLOG", "RESET"]), "OK");

    let start = clock();
    let listed = all_owned(&*store, "user", now()).await.unwrap();
    println!("listed {} in {:?}", listed.len(), start.elapsed());
    assert_eq!(listed.iter().map(|owned| owned.key).collect::<Vec<_>>(), keys, "oldest first");

    let start = clock();
    let count = store.count_owned("user", usize::MAX, now()).await.unwrap();
    let new = put(&store, &owned(1_000_000)).await;
    println!("a sign-in that counts {count}: {:?}", start.elapsed());
    assert_eq!(count, keys.len());

    let (start, mut ended, mut steps) = (clock(), 0, 0);
    loop {
        let step = store.end_owned("user", Some(&new), 1_000, now()).await.unwrap();
        ended += step.count;
        steps += 1;
        assert!(step.count <= 1_000);
        if !step.more {
            break;
        }
    }
    println!("ended {ended} in {steps} steps, {:?}", start.elapsed());
    assert_eq!(ended, keys.len());
    assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 1, "only the kept session is left");
    done.store(true, Ordering::SeqCst);
    println!("slowest read of another session: {:?}", reads.await.unwrap());
    println!("slow log: {}", server.cli(&["SLOWLOG", "GET", "10"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_script_grows_with_an_owners_sessions() {
    let server = Redis::start();
    let store = RedisStore::connect(&patient(&server.url())).await.unwrap();
    let keys = populate(&store, 1_000).await;
    let mut monitor = Monitor::of(&server);
    assert_eq!(all_owned(&store, "user", now()).await.unwrap().len(), 1_000);
    at_most("list", &mut monitor, 12);
    assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 1_000);
    at_most("count", &mut monitor, 3);
    put(&store, &owned(2_000)).await;
    at_most("sign-in", &mut monitor, 2);
    let ended = store.end_owned("user", keys.last(), 50, now()).await.unwrap();
    assert_eq!((ended.count, ended.more), (50, true));
    assert_eq!(store.load(&keys[49], now()).await.unwrap(), Loaded::Absent, "the oldest sessions end first");
    assert!(matches!(store.load(&keys[50], now()).await.unwrap(), Loaded::Live(..)));
    while store.end_owned("user", keys.last(), 1_000, now()).await.unwrap().more {}
    at_most("end all but one", &mut monitor, 16);
    populate(&store, 1_000).await;
    monitor.steps();
    let ended = end_all_before(&store, now(), now()).await.unwrap();
    assert_eq!(ended, 1_001);
    at_most("end everybody", &mut monitor, 8);
}

/// Checks that a cursor keeps its position when sessions before it end or move.
async fn check_that_pages_continue_at_their_cursor(store: &RedisStore) {
    let keys = populate(store, 10).await;
    let (mut found, mut after): (Vec<StoreKey>, Option<Cursor>) = Default::default();
    loop {
        let page = store.owned("user", after.as_ref(), 3, now()).await.unwrap();
        assert!(page.sessions.len() <= 3);
        found.extend(page.sessions.iter().map(|owned| owned.key));
        // End the last session of the page, after which the next page begins, and move another one
        // of the page and one of a later page.
        if found.len() == 3 {
            assert!(store.end(keys.get(2).unwrap(), now()).await.unwrap());
            let until = now() + Duration::from_secs(10);
            for number in [1_u64, 6] {
                let old = keys.get(usize::try_from(number).unwrap()).unwrap();
                let entry = owned(number);
                let moved = store.cycle(old, nth(1, &owned(number)), &key(), &entry, until, now()).await.unwrap();
                assert_eq!(moved, Replaced::Yes(nth(1, &entry)));
            }
        }
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    for (number, key) in keys.iter().enumerate().filter(|(number, _)| *number != 6) {
        assert_eq!(found.iter().filter(|it| *it == key).count(), 1, "session {number}");
    }
    assert_eq!(found.len(), 10, "including the moved session under its new key");
    let error = store.owned("user", Some(&Cursor::new("elsewhere")), 3, now()).await.unwrap_err();
    assert!(error.to_string().contains("cursor"), "{error}");
    let error = store.end_before(now(), Some(&Cursor::new("elsewhere")), now()).await.unwrap_err();
    assert!(error.to_string().contains("cursor"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_continue_at_their_cursor_on_one_server() {
    let server = Redis::start();
    check_that_pages_continue_at_their_cursor(&RedisStore::connect(&patient(&server.url())).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_continue_at_their_cursor_in_a_cluster() {
    let cluster = Cluster::start();
    let urls: Vec<_> = cluster.urls().iter().map(|url| patient(url)).collect();
    let store = RedisStore::connect_cluster(&urls).await.unwrap();
    check_that_pages_continue_at_their_cursor(&store).await;
    while store.end_owned("user", None, 4, now()).await.unwrap().more {}
    assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 0);
}

/// A walk that ends all sessions can be stopped and continued, even by another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_walk_that_ends_all_sessions_can_be_continued() {
    let server = Redis::start();
    let store = RedisStore::connect(&patient(&server.url())).await.unwrap();
    populate(&store, 900).await;
    let (point, mut ended, mut after) = (now(), 0, None::<Cursor>);
    loop {
        let another = RedisStore::connect(&patient(&server.url())).await.unwrap();
        let step = another.end_before(point, after.as_ref(), now()).await.unwrap();
        assert!(step.count <= 700, "a step of {}", step.count);
        ended += step.count;
        let Some(next) = step.next else { break };
        after = Some(Cursor::new(next.as_str()));
    }
    assert_eq!(ended, 900);
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

/// Expired sessions are removed from the index when others are added.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expired_sessions_do_not_accumulate_in_the_index() {
    let server = Redis::start();
    let store = RedisStore::connect(&patient(&server.url())).await.unwrap();
    let names: Vec<_> = populate(&store, 60).await.iter().map(crate::bench::name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // As Redis does when they expire.
    let _ = server.cli(&[&["DEL"], &names[..]].concat());
    populate(&store, 200).await;
    let count: usize = server.cli(&["ZCARD", "cloakroom:o:user"]).parse().unwrap();
    assert!(count < 230, "{count} members, of which 200 are live");
    assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 200);
    assert_eq!(server.cli(&["ZCARD", "cloakroom:o:user"]), "200", "a count removes stale entries");
}

/// Inserts `count` sessions without an owner, ten thousand with each script.
fn fill(server: &Redis, count: u64) {
    const SCRIPT: &str = "for n = tonumber(ARGV[1]), tonumber(ARGV[2]) - 1 do \
                          redis.call('SET', 'cloakroom:s' .. struct.pack('>I8', n) .. string.rep('x', 24), ARGV[3], \
                          'PX', ARGV[4]) end";
    let created = created(0).unix_millis();
    let head = format!("1 1 {created} {created} {} - - -", (now() + LIFE).unix_millis());
    let value = format!("\"{head}\\n{}\"", "x".repeat(100));
    for first in (0..count).step_by(10_000) {
        let (first, last) = (first.to_string(), (first + 10_000).min(count).to_string());
        let life = LIFE.as_millis().to_string();
        let answer = server.cli(&["EVAL", SCRIPT, "0", &first, &last, &value, &life]);
        assert_eq!(answer, "", "sessions from {first}");
    }
}

/// Ends all sessions of a server while others are created, read and ended; `CLOAKROOM_ROWS`
/// increases their number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sessions_of_a_large_server_are_ended() {
    let count = std::env::var("CLOAKROOM_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(15_000);
    let server = Redis::start();
    let store = Arc::new(RedisStore::connect(&patient(&server.url())).await.unwrap());
    let start = clock();
    fill(&server, count);
    println!("redis: {count} inserted in {:?}", start.elapsed());
    let mut first = [b'x'; 32];
    first[..8].fill(0);
    assert!(matches!(store.load(&StoreKey::from_bytes(first), now()).await.unwrap(), Loaded::Live(..)));
    let point = now();
    let (stop, worker) = (Arc::<AtomicBool>::default(), Arc::clone(&store));
    let stopped = Arc::clone(&stop);
    let work = tokio::spawn(async move {
        let (mut slowest, mut rounds) = (Duration::ZERO, 0);
        while !stopped.load(Ordering::SeqCst) {
            let start = clock();
            let younger = Entry::new("text".into(), point + LIFE, now(), Some(now() + LIFE));
            let key = put(&worker, &younger).await;
            slowest = slowest.max(start.elapsed());
            assert!(matches!(worker.load(&key, now()).await.unwrap(), Loaded::Live(..)), "a younger session was ended");
            assert!(worker.end(&key, now()).await.unwrap());
            rounds += 1;
        }
        (slowest, rounds)
    });
    let (start, mut ended, mut steps, mut longest, mut after) = (clock(), 0, 0, Duration::ZERO, None);
    loop {
        let begun = clock();
        let step = store.end_before(point, after.as_ref(), now()).await.unwrap();
        longest = longest.max(begun.elapsed());
        (ended, steps, after) = (ended + step.count as u64, steps + 1, step.next);
        if after.is_none() {
            break;
        }
    }
    println!("redis: {ended} ended in {:?}, {steps} steps, the longest {longest:?}", start.elapsed());
    stop.store(true, Ordering::SeqCst);
    let (slowest, rounds) = work.await.unwrap();
    println!("redis: {rounds} creates, loads and ends next to it; the slowest create took {slowest:?}");
    assert_eq!(ended, count);
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}
