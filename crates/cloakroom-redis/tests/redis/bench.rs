//! What the tests share: sessions to put somewhere, and writers that count what was acknowledged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_session::{Clock as _, StoreKey, SystemClock, Timestamp, Version, fresh_id};
use cloakroom_store::{Created, Entry, Loaded, Replaced, Store as _};

pub(crate) const LIFE: Duration = Duration::from_secs(20 * 60);

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

pub(crate) fn hex(key: &StoreKey) -> String {
    key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn name(key: &StoreKey) -> String {
    format!("cloakroom:{}", hex(key))
}

pub(crate) fn entry(text: &str) -> Entry {
    let now = now();
    Entry::new(text.into(), now, now, Some(now + LIFE))
}

pub(crate) async fn put(store: &RedisStore, entry: &Entry) -> StoreKey {
    let key = key();
    assert_eq!(store.create(&key, entry, now()).await.unwrap(), Created::Yes(Version::new(1)));
    key
}

/// Sees every command that comes to a server.
pub(crate) struct Monitor {
    server: u16,
    lines: BufReader<TcpStream>,
}

impl Monitor {
    pub(crate) fn of(server: &Redis) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Self { server: server.port(), lines: BufReader::new(stream) };
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The commands since the last time; those inside of scripts cross no network and don't count.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        let mut marker = TcpStream::connect(("127.0.0.1", self.server)).unwrap();
        marker.write_all(b"ECHO until-here\r\n").unwrap();
        let mut commands = Vec::new();
        loop {
            let line = self.line();
            if line.contains("until-here") {
                return commands;
            }
            if !line.contains(" lua] ") {
                commands.push(line);
            }
        }
    }
}

/// What one writer knows of its session: the last version that was acknowledged, and how long it went without one.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) key: StoreKey,
    pub(crate) acknowledged: u64,
    pub(crate) errors: usize,
    pub(crate) longest_gap: Duration,
}

/// A session that is written over and over until `end`; its text is the number of its version.
pub(crate) async fn write_until(store: Arc<RedisStore>, end: Instant) -> Written {
    let key = key();
    let mut written = Written { key, acknowledged: 1, errors: 0, longest_gap: Duration::ZERO };
    while let Err(error) = store.create(&key, &entry("1"), now()).await {
        // What a replica didn't confirm in time is there all the same, and taken the next time.
        assert!(clock() < end, "{error}");
        written.errors += 1;
    }
    let mut last = clock();
    while clock() < end {
        let next = (written.acknowledged + 1).to_string();
        match store.replace(&key, Version::new(written.acknowledged), &entry(&next), now()).await {
            Ok(Replaced::Yes(version)) => {
                assert_eq!(version.number(), written.acknowledged + 1);
                written.acknowledged += 1;
                written.longest_gap = written.longest_gap.max(last.elapsed());
                last = clock();
            }
            Ok(Replaced::Conflict) => {
                // Only a write that ended with an error may have been carried out all the same, and only once.
                assert!(written.errors > 0);
                written.acknowledged = newest(&store, &key, written.acknowledged).await;
            }
            Ok(Replaced::Gone) => panic!("a session was lost: {written:?}"),
            Err(error) => {
                assert!(!error.is_corrupt() && !error.is_unsupported(), "{error}");
                written.errors += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    written
}

async fn newest(store: &RedisStore, key: &StoreKey, acknowledged: u64) -> u64 {
    match store.load(key, now()).await {
        Ok(Loaded::Live(version, entry)) => {
            assert_eq!(version.number().to_string(), *entry.text, "a write is there whole or not at all");
            assert!(version.number() > acknowledged, "{version:?} is older than {acknowledged}");
            version.number()
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => acknowledged,
    }
}

/// Every acknowledged write is there; of the others at most the last one.
pub(crate) async fn nothing_is_lost(store: &RedisStore, all: &[Written]) {
    for written in all {
        match store.load(&written.key, now()).await.unwrap() {
            Loaded::Live(version, entry) => {
                assert_eq!(version.number().to_string(), *entry.text, "a write is there whole or not at all");
                let number = version.number();
                assert!((written.acknowledged..=written.acknowledged + 1).contains(&number), "{number}: {written:?}");
            }
            other @ (Loaded::Moved | Loaded::Absent) => panic!("{other:?}: {written:?}"),
        }
    }
}

/// For how long calls failed, in all.
pub(crate) async fn time_until_it_answers(store: &RedisStore) -> Duration {
    let (key, start) = (key(), clock());
    while store.load(&key, now()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never came back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "measures how long something takes")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}
