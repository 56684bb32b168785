//! The file store: under the conformance suite, on a full disk, with damaged files, and with
//! several processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version, fresh_id};
use cloakroom_store::store::{
    Created, Entry, Loaded, Replaced, Store,
    conformance::{Capabilities, assert_conforms, nth},
};
use cloakroom_store::{Durability, FileStore};

use crate::conformance::any;
use crate::faulty::{App, NOW, key_of};

const LIFE: Duration = Duration::from_secs(1200);

/// The first version under a key, for an entry with this text.
fn first(text: &str) -> Version {
    nth(1, &entry(text))
}

pub(crate) fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(NOW + LIFE))
}

pub(crate) fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

pub(crate) fn hex(key: &StoreKey) -> String {
    key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn path(root: &Path, key: &StoreKey) -> PathBuf {
    root.join(&hex(key)[..2]).join(hex(key))
}

/// Returns the names of all files except the locks.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let shards = fs::read_dir(root).unwrap().map(|shard| shard.unwrap().path());
    let files = shards.flat_map(|shard| fs::read_dir(shard).unwrap());
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).filter(|name| name != "lock").collect()
}

#[test]
fn a_path_that_names_no_folder_is_refused() {
    for path in ["", ":memory:"] {
        for opened in [FileStore::open(path), FileStore::with_durability(path, Durability::ProcessEnd)] {
            let error = opened.unwrap_err();
            assert!(error.is_unsupported() && error.to_string().contains("`MemoryStore`"), "{path}: {error}");
        }
        assert!(!Path::new(path).exists(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_conforms() {
    let can = Capabilities::all().without_owners().without_end_before();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::with_durability(folder.path(), Durability::ProcessEnd).unwrap();
    assert_conforms(any(store), can.rounds(1000)).await;
    let folder = tempfile::tempdir().unwrap();
    assert_conforms(any(FileStore::open(folder.path()).unwrap()), can.rounds(20)).await;
}

#[tokio::test]
async fn names_are_hexadecimal_and_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep").join("sessions");
    let store = FileStore::open(&root).unwrap();
    for byte in [0, b'.', b'/', 255] {
        let key = StoreKey::from_bytes([byte; 32]);
        store.create(&key, &entry("text"), NOW).await.unwrap();
        assert!(path(&root, &key).is_file());
    }
    let names = files(&root);
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = path(&root, &StoreKey::from_bytes([0; 32]));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }
}

#[tokio::test]
async fn damaged_and_foreign_files_are_errors_that_name_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let (other, text) = (key(), "a text of some length");
    store.create(&other, &entry(text), NOW).await.unwrap();
    let whole = fs::read(path(folder.path(), &other)).unwrap();
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("zeros", vec![0; 4096]),
        ("not text", vec![0xff; 100]),
        ("JSON", b"{\"cart\": []}".to_vec()),
        ("another session's", whole),
    ] {
        let key = key();
        store.create(&key, &entry(text), NOW).await.unwrap();
        fs::write(path(folder.path(), &key), &bytes).unwrap();
        let until = NOW + LIFE;
        let errors = [
            store.load(&key, NOW).await.unwrap_err(),
            store.create(&key, &entry(text), NOW).await.unwrap_err(),
            store.replace(&key, first(text), &entry(text), NOW).await.unwrap_err(),
            store.touch(&key, NOW, None, NOW).await.unwrap_err(),
            store.cycle(&key, first(text), &other, &entry(text), until, NOW).await.unwrap_err(),
            store.end(&key, NOW).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_corrupt() && error.to_string().contains(&key.prefix()), "{what}: {error}");
        }
        assert_eq!(fs::read(path(folder.path(), &key)).unwrap(), bytes, "{what}: left unchanged");
    }
    // Truncate one file, and sweep all of them.
    let half = key();
    store.create(&half, &entry(text), NOW).await.unwrap();
    let bytes = fs::read(path(folder.path(), &half)).unwrap();
    fs::write(path(folder.path(), &half), &bytes[..bytes.len() - 3]).unwrap();
    long_ago(&path(folder.path(), &half));
    assert!(store.load(&half, NOW).await.unwrap_err().is_corrupt());
    assert_eq!(store.sweep(NOW + LIFE, 100).await.unwrap(), 0);
    assert_eq!(
        store.sweep(NOW + LIFE + LIFE, 100).await.unwrap(),
        2,
        "the complete one and the truncated one have expired"
    );
}

#[tokio::test]
async fn a_damaged_session_fails_its_request_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(Arc::new(FileStore::open(folder.path()).unwrap()));
    let cookie = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    let path = path(folder.path(), &key_of(&cookie));
    let text = fs::read_to_string(&path).unwrap();
    let line = text.split('\n').next().unwrap();
    // Our head line, followed by a text that isn't a record.
    let length = text.len() - line.len() - 1;
    fs::write(&path, format!("{line}\n{}", "x".repeat(length))).unwrap();
    let error = app.request(&cookie).await.err().unwrap();
    assert!(error.is_corrupt() && error.status() == 500, "{error}");
    assert!(fs::read_to_string(&path).unwrap().ends_with("xxx"));
}

#[tokio::test]
async fn temporary_files_of_a_killed_process_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let kept = key();
    store.create(&kept, &entry("text"), NOW).await.unwrap();
    let unfinished = path(folder.path(), &kept).with_extension("4711-0.tmp");
    fs::write(&unfinished, "half a fi").unwrap();
    fs::write(unfinished.with_file_name("readme.tmp"), "not ours").unwrap();
    assert_eq!(store.sweep(NOW, 10).await.unwrap(), 0);
    assert!(!unfinished.exists());
    assert!(unfinished.with_file_name("readme.tmp").exists());
    assert!(matches!(store.load(&kept, NOW).await.unwrap(), Loaded::Live(..)));
}

/// Sets a modification time in the year 1970, so that each sweep opens the file.
fn long_ago(path: &Path) {
    fs::File::options().write(true).open(path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
}

#[tokio::test]
async fn a_sweep_opens_only_files_that_may_have_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let (key, later) = (key(), NOW + LIFE + Duration::from_millis(1));
    store.create(&key, &entry("text"), NOW).await.unwrap();
    let path = path(folder.path(), &key);
    let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let written = modified(&path);
    // The file says that it has expired, but its modification time is unchanged, so it isn't
    // opened.
    let text = fs::read_to_string(&path).unwrap();
    let deadline = |at: Timestamp| format!(" {} ", at.unix_millis());
    let expired = text.replacen(&deadline(NOW + LIFE), &deadline(NOW), 1);
    assert_ne!(expired, text);
    fs::write(&path, &expired).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    assert_eq!(store.sweep(NOW + LIFE, 10).await.unwrap(), 0);
    // As written by an earlier release, or copied: opened once, and given its time.
    fs::write(&path, &text).unwrap();
    long_ago(&path);
    assert_eq!(store.sweep(NOW + LIFE, 10).await.unwrap(), 0);
    assert_eq!(modified(&path), written);
    // A touch moves the modification time, and a later sweep removes the file.
    let longer = later + LIFE;
    assert!(store.touch(&key, NOW, Some(longer), NOW).await.unwrap());
    assert_eq!(store.sweep(longer, 10).await.unwrap(), 0);
    assert_eq!(store.sweep(longer + Duration::from_millis(1), 10).await.unwrap(), 1);
    assert!(!path.exists());
}

#[tokio::test]
async fn files_of_an_earlier_release_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    for _ in 0..20 {
        let key = key();
        store.create(&key, &entry("text"), NOW).await.unwrap();
        long_ago(&path(folder.path(), &key));
    }
    assert_eq!(store.sweep(NOW + LIFE, 100).await.unwrap(), 0);
    assert_eq!(store.sweep(NOW + LIFE + LIFE, 100).await.unwrap(), 20);
}

#[tokio::test]
async fn a_sweep_goes_on_where_the_last_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::with_durability(folder.path(), Durability::ProcessEnd).unwrap();
    for _ in 0..50 {
        store.create(&key(), &entry("text"), NOW).await.unwrap();
    }
    let later = NOW + LIFE + LIFE;
    let mut left = 50;
    while left > 0 {
        let swept = store.sweep(later, 7).await.unwrap();
        assert_eq!(swept, left.min(7));
        left -= swept;
        assert_eq!(files(folder.path()).len(), left);
    }
    assert_eq!(store.sweep(later, 7).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_waits_for_the_lock_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let key = key();
    store.create(&key, &entry("text"), NOW).await.unwrap();
    let lock = fs::File::open(path(folder.path(), &key).with_file_name("lock")).unwrap();
    lock.lock().unwrap();
    let theirs = store.clone();
    let replace = tokio::spawn(async move { theirs.replace(&key, first("text"), &entry("new"), NOW).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!replace.is_finished());
    assert!(matches!(store.load(&key, NOW).await.unwrap(), Loaded::Live(..)), "readers don't wait for the lock");
    drop(lock);
    assert_eq!(replace.await.unwrap(), Replaced::Yes(nth(2, &entry("new"))));
}

/// A backup is restored while a request is in progress that has seen a later version.
#[tokio::test]
async fn a_restored_backup_is_not_written_over_by_a_request_from_before() {
    let (folder, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, key) = (FileStore::open(folder.path()).unwrap(), key());
    store.create(&key, &entry("before"), NOW).await.unwrap();
    let (live, copy) = (path(folder.path(), &key), backup.path().join("copy"));
    fs::copy(&live, &copy).unwrap();
    let Replaced::Yes(lost) = store.replace(&key, first("before"), &entry("lost"), NOW).await.unwrap() else {
        panic!("the session is not live")
    };
    fs::copy(&copy, &live).unwrap();
    let since = store.replace(&key, first("before"), &entry("since"), NOW).await.unwrap();
    assert!(matches!(since, Replaced::Yes(_)));
    assert_eq!(store.replace(&key, lost, &entry("slow"), NOW).await.unwrap(), Replaced::Conflict);
    assert_eq!(store.load(&key, NOW).await.unwrap(), Loaded::Live(nth(2, &entry("since")), entry("since")));
}

/// A disk of 64 KiB, for as long as this value lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path()).status();
        let mounted = mount.is_ok_and(|status| status.success());
        assert!(mounted, "this test mounts a tmpfs of 64 KiB as a full disk, and must be run by root");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_the_old_session_is_intact() {
    let disk = SmallDisk::new();
    let store = FileStore::open(disk.0.path()).unwrap();
    let (old, before) = (key(), entry("before"));
    store.create(&old, &before, NOW).await.unwrap();
    // The folder of the shard exists already, so that writing a file fails and not creating the
    // folder.
    let mut bytes = *old.as_bytes();
    bytes[31] ^= 1;
    let new = StoreKey::from_bytes(bytes);
    let large = entry(&"x".repeat(100_000));

    let error = store.replace(&old, first("before"), &large, NOW).await.unwrap_err();
    assert!(error.to_string().contains("writing a session's file: No space left"), "{error}");
    store.create(&new, &large, NOW).await.unwrap_err();
    store.cycle(&old, first("before"), &new, &large, NOW + LIFE, NOW).await.unwrap_err();
    assert_eq!(store.load(&old, NOW).await.unwrap(), Loaded::Live(first("before"), before.clone()));
    assert_eq!(store.load(&new, NOW).await.unwrap(), Loaded::Absent);
    assert_eq!(files(disk.0.path()), [hex(&old)], "no temporary file is left");

    // One page is free: a move that needs two fails halfway, and changes nothing.
    let page = |number: usize| disk.0.path().join(format!("page {number}"));
    let pages = (0..).take_while(|number| fs::write(page(*number), [0; 4096]).is_ok()).count();
    fs::remove_file(page(0)).unwrap();
    assert_eq!(store.create(&new, &entry("fits"), NOW).await.unwrap(), Created::Yes(first("fits")));
    assert!(store.end(&new, NOW).await.unwrap());
    let error = store.cycle(&old, first("before"), &new, &entry("moved"), NOW + LIFE, NOW).await.unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(store.load(&old, NOW).await.unwrap(), Loaded::Live(first("before"), before));
    assert_eq!(store.load(&new, NOW).await.unwrap(), Loaded::Absent);

    (1..pages).for_each(|number| fs::remove_file(page(number)).unwrap());
    let after = store.replace(&old, first("before"), &entry("after"), NOW).await.unwrap();
    assert_eq!(after, Replaced::Yes(nth(2, &entry("after"))));
    assert_eq!(store.create(&new, &entry("new"), NOW).await.unwrap(), Created::Yes(first("new")));
}
