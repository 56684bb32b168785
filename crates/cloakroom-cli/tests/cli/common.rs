//! The program, and stores with test sessions.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cloakroom::factory::{Json, Record, StoreKey, fresh_id, fresh_token};
use cloakroom::store::{Cursor, Entry, Store as _};
use cloakroom::{AnyStore, Clock as _, Lifetimes, SystemClock, Timestamp};
use serde_json::Value;

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    command.args(arguments).env_remove("CLOAKROOM_KEY").env_remove("CLOAKROOM_RECORDS_KEY").stdin(Stdio::null());
    command
}

/// Runs a command. Returns exit code, stdout and stderr.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub(crate) fn cloakroom(arguments: &[&str]) -> (i32, String, String) {
    run(&mut command(arguments))
}

/// Runs the program with `--json`. Returns its answer, and checks the exit code.
pub(crate) fn json(code: i32, arguments: &[&str]) -> Value {
    let (found, out, err) = cloakroom(&[&["--json"], arguments].concat());
    assert_eq!(found, code, "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|why| panic!("{arguments:?}: {why}: {out}{err}"))
}

pub(crate) fn with_stdin(arguments: &[&str], text: &str) -> (i32, String, String) {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub(crate) fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite:{}", folder.join(name).display())
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Returns a session that was created this many seconds ago.
pub(crate) fn entry(number: usize, age: u64) -> Entry {
    let created = Timestamp::from_unix_millis(now().unix_millis() - age * 1000);
    let lifetimes = Lifetimes::default().idle_timeout(Duration::from_secs(7_200));
    let mut record = Record::new(created, &lifetimes);
    record.restore("number", Json::from_text("number", format!("\"secret {number}\"")).unwrap());
    record.restore_csrf(fresh_token().unwrap());
    Entry::of(record).owner(Some(format!("user-{}", number % 10)))
}

pub(crate) fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

/// Creates this many sessions, each a second older than the previous one. Returns their keys.
pub(crate) async fn fill(store: &AnyStore, count: usize) -> Vec<StoreKey> {
    let mut keys = Vec::with_capacity(count);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let (key, store) = (key(), store.clone());
        keys.push(key);
        tasks.spawn(async move { store.create(&key, &entry(number, number as u64 % 3_600), now()).await.unwrap() });
        if tasks.len() >= 64 {
            tasks.join_next().await.unwrap().unwrap();
        }
    }
    tasks.join_all().await;
    keys
}

/// Returns all sessions of a store by key.
pub(crate) async fn all(store: &AnyStore) -> std::collections::BTreeMap<StoreKey, (u64, Entry)> {
    let mut found = std::collections::BTreeMap::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = store.scan(after.as_ref(), 500, now()).await.unwrap();
        found.extend(page.sessions.into_iter().map(|it| (it.key, (it.version.number(), it.entry))));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Returns them without versions, which start anew in another store.
pub(crate) async fn entries(store: &AnyStore) -> std::collections::BTreeMap<StoreKey, Entry> {
    all(store).await.into_iter().map(|(key, (_, entry))| (key, entry)).collect()
}
