//! The file store with several processes: one that is killed during its writes, and three that
//! share a session.
//!
//! A child process is this test program again, with an environment variable that makes one of its
//! tests do the child's work.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::StoreKey;
use cloakroom_session::{Clock as _, CookieConfig, Engine, SystemClock};
use cloakroom_store::store::{Created, Loaded, Replaced, Store, conformance::nth};
use cloakroom_store::{Durability, FileStore, StoredSessions};

use crate::faulty::{NAME, NOW};
use crate::file::{entry, files, hex, key};

const FOLDER: &str = "CLOAKROOM_TEST_FOLDER";
const COOKIE: &str = "CLOAKROOM_TEST_COOKIE";

fn child(test: &str, folder: &Path, cookie: &str) -> Child {
    let test = format!("processes::{test}");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(COOKIE, cookie)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A record that repeats its version in every line, so that half a record is detected.
fn text(version: u64) -> String {
    format!("{version}\n").repeat(3000)
}

/// In a child process: writes sessions endlessly, and reports each acknowledged write. Otherwise
/// does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = Arc::new(FileStore::with_durability(folder, Durability::ProcessEnd).unwrap());
    println!("\nready");
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // Until the process is killed.
            for _ in 0..u64::MAX {
                let key = key();
                let Created::Yes(mut seen) = store.create(&key, &entry(&text(1)), NOW).await.unwrap() else { panic!() };
                println!("\nack {} 1", hex(&key));
                for version in 1..20 {
                    let replaced = store.replace(&key, seen, &entry(&text(version + 1)), NOW).await.unwrap();
                    let Replaced::Yes(next) = replaced else { panic!("{replaced:?}") };
                    seen = next;
                    println!("\nack {} {}", hex(&key), version + 1);
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn unhex(text: &str) -> StoreKey {
    let byte = |index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap();
    StoreKey::from_bytes(std::array::from_fn(byte))
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    let (mut acknowledged, mut leftovers) = (0, 0);
    for round in 0..20_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = child("writer", folder.path(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line == "ready"));
        std::thread::sleep(Duration::from_millis(20 + round * 7));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();

        let mut last: HashMap<StoreKey, u64> = HashMap::new();
        // The last line may be incomplete: then that write was not reported.
        let lines: Vec<_> = lines.filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)).collect();
        for line in &lines {
            let Some((key, version)) = line.split_once(' ').filter(|(key, _)| key.len() == 64) else { continue };
            let Ok(version) = version.parse::<u64>() else { continue };
            let known = last.entry(unhex(key)).or_default();
            *known = version.max(*known);
            acknowledged += 1;
        }
        let store = FileStore::open(folder.path()).unwrap();
        for name in files(folder.path()) {
            let Some(key) = Some(&name).filter(|name| name.len() == 64).map(|name| unhex(name)) else {
                leftovers += 1;
                continue;
            };
            // Each session is complete. It is the acknowledged write or the one after it.
            let Loaded::Live(version, found) = store.load(&key, NOW).await.unwrap() else { panic!("not live: {name}") };
            let writes = found.text().split('\n').next().and_then(|first| first.parse().ok()).unwrap();
            assert_eq!(**found.text(), text(writes), "round {round}: an incomplete write");
            assert_eq!(version, nth(writes, &found), "round {round}: the version of another write");
            let known = last.remove(&key).unwrap_or(0);
            assert!((known..=known + 1).contains(&writes), "{writes} stored, {known} acknowledged");
            // The lock was released with its process.
            let replaced = store.replace(&key, version, &entry("goes on"), NOW).await.unwrap();
            assert!(matches!(replaced, Replaced::Yes(_)));
        }
        assert!(last.is_empty(), "round {round}: acknowledged, but missing: {last:?}");
        store.sweep(NOW, 1000).await.unwrap();
        assert!(files(folder.path()).iter().all(|name| name.len() == 64), "temporary files are left");
    }
    println!("{acknowledged} writes acknowledged before 20 kills, {leftovers} temporary files swept");
    assert!(acknowledged > 200, "only {acknowledged} writes: the children hardly ran");
}

fn engine(folder: impl AsRef<Path>) -> Arc<Engine> {
    let store = FileStore::with_durability(folder, Durability::ProcessEnd).unwrap();
    let patient = Duration::from_secs(60);
    let sessions = StoredSessions::new(store).cookie(CookieConfig::default().name(NAME));
    let sessions = sessions.call_timeout(patient).commit_timeout(patient).build().unwrap();
    // Each request adds a message, and none may evict another.
    Arc::new(Engine::new(sessions).flash_limit(1000))
}

/// In a child process: sends concurrent requests of one session. Otherwise does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let cookie = std::env::var(COOKIE).unwrap();
    let engine = engine(folder);
    let tasks = (0..100).map(|number| {
        let (engine, cookie) = (Arc::clone(&engine), cookie.clone());
        tokio::spawn(async move {
            let slot = SessionSlot::new(engine);
            let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
            tokio::time::sleep(Duration::from_millis(number % 10)).await;
            let item = format!("{} {number}", std::process::id());
            let message = item.clone();
            session.update("items", move |items: &mut Vec<String>| items.push(item.clone())).unwrap();
            session.update("count", |count: &mut usize| *count += 1).unwrap();
            session.flash(message);
            slot.finish(200).await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn three_processes_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let slot = SessionSlot::new(engine(folder.path()));
    slot.open(CookieHeader::default()).await.unwrap().insert("begun", SystemClock.now().unix_secs()).unwrap();
    let cookie = slot.finish(200).await.unwrap().cookies[0].to_string();
    let cookie = cookie.split(';').next().unwrap();
    let children: Vec<_> = (0..3).map(|_| child("requests", folder.path(), cookie)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let slot = SessionSlot::new(engine(folder.path()));
    let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
    let mut items: Vec<String> = session.get("items").unwrap().unwrap();
    items.sort();
    items.dedup();
    assert_eq!(items.len(), 300);
    assert_eq!(session.get("count").unwrap(), Some(300));
    assert_eq!(session.peek_flash::<String>().len(), 300);
}
