//! SQLite.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_sql::{SqliteConfig, SqliteStore, Synchronous, TableName};
use cloakroom_store::StoredSessions;
use cloakroom_store::store::{
    Loaded, Replaced, Store as _, all_owned,
    conformance::{Capabilities, assert_conforms, nth},
};
use rusqlite::Connection;

use crate::common::{NOW, chase, entry, first, key, newer_columns_are_left_alone, over_makes_room, race, trips};

fn store(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("sessions.db")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_conforms() {
    let folder = tempfile::tempdir().unwrap();
    over_makes_room(&store(&folder)).await;
    assert_conforms(Arc::new(store(&folder)), Capabilities::all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_conforms_as_a_factory() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = StoredSessions::new(store(&folder)).build().unwrap();
    let can = cloakroom_session::factory::conformance::Capabilities::all().rounds(5);
    cloakroom_session::factory::conformance::assert_conforms(Arc::new(sessions), can).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_of_the_application_conforms() {
    let memory = SqliteStore::from_connection(Connection::open_in_memory().unwrap());
    memory.migrate().await.unwrap();
    assert_conforms(Arc::new(memory), Capabilities::all().rounds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn columns_of_a_newer_release_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let other = Connection::open(folder.path().join("sessions.db")).unwrap();
    let query = async |sql: String| {
        let sql = sql.replace("VARCHAR(20)", "TEXT");
        let mut statement = other.prepare(&sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap().and_then(|row| row.get::<_, Option<String>>(0).unwrap())
    };
    newer_columns_are_left_alone(&store, |key| format!("x'{}'", key.to_hex()), query).await;
}

/// The file is restored from a backup while a request is in flight that saw the lost state.
#[tokio::test]
async fn a_restored_backup_is_not_written_over_by_a_request_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    let before = store(&folder);
    before.create(&key(1), &entry("before"), NOW).await.unwrap();
    let copy = Connection::open(folder.path().join("sessions.db")).unwrap();
    copy.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    let Replaced::Yes(lost) = before.replace(&key(1), first("before"), &entry("lost"), NOW).await.unwrap() else {
        panic!("it was there")
    };
    let restored = SqliteStore::open(backup).unwrap();
    let since = restored.replace(&key(1), first("before"), &entry("since"), NOW).await.unwrap();
    assert!(matches!(since, Replaced::Yes(_)));
    assert_eq!(restored.replace(&key(1), lost, &entry("slow"), NOW).await.unwrap(), Replaced::Conflict);
    assert!(matches!(restored.load(&key(1), NOW).await.unwrap(), Loaded::Live(_, there) if there == entry("since")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_on_one_file_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    // All concurrently, on a file that doesn't exist yet.
    let opening = (0..8).map(|_| path.clone()).map(|path| tokio::task::spawn_blocking(|| SqliteStore::open(path)));
    let mut stores = Vec::new();
    for opened in opening.collect::<Vec<_>>() {
        stores.push(opened.await.unwrap().unwrap());
    }
    for store in &stores {
        store.migrate().await.unwrap();
    }
    chase(stores[0].clone(), 100).await;
    race(stores, 25).await;
}

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn statements_per_operation() {
    let mut connection = Connection::open_in_memory().unwrap();
    let seen = |_: &str| {
        STATEMENTS.fetch_add(1, Ordering::SeqCst);
    };
    connection.trace(Some(seen));
    let store = SqliteStore::from_connection(connection);
    store.migrate().await.unwrap();
    for (what, statements) in trips(&store, || STATEMENTS.load(Ordering::SeqCst)).await {
        println!("sqlite: {what}: {statements} statements");
        let expected = match what {
            // A step of `end_before` first finds where it ends.
            "replace, conflict" | "replace, gone" | "sweep" | "end_before" => 2,
            _ => 1,
        };
        assert_eq!(statements, expected, "{what}");
    }
}

#[tokio::test]
async fn corrupt_rows_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let other = Connection::open(folder.path().join("sessions.db")).unwrap();
    let table = [
        ("a negative version", "UPDATE cloakroom_sessions SET version = -1"),
        ("a record that isn't UTF-8", "UPDATE cloakroom_sessions SET record = CAST(x'ff' AS TEXT)"),
        ("created before the epoch", "UPDATE cloakroom_sessions SET created = -1"),
        ("a negative deadline", "UPDATE cloakroom_sessions SET deadline = -1"),
        ("an owner that isn't UTF-8", "UPDATE cloakroom_sessions SET owner = CAST(x'ff' AS TEXT)"),
    ];
    for (name, damage) in table {
        other.execute("DELETE FROM cloakroom_sessions", []).unwrap();
        store.create(&key(1), &entry("{}"), NOW).await.unwrap();
        other.execute(damage, []).unwrap();
        let error = store.load(&key(1), NOW).await.unwrap_err();
        assert!(error.is_corrupt(), "{name}: {error}");
        assert!(error.to_string().contains(&key(1).prefix()), "{name}: {error}");
    }
    other.execute("UPDATE cloakroom_sessions SET store_key = x'00', owner = 'ann'", []).unwrap();
    assert!(all_owned(&store, "ann", NOW).await.unwrap_err().is_corrupt());
}

#[tokio::test]
async fn errors_name_a_file_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "certainly not a database, and long enough to be sure of it ".repeat(50)).unwrap();
    let table = [
        ("no folder", folder.path().join("nowhere/sessions.db"), "unable to open"),
        ("a folder", folder.path().to_owned(), "unable to open"),
        ("garbage", garbage, "not a database"),
    ];
    for (name, path, why) in table {
        let error = SqliteStore::open(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(&path.display().to_string()), "{name}: {error}");
    }
}

#[test]
fn a_database_in_memory_is_refused() {
    for path in ["", ":memory:", "file::memory:", "file::memory:?cache=shared", "./:memory:"] {
        for opened in [SqliteStore::open(path), SqliteConfig::new(path).readers(1).open()] {
            let error = opened.unwrap_err();
            let told = error.to_string();
            assert!(
                error.is_unsupported() && told.contains("`path`") && told.contains("`MemoryStore`"),
                "{path}: {told}"
            );
        }
        assert!(!Path::new(path).exists(), "{path}: a file of that name was made");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    store(&folder).create(&key(1), &entry("{}"), NOW).await.unwrap();
    let reading = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let store = SqliteStore::from_connection(reading);
    assert!(matches!(store.load(&key(1), NOW).await.unwrap(), Loaded::Live(..)));
    let error = store.replace(&key(1), first("{}"), &entry("2"), NOW).await.unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
}

#[test]
fn the_printed_schema_is_the_applied_one() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&SqliteStore::schema(&TableName::default())).unwrap();
    connection.execute_batch(&SqliteStore::schema(&TableName::default())).unwrap();
}

#[test]
fn options_are_applied_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    SqliteConfig::new(&path).synchronous(Synchronous::Full).readers(0).open().unwrap();
    let mode: String = Connection::open(&path).unwrap().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

const FILE: &str = "CLOAKROOM_TEST_WRITES_TO";

/// Runs in the child process: writes until it is killed, and prints the acknowledged writes.
async fn write_for_ever(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    for number in 0.. {
        store.create(&key(number), &entry("{}"), NOW).await.unwrap();
        store.replace(&key(number), first("{}"), &entry(&number.to_string()), NOW).await.unwrap();
        println!("\nacknowledged {number}");
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_a_killed_process() {
    if let Some(path) = std::env::var_os(FILE) {
        return write_for_ever(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    for round in 0..5 {
        let _ = std::fs::remove_file(&path);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::acknowledged_writes_survive_a_killed_process", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        assert_eq!((numbers.next(), numbers.next()), (Some(0), Some(1)));
        tokio::time::sleep(Duration::from_millis(150 + 37 * round)).await;
        child.kill().unwrap();
        let last = numbers.last().unwrap_or(1);
        child.wait().unwrap();

        let store = SqliteStore::open(&path).unwrap();
        for number in 0..=last {
            let Loaded::Live(version, there) = store.load(&key(number), NOW).await.unwrap() else {
                panic!("round {round}: {number} of {last} is lost");
            };
            assert_eq!(**there.text(), number.to_string(), "round {round}");
            assert_eq!(version, nth(2, &there), "round {round}");
        }
        println!("round {round}: {} acknowledged, all there", 2 * (last + 1));
        drop(store);
        for beside in ["sessions.db-wal", "sessions.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(beside));
        }
    }
}
