//! SQLite on a full disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloakroom_sql::SqliteStore;
use cloakroom_store::store::{Loaded, Replaced, Store, conformance::nth};
use rusqlite::Connection;

use crate::common::{LATER, NOW, entry, first, key};

/// A separate file system of two megabytes.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn small() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let output = mount.args(["-t", "tmpfs", "-o", "size=2m", "cloakroom"]).arg(folder.path()).output().unwrap();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a small disk can only be mounted by root, as CI is: {why}");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The database may still be open.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// Every write fails with "full", and existing data stays.
async fn full(store: &impl Store) {
    let large = entry(&"secret".repeat(400_000));
    for (what, error) in [
        ("create", store.create(&key(9), &large, NOW).await.map(|_| ())),
        ("replace", store.replace(&key(1), first("old"), &large, NOW).await.map(|_| ())),
        ("cycle", store.cycle(&key(1), first("old"), &key(9), &large, LATER, NOW).await.map(|_| ())),
    ] {
        let error = error.expect_err(what).to_string();
        assert!(error.contains("full") && !error.contains("secret"), "{what}: {error}");
    }
    assert_eq!(store.load(&key(1), NOW).await.unwrap(), Loaded::Live(first("old"), entry("old")));
    assert_eq!(store.load(&key(9), NOW).await.unwrap(), Loaded::Absent);
}

fn to_the_last_byte(path: &Path) {
    let error = fs::write(path, vec![0; 4_000_000]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_the_old_session() {
    let disk = Disk::small();
    let store = SqliteStore::open(disk.path("sessions.db")).unwrap();
    store.create(&key(1), &entry("old"), NOW).await.unwrap();
    // Other files on the disk, deleted once it is full.
    fs::write(disk.path("others"), vec![0; 1_000_000]).unwrap();
    full(&store).await;
    to_the_last_byte(&disk.path("rest"));
    full(&store).await;
    let (mut written, mut last) = (0, String::new());
    for number in 100..1000 {
        match store.create(&key(number), &entry(&"x".repeat(3000)), NOW).await {
            Ok(_) => written += 1,
            Err(error) => {
                last = error.to_string();
                break;
            }
        }
    }
    println!("{written} small records fitted where SQLite had room still, then: {last}");
    assert!(last.contains("full"), "{last}");
    full(&store).await;
    for number in 100..100 + written {
        assert!(matches!(store.load(&key(number), NOW).await.unwrap(), Loaded::Live(..)), "{number} was acknowledged");
    }
    // It works again as soon as there is room.
    fs::remove_file(disk.path("others")).unwrap();
    let two = store.replace(&key(1), first("old"), &entry("new"), NOW).await.unwrap();
    assert_eq!(two, Replaced::Yes(nth(2, &entry("new"))));
    let three = store.cycle(&key(1), nth(2, &entry("new")), &key(2), &entry("moved"), LATER, NOW).await.unwrap();
    assert_eq!(three, Replaced::Yes(first("moved")));
    let intact = Connection::open(disk.path("sessions.db")).unwrap();
    let intact: String = intact.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(intact, "ok");
}

#[tokio::test]
async fn a_database_at_its_limit_leaves_the_old_session() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("sessions.db")).unwrap();
    connection.execute_batch(&SqliteStore::schema(&cloakroom_sql::TableName::default())).unwrap();
    connection.pragma_update(None, "max_page_count", 12).unwrap();
    let store = SqliteStore::from_connection(connection);
    store.create(&key(1), &entry("old"), NOW).await.unwrap();
    full(&store).await;
}
