//! Packed records: under the conformance suite, moved, damaged, with other keys, and from earlier
//! releases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{CookieHeader, StoreKey, Version, fresh_id};
use cloakroom_session::{Engine, Key, Keyring, Timestamp};
use cloakroom_store::store::{
    Cursor, Ended, Entry, Loaded, OwnedSession, Page, Replaced, Severity, Store, StoreError, Topic, all_owned,
    conformance::{Capabilities, assert_conforms},
    delegate_store,
};
use cloakroom_store::{Durability, FileStore, MemoryStore, PackedStore, Sessions, StoredSessions};

use crate::conformance::any;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const LIFE: Duration = Duration::from_secs(1200);

fn secret(byte: u8) -> Key {
    Key::new((0..32).map(|index| byte ^ index).collect::<Vec<_>>()).unwrap()
}

fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(NOW + LIFE))
}

fn owned_by(owner: &str, text: &str) -> Entry {
    entry(text).owner(Some(owner.to_owned()))
}

type Packed = PackedStore<MemoryStore>;

/// Wrappers around one store, as on several nodes.
fn plain(store: &Arc<MemoryStore>) -> Packed {
    PackedStore::new(Arc::clone(store))
}

fn sealed(store: &Arc<MemoryStore>, keyring: impl Into<Keyring>) -> Packed {
    plain(store).encrypt(keyring).unwrap()
}

fn new_and_old() -> Keyring {
    Keyring::new(secret(2)).previous(secret(1)).unwrap()
}

async fn put<S: Store>(store: &S, entry: &Entry) -> StoreKey {
    let key = key();
    store.create(&key, entry, NOW).await.unwrap();
    key
}

async fn load<S: Store>(store: &S, key: &StoreKey) -> Result<(Version, Entry), StoreError> {
    let Loaded::Live(version, entry) = store.load(key, NOW).await? else { panic!("nothing under {key:?}") };
    Ok((version, entry))
}

/// Returns the text that the wrapped store keeps under a key.
async fn inside<S: Store>(store: &S, key: &StoreKey) -> String {
    load(store, key).await.unwrap().1.text().to_string()
}

async fn keys_of<S: Store>(store: &S, owner: &str) -> Vec<StoreKey> {
    all_owned(store, owner, NOW).await.unwrap().into_iter().map(|OwnedSession { key, .. }| key).collect()
}

fn long() -> String {
    "a word and another one; ".repeat(100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_kind_of_packing_conforms() {
    let packed = || PackedStore::new(MemoryStore::new());
    let can = Capabilities::all().rounds(50);
    assert_conforms(any(packed()), can).await;
    assert_conforms(any(packed().compress_above(0)), can).await;
    assert_conforms(any(packed().encrypt(secret(1)).unwrap()), can).await;
    assert_conforms(any(packed().compress_above(0).encrypt(new_and_old()).unwrap().only_encrypted()), can).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn packed_stores_without_optional_operations_conform() {
    let folder = tempfile::tempdir().unwrap();
    let files = FileStore::with_durability(folder.path(), Durability::ProcessEnd).unwrap();
    let store = PackedStore::new(files).compress().encrypt(secret(1)).unwrap();
    assert_conforms(any(store), Capabilities::all().without_owners().without_end_before().rounds(20)).await;
}

#[tokio::test]
async fn the_wrapped_store_cannot_read_a_session() {
    let memory = Arc::new(MemoryStore::new());
    let factory = Arc::new(StoredSessions::new(sealed(&memory, secret(1))).build().unwrap());
    let clock = Arc::new(cloakroom_session::ManualClock::at(NOW));
    let engine = Arc::new(Engine::new(Arc::clone(&factory)).clock(Arc::clone(&clock)));
    let slot = SessionSlot::new(Arc::clone(&engine));
    let session = slot.open(CookieHeader::default()).await.unwrap();
    session.insert("favourite", "a green umbrella").unwrap();
    session.set_owner("alice@example.org");
    session.set_label("Firefox on Linux");
    session.flash("welcome back");
    let token = session.csrf_token().unwrap().expose().to_owned();
    slot.finish(200).await.unwrap();

    let page = memory.scan(None, 10, NOW).await.unwrap();
    let kept = format!("{:?} {} {:?}", page, page.sessions[0].entry.text(), page.sessions[0].entry.owner);
    let bytes = URL_SAFE_NO_PAD.decode(page.sessions[0].entry.text().strip_prefix("p1.").unwrap()).unwrap();
    let kept = format!("{kept} {}", String::from_utf8_lossy(&bytes));
    for secret in ["favourite", "umbrella", "alice", "example", "Firefox", "welcome", &token] {
        assert!(!kept.contains(secret), "{secret} is in {kept}");
    }
    // The application can read all of it.
    let sessions = Sessions::new(factory).clock(clock);
    let devices = sessions.list("alice@example.org").await.unwrap();
    assert_eq!(devices[0].label.as_deref(), Some("Firefox on Linux"));
    assert_eq!(sessions.end_all("alice@example.org").await.unwrap(), 1);
    assert!(memory.scan(None, 10, NOW).await.unwrap().sessions.is_empty());
}

#[tokio::test]
async fn equal_records_are_encrypted_differently() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let [one, other] = [put(&store, &entry("text")).await, put(&store, &entry("text")).await];
    assert_ne!(inside(&*memory, &one).await, inside(&*memory, &other).await);
    let before = inside(&*memory, &one).await;
    let (version, same) = load(&store, &one).await.unwrap();
    store.replace(&one, version, &same, NOW).await.unwrap();
    assert_ne!(inside(&*memory, &one).await, before, "a nonce is never used twice");
}

#[tokio::test]
async fn unreadable_records_are_errors_with_a_reason() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let key_id = secret(1).id().to_string();
    let text = inside(&*memory, &put(&store, &owned_by("user", "text")).await).await;
    let zipped = plain(&memory).compress_above(0);
    let compressed = inside(&*memory, &put(&zipped, &entry(&long())).await).await;
    let id_gone = format!("it is encrypted with key {key_id}, which isn't in the keyring");
    for (what, store, text, why) in [
        ("no keyring", plain(&memory), &text, "it is encrypted, and there is no keyring"),
        ("another key", sealed(&memory, secret(2)), &text, &id_gone[..]),
        ("another session's", sealed(&memory, secret(1)), &text, "its seal is broken, or was made for another session"),
        ("half of it", sealed(&memory, secret(1)), &text[..20].to_owned(), "it isn't packed in a way that"),
        ("no base64", plain(&memory), &"p1.!".to_owned(), "it isn't packed in a way that"),
        ("nothing", plain(&memory), &"p1.".to_owned(), "it isn't packed in a way that"),
        ("a later kind", plain(&memory), &"p1.BAAA".to_owned(), "it isn't packed in a way that"),
        ("half compressed", plain(&memory), &compressed[..43].to_owned(), "its compressed bytes are damaged"),
        ("plain", sealed(&memory, secret(1)).only_encrypted(), &"1c0;".to_owned(), "it isn't encrypted, and only"),
        ("compressed", sealed(&memory, secret(1)).only_encrypted(), &compressed, "it isn't encrypted, and only"),
    ] {
        let key = put(&*memory, &entry(text)).await;
        let error = load(&store, &key).await.unwrap_err();
        assert!(error.is_corrupt(), "{what}: {error}");
        assert!(error.to_string().contains(why), "{what}: {error}");
        assert!(error.to_string().contains(&key.prefix()), "{what}: {error}");
        let mut damaged = Vec::new();
        let mut after = None;
        loop {
            let page: Page = store.scan(after.as_ref(), 100, NOW).await.unwrap();
            assert!(!page.sessions.iter().any(|one| one.key == key), "{what}");
            let is_locked = ["no keyring", "another key"].contains(&what);
            assert_eq!(page.locked.iter().any(|one| one.key == key), is_locked, "{what}");
            damaged.extend(page.damaged.into_iter().chain(page.locked.into_iter().map(|one| one.key)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(damaged.contains(&key), "{what} is named by a walk");
        assert!(store.end(&key, NOW).await.unwrap(), "{what} can be ended");
    }
}

#[tokio::test]
async fn no_bit_of_an_encrypted_record_can_be_changed() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1)).compress_above(0);
    let key = put(&store, &entry("some text that is in it")).await;
    let text = inside(&*memory, &key).await;
    let bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (version, kept) = load(&*memory, &key).await.unwrap();
        let changed = kept.with_text(format!("p1.{}", URL_SAFE_NO_PAD.encode(changed)));
        memory.replace(&key, version, &changed, NOW).await.unwrap();
        assert!(load(&store, &key).await.unwrap_err().is_corrupt(), "bit {bit}");
    }
    let (version, kept) = load(&*memory, &key).await.unwrap();
    memory.replace(&key, version, &kept.with_text(text), NOW).await.unwrap();
    assert_eq!(&**load(&store, &key).await.unwrap().1.text(), "some text that is in it");
}

#[tokio::test]
async fn a_moved_session_opens_under_its_new_key() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let (old, new, other) = (put(&store, &owned_by("user", "text")).await, key(), key());
    let (version, entry) = load(&store, &old).await.unwrap();
    store.cycle(&old, version, &new, &entry, NOW + LIFE, NOW).await.unwrap();
    assert_eq!(load(&store, &new).await.unwrap().1, entry);
    // A record copied to another session is detected.
    let (_, kept) = load(&*memory, &new).await.unwrap();
    memory.create(&other, &kept, NOW).await.unwrap();
    let error = load(&store, &other).await.unwrap_err();
    assert!(error.to_string().contains("another session"), "{error}");
}

#[tokio::test]
async fn a_decompression_bomb_is_an_error() {
    use std::io::Write as _;
    let memory = Arc::new(MemoryStore::new());
    let store = plain(&memory).compress();
    for (bytes, opens) in [(4 << 20, true), ((4 << 20) + 1, false), (64 << 20, false)] {
        let mut zipped = flate2::write::ZlibEncoder::new(vec![1], flate2::Compression::best());
        zipped.write_all(&vec![b'x'; bytes]).unwrap();
        let text = format!("p1.{}", URL_SAFE_NO_PAD.encode(zipped.finish().unwrap()));
        let key = put(&*memory, &entry(&text)).await;
        match load(&store, &key).await {
            Ok((_, entry)) => assert!(opens && entry.text().len() == bytes, "{bytes} bytes"),
            Err(error) => assert!(!opens && error.to_string().contains("more than 4 MiB"), "{bytes} bytes: {error}"),
        }
    }
    // No such record is written.
    let key = put(&store, &entry(&"x".repeat((4 << 20) + 1))).await;
    assert_eq!(load(&store, &key).await.unwrap().1.text().len(), (4 << 20) + 1);
}

#[tokio::test]
async fn existing_records_are_read_and_packed_at_their_next_write() {
    let memory = Arc::new(MemoryStore::new());
    let before = put(&*memory, &owned_by("user", "1c5;")).await;
    let store = sealed(&memory, secret(1));
    let since = put(&store, &owned_by("user", "1c6;")).await;
    assert_eq!(keys_of(&store, "user").await, [before, since]);
    assert_eq!(store.count_owned("user", usize::MAX, NOW).await.unwrap(), 2);
    let (version, entry) = load(&store, &before).await.unwrap();
    assert_eq!(entry, owned_by("user", "1c5;"));
    store.replace(&before, version, &entry, NOW).await.unwrap();
    assert!(inside(&*memory, &before).await.starts_with("p1."));
    assert_eq!(load(&store, &before).await.unwrap().1, entry);
    assert_eq!(memory.count_owned("user", usize::MAX, NOW).await.unwrap(), 0, "no name is left in the index");
    // A node that is one deployment behind reads all of them, and writes plain ones.
    let behind = plain(&memory).decrypt(secret(1)).unwrap();
    let theirs = put(&behind, &owned_by("user", "1c7;")).await;
    assert_eq!(inside(&*memory, &theirs).await, "1c7;");
    for store in [&behind, &store] {
        let mut keys = keys_of(store, "user").await;
        let mut expected = vec![before, since, theirs];
        keys.sort();
        expected.sort();
        assert_eq!(keys, expected, "{store:?}");
    }
    assert_eq!(store.end_owned("user", None, 10, NOW).await.unwrap(), Ended::new(3, false));
}

#[tokio::test]
async fn unencrypted_records_can_be_refused_and_ended() {
    let memory = Arc::new(MemoryStore::new());
    let before = put(&*memory, &owned_by("user", "1c5;")).await;
    let store = sealed(&memory, secret(1)).only_encrypted();
    assert!(load(&store, &before).await.unwrap_err().is_corrupt());
    assert_eq!(keys_of(&store, "user").await, []);
    assert_eq!(store.count_owned("user", usize::MAX, NOW).await.unwrap(), 0);
    assert_eq!(store.end_owned("user", None, 10, NOW).await.unwrap().count, 1);
    assert_eq!(memory.load(&before, NOW).await.unwrap(), Loaded::Absent);
    // Without a sealing key, written records could not be read.
    for store in [plain(&memory).only_encrypted(), plain(&memory).decrypt(secret(1)).unwrap().only_encrypted()] {
        assert!(store.create(&key(), &entry("1c5;"), NOW).await.is_err(), "{store:?}");
        assert!(memory.is_empty());
    }
}

#[tokio::test]
async fn owners_are_found_while_keys_rotate() {
    let memory = Arc::new(MemoryStore::new());
    let old = sealed(&memory, Keyring::new(secret(1)).next(secret(2)).unwrap());
    let new = sealed(&memory, new_and_old());
    let mut all = vec![put(&*memory, &owned_by("user", "plain")).await];
    for (number, store) in [&old, &new].into_iter().cycle().take(10).enumerate() {
        all.push(put(store, &owned_by("user", &format!("text {number}"))).await);
    }
    put(&old, &owned_by("other", "text")).await;
    all.sort();
    for store in [&old, &new] {
        for limit in [1, 3, 5, 100] {
            let (mut keys, mut after) = (Vec::new(), None);
            for step in 0.. {
                assert!(step < 20, "the walk never ends");
                let page = store.owned("user", after.as_ref(), limit, NOW).await.unwrap();
                assert!(page.sessions.len() <= limit);
                keys.extend(page.sessions.into_iter().map(|OwnedSession { key, .. }| key));
                let Some(next) = page.next else { break };
                assert!(!next.as_str().contains("user"), "a cursor names the owner: {next}");
                after = Some(next);
            }
            keys.sort();
            assert_eq!(keys, all, "in pages of {limit}");
        }
        assert_eq!(store.count_owned("user", usize::MAX, NOW).await.unwrap(), 11);
    }
    // A record of the old key is sealed with the new one when it is written.
    let key = put(&old, &owned_by("user", "sealed by the old key")).await;
    let (version, entry) = load(&new, &key).await.unwrap();
    assert!(matches!(new.replace(&key, version, &entry, NOW).await.unwrap(), Replaced::Yes(_)));
    let alone = sealed(&memory, secret(2));
    assert_eq!(load(&alone, &key).await.unwrap().1, entry);
    assert!(keys_of(&alone, "user").await.contains(&key));
    // End all sessions but one, in steps.
    let (mut ended, mut steps) = (0, 0);
    loop {
        let step = new.end_owned("user", Some(&key), 2, NOW).await.unwrap();
        assert!(step.count <= 2);
        (ended, steps) = (ended + step.count, steps + 1);
        if !step.more {
            break;
        }
        assert!(steps < 20, "the steps never end");
    }
    assert_eq!(ended, 11);
    assert_eq!(keys_of(&new, "user").await, [key]);
    assert_eq!(new.count_owned("other", usize::MAX, NOW).await.unwrap(), 1);
}

/// A store in which another node writes a session after a given number of calls that end an owner's
/// sessions.
#[derive(Debug)]
struct Moving {
    inner: Arc<MemoryStore>,
    node: Packed,
    key: StoreKey,
    calls: AtomicUsize,
}

impl Store for Moving {
    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let ended = self.inner.end_owned(owner, keep, limit, now).await?;
        if self.calls.fetch_sub(1, Ordering::SeqCst) == 1
            && let Loaded::Live(version, entry) = self.node.load(&self.key, now).await?
        {
            self.node.replace(&self.key, version, &entry, now).await?;
        }
        Ok(ended)
    }

    delegate_store!(inner, except end_owned);
}

#[tokio::test]
async fn a_session_written_by_another_node_is_ended() {
    let rings = || [Keyring::new(secret(1)).next(secret(2)).unwrap(), new_and_old()];
    for (row, [first, second]) in [rings(), {
        let [old, new] = rings();
        [new, old]
    }]
    .into_iter()
    .enumerate()
    {
        for calls in 1..6 {
            let inner = Arc::new(MemoryStore::new());
            let key = put(&sealed(&inner, first.clone()), &owned_by("user", "text")).await;
            let node = sealed(&inner, second.clone());
            let moving = Moving { inner: Arc::clone(&inner), node, key, calls: AtomicUsize::new(calls) };
            let store = PackedStore::new(moving).encrypt(rings()[0].clone()).unwrap();
            while store.end_owned("user", None, 10, NOW).await.unwrap().more {}
            let left = inner.load(&key, NOW).await.unwrap();
            assert_eq!(left, Loaded::Absent, "row {row}, written after {calls} calls");
        }
    }
}

#[tokio::test]
async fn an_owner_named_like_a_hash_reaches_no_other_owner() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let key = put(&store, &owned_by("alice", "text")).await;
    let hash = load(&*memory, &key).await.unwrap().1.owner.unwrap();
    for store in [sealed(&memory, secret(1)), plain(&memory).decrypt(secret(1)).unwrap()] {
        assert_eq!(keys_of(&store, &hash).await, []);
        assert_eq!(store.count_owned(&hash, usize::MAX, NOW).await.unwrap(), 0);
        assert_eq!(store.end_owned(&hash, None, 10, NOW).await.unwrap(), Ended::new(0, false));
    }
    let own = put(&store, &owned_by(&hash, "of the odd owner")).await;
    assert_eq!(keys_of(&store, &hash).await, [own]);
    assert_eq!(keys_of(&store, "alice").await, [key]);
}

#[tokio::test]
async fn a_damaged_session_stays_in_its_owners_list() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let key = put(&store, &owned_by("user", "text")).await;
    let (version, kept) = load(&*memory, &key).await.unwrap();
    let damaged = kept.clone().with_text(kept.text().replace("p1.", "p1.A"));
    memory.replace(&key, version, &damaged, NOW).await.unwrap();
    let sessions = store.owned("user", None, 10, NOW).await.unwrap().sessions;
    assert_eq!((sessions.len(), sessions[0].key), (1, key));
    assert!(sessions[0].entry.record(&key).unwrap_err().is_corrupt());
    assert_eq!(sessions[0].entry.owner.as_deref(), Some("user"));
}

#[tokio::test]
async fn cursors_of_other_keys_are_errors() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, new_and_old());
    for number in 0..4 {
        put(&store, &owned_by("user", &format!("{number}"))).await;
    }
    let next = store.owned("user", None, 1, NOW).await.unwrap().next.unwrap();
    assert!(store.owned("user", Some(&next), 1, NOW).await.is_ok());
    assert!(sealed(&memory, secret(7)).owned("user", Some(&next), 1, NOW).await.is_err());
    let foreign = Cursor::new(format!("{}/nonsense", secret(2).id()));
    assert!(store.owned("user", Some(&foreign), 1, NOW).await.is_err());
}

#[tokio::test]
async fn only_long_compressible_records_are_compressed() {
    let memory = Arc::new(MemoryStore::new());
    let store = plain(&memory).compress();
    let mut noise = String::new();
    while noise.len() < 4096 {
        noise += &fresh_id().unwrap().expose();
    }
    let [threshold, more] = [1024, 1025].map(|length| "x".repeat(length));
    for (what, text, is_compressed) in [
        ("a short one", "1c5;", false),
        ("as long as the threshold", &threshold[..], false),
        ("one byte longer", &more, true),
        ("a repetitive one", &long(), true),
        ("random characters", &noise, false),
    ] {
        let key = put(&store, &entry(text)).await;
        let kept = inside(&*memory, &key).await;
        assert_eq!(kept != text, is_compressed, "{what}");
        assert!(kept.len() <= text.len(), "{what}");
        assert_eq!(&**load(&store, &key).await.unwrap().1.text(), text, "{what}");
        // It is still read without the option.
        assert_eq!(&**load(&plain(&memory), &key).await.unwrap().1.text(), text, "{what}");
    }
    assert!(inside(&*memory, &put(&store, &entry(&long())).await).await.len() < long().len() / 10);
    let both = sealed(&memory, secret(1)).compress();
    let key = put(&both, &entry(&long())).await;
    assert!(inside(&*memory, &key).await.len() < long().len() / 10);
    assert_eq!(**load(&both, &key).await.unwrap().1.text(), long());
    // The size overhead of encryption alone.
    let key = put(&sealed(&memory, secret(1)), &owned_by("user-42", &"x".repeat(300))).await;
    assert_eq!(inside(&*memory, &key).await.len(), 3 + (4 * (1 + 32 + 4 + 7 + 300_usize)).div_ceil(3));
}

#[tokio::test]
async fn a_text_that_looks_packed_comes_back_as_it_was() {
    let memory = Arc::new(MemoryStore::new());
    for store in [plain(&memory), plain(&memory).compress_above(0), sealed(&memory, secret(1))] {
        for text in ["p1.", "p1.AAAA", "p1.!"] {
            let key = put(&store, &entry(text)).await;
            assert_eq!(&**load(&store, &key).await.unwrap().1.text(), text, "{store:?}");
        }
    }
}

/// Written by the first release with packed records. All later releases must read them.
const VECTORS: [(&str, Option<&str>, &str); 4] = [
    (
        "as it is",
        None,
        "p1.ADFjMTcwMDAwMDAwMDAwMDt1NDp1c2VyazE6YXY2MDphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE",
    ),
    ("compressed", None, "p1.AXgBpcDBCQAgCAXQlfwQBb9pJDp1S3R-jw7gw8GSsn3Q7f4HakyhNiQa6B7z"),
    (
        "encrypted",
        Some("user"),
        "p1.Ah8bhuD7ZJ04w2ncIkc8smfDyG8DaFEre1A37CQMsecQmIErJ4GQcxZtPqwNrS7jCzvcT4xhjlDBaiaftF503JQhVe7knIl7eleApf03x4pUCTkaW1lY_vwQGSljo6rwwaorGztRJyAXCxhubKh5iLgnppQXDa-aG9sGf8Shy6GPgv2c",
    ),
    (
        "both",
        Some("user"),
        "p1.Ax8bhuCatiZ7l-r2zTC7bDDlf2CQ-ZNsmML-sJx_slf7TB5n_sh7tF-jLDzWueBroTUxDZhHSyD5xZEyBCC84zLzGFUKKzjWtBKgeZzRHJPzAONB",
    ),
];

/// The owner `user` in the index, with the same key.
const OWNER: &str = "p1.vE98QxVaJfqhUrqwp1bOoMMRPMuGxokL1FcZYm9wxdg";

#[tokio::test]
async fn vectors_of_version_1_open() {
    let memory = Arc::new(MemoryStore::new());
    let store = sealed(&memory, secret(1));
    let key = StoreKey::from_bytes([7; 32]);
    let text = format!("1c1700000000000;u4:userk1:av60:{}", "a".repeat(60));
    for (what, owner, kept) in VECTORS {
        memory.create(&key, &entry(kept), NOW).await.unwrap();
        let (_, entry) = load(&store, &key).await.unwrap();
        assert_eq!((&**entry.text(), entry.owner.as_deref()), (&text[..], owner), "{what}");
        memory.end(&key, NOW).await.unwrap();
    }
    memory.create(&key, &owned_by(OWNER, VECTORS[2].2), NOW).await.unwrap();
    assert_eq!(keys_of(&store, "user").await, [key]);
}

#[tokio::test]
async fn a_checkup_reports_the_packing_and_debug_shows_no_secret() {
    let memory = Arc::new(MemoryStore::new());
    let found = async |store: &Packed| {
        let checkup = store.checkup().await.unwrap();
        let findings = checkup.findings.into_iter().filter(|found| found.topic == Topic::Records);
        findings.map(|found| (found.severity, found.text)).collect::<Vec<_>>()
    };
    let ids = format!("{}, {}", secret(2).id(), secret(1).id());
    let encrypted =
        (Severity::Good, format!("records are encrypted; keys that open them, the one that seals first: {ids}"));
    let plain_too = (Severity::Note, "records that aren't encrypted are read, too".to_owned());
    let compressed = (Severity::Note, "records of more than 1024 bytes are compressed".to_owned());
    let only_read = (Severity::Note, "encrypted records are read, and new ones aren't encrypted".to_owned());
    for (store, expected) in [
        (plain(&memory), vec![]),
        (plain(&memory).compress(), vec![compressed.clone()]),
        (sealed(&memory, new_and_old()), vec![encrypted.clone(), plain_too]),
        (sealed(&memory, new_and_old()).only_encrypted().compress(), vec![encrypted, compressed]),
        (plain(&memory).decrypt(new_and_old()).unwrap(), vec![only_read]),
    ] {
        assert_eq!(found(&store).await, expected, "{store:?}");
    }
    let shown = format!("{:?}", sealed(&memory, new_and_old()));
    assert!(shown.contains(&secret(2).id().to_string()) && shown.contains("MemoryStore"), "{shown}");
}
