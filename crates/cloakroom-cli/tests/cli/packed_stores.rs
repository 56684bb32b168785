//! Packed records on every kind of store: the conformance suite, and owners while keys rotate.

use cloakroom::store::{Ended, Entry, Loaded, Replaced, Store as _, StoreKey, all_owned};
use cloakroom::{AnyStore, Key, Keyring, Packing, connect, connect_packed};
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_servers::{MariaDb, Postgres};

use crate::common::{entry, json, key, now, sqlite};

const KEYS: &str = "current AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\
    previous q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n";

fn secret(byte: u8) -> Key {
    Key::new((0..32).map(|index| byte ^ index).collect::<Vec<_>>()).unwrap()
}

async fn packed(url: &str, packing: Packing) -> AnyStore {
    connect_packed(url, packing).await.unwrap()
}

fn owned_by(owner: &str, number: usize) -> Entry {
    entry(number, 0).owner(Some(owner.to_owned()))
}

async fn put(store: &AnyStore, entry: &Entry) -> StoreKey {
    let key = key();
    store.create(&key, entry, now()).await.unwrap();
    key
}

async fn keys_of(store: &AnyStore, owner: &str) -> Vec<StoreKey> {
    let mut keys: Vec<_> = all_owned(store, owner, now()).await.unwrap().into_iter().map(|owned| owned.key).collect();
    keys.sort();
    keys
}

/// The suite, with records that are compressed and encrypted.
fn conforms(url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, KEYS).unwrap();
    let url = format!("{url}{}compress_above=0", if url.contains('?') { '&' } else { '?' });
    let report = json(0, &["conform", &url, "--rounds", "2", "--records-key-file", file.to_str().unwrap()]);
    assert_eq!(report["failed"], 0, "{report}");
    assert!(report["checks"].as_array().unwrap().len() > 50, "{report}");
}

/// A node with the old key in front and one with the new key, which open each other's records.
async fn nodes(url: &str) -> [AnyStore; 2] {
    let old = Keyring::new(secret(1)).next(secret(2)).unwrap();
    let new = Keyring::new(secret(2)).previous(secret(1)).unwrap();
    [packed(url, Packing::new().encrypt(old)).await, packed(url, Packing::new().encrypt(new)).await]
}

async fn records_open_while_keys_rotate(url: &str) {
    let [old, new] = nodes(url).await;
    let alone = packed(url, Packing::new().only_encrypted(secret(2))).await;
    let before = put(&connect(url).await.unwrap(), &entry(0, 0)).await;
    let key = put(&old, &entry(1, 0)).await;
    assert!(alone.load(&key, now()).await.unwrap_err().is_corrupt());
    assert!(alone.load(&before, now()).await.unwrap_err().is_corrupt());
    for key in [before, key] {
        let Loaded::Live(version, entry) = new.load(&key, now()).await.unwrap() else { panic!("not there") };
        assert!(matches!(new.replace(&key, version, &entry, now()).await.unwrap(), Replaced::Yes(_)));
        for store in [&old, &new, &alone] {
            let Loaded::Live(_, found) = store.load(&key, now()).await.unwrap() else { panic!("not there") };
            assert!(found == entry);
        }
        assert!(new.end(&key, now()).await.unwrap());
    }
}

async fn owners_are_found_while_keys_rotate(url: &str) {
    let [old, new] = nodes(url).await;
    let plain = connect(url).await.unwrap();
    let mut all = vec![put(&plain, &owned_by("user", 0)).await];
    for (number, store) in [&old, &new].into_iter().cycle().take(10).enumerate() {
        all.push(put(store, &owned_by("user", number)).await);
    }
    let other = put(&old, &owned_by("other", 0)).await;
    all.sort();
    for store in [&old, &new] {
        for limit in [1, 3, 100] {
            let (mut keys, mut after) = (Vec::new(), None);
            for step in 0.. {
                assert!(step < 30, "a walk ends");
                let page = store.owned("user", after.as_ref(), limit, now()).await.unwrap();
                keys.extend(page.sessions.into_iter().map(|owned| owned.key));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            keys.sort();
            keys.dedup();
            assert_eq!(keys, all, "in pages of {limit}");
        }
        assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 11);
    }
    // A write of the new node moves a session to the owner's new name.
    let key = put(&old, &owned_by("user", 11)).await;
    let Loaded::Live(version, entry) = new.load(&key, now()).await.unwrap() else { panic!("not there") };
    assert!(matches!(new.replace(&key, version, &entry, now()).await.unwrap(), Replaced::Yes(_)));
    let alone = packed(url, Packing::new().encrypt(secret(2))).await;
    assert!(keys_of(&alone, "user").await.contains(&key));
    // A sign-in moves one to another key.
    let (moved, deadline) = (crate::common::key(), now());
    let Loaded::Live(version, entry) = old.load(&key, now()).await.unwrap() else { panic!("not there") };
    let cycled = old.cycle(&key, version, &moved, &entry, deadline, now()).await.unwrap();
    assert!(matches!(cycled, Replaced::Yes(_)));
    assert!(keys_of(&new, "user").await.contains(&moved));
    // All are ended, in steps, but for one.
    let mut ended = 0;
    for step in 0.. {
        assert!(step < 30, "ending comes to an end");
        let Ended { count, more, .. } = new.end_owned("user", Some(&moved), 2, now()).await.unwrap();
        assert!(count <= 2);
        ended += count;
        if !more {
            break;
        }
    }
    assert_eq!(ended, 11);
    assert_eq!(keys_of(&new, "user").await, [moved]);
    assert_eq!(keys_of(&new, "other").await, [other]);
}

async fn everything(url: &str) {
    records_open_while_keys_rotate(url).await;
    owners_are_found_while_keys_rotate(url).await;
    conforms(url);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_sqlite_and_files() {
    let folder = tempfile::tempdir().unwrap();
    everything(&sqlite(folder.path(), "sessions.db")).await;
    // A folder has no list of an owner's sessions.
    let files = format!("file:{}", folder.path().join("sessions").display());
    records_open_while_keys_rotate(&files).await;
    conforms(&files);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_postgres() {
    everything(&Postgres::start().url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_mariadb() {
    everything(&MariaDb::start().url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_redis() {
    everything(&Redis::with(&["--appendfsync", "everysec"]).url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_cluster() {
    let cluster = Cluster::start();
    let hosts: Vec<String> =
        cluster.urls().iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/').to_owned()).collect();
    everything(&format!("redis+cluster://{}", hosts.join(","))).await;
}
