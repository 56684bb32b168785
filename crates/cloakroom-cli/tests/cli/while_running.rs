//! `migrate` while an application writes: no write is lost, none is overwritten, and no ended
//! session returns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom::store::{Entry, Loaded, Replaced, Store as _, StoreKey};
use cloakroom::{AnyStore, connect};
use cloakroom_servers::redis::Redis;

use crate::common::{all, entries, entry, fill, key, now, sqlite};
use crate::migrate::migrate;

/// The acknowledged operations of an application.
#[derive(Debug, Default)]
struct Done {
    /// The last acknowledged text.
    written: BTreeMap<StoreKey, String>,
    ended: Vec<StoreKey>,
    /// Old keys of sessions that have moved to another key.
    moved: Vec<StoreKey>,
}

/// Simulates visitors who arrive, write, sign in and sign out, until told to stop.
async fn application(store: AnyStore, mut keys: Vec<StoreKey>, stop: Arc<AtomicBool>, front: &'static str) -> Done {
    let mut done = Done::default();
    let mut number = 0_usize;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let place = number * 7 % keys.len();
        let key_now = keys[place];
        let text = |entry: &Entry| entry.clone().with_text(format!("{}{front}{number}", entry.text()));
        match number % 8 {
            0 => {
                let (key, entry) = (key(), text(&entry(number, 0)));
                store.create(&key, &entry, now()).await.unwrap();
                done.written.insert(key, entry.text().to_string());
                keys.push(key);
            }
            1 => {
                if store.end(&key_now, now()).await.unwrap() {
                    done.written.remove(&key_now);
                    done.ended.push(key_now);
                }
                keys.swap_remove(place);
            }
            2 => {
                let Loaded::Live(version, there) = store.load(&key_now, now()).await.unwrap() else { continue };
                let (new, entry) = (key(), text(&there));
                let grace = now() + Duration::from_secs(10);
                if let Replaced::Yes(_) = store.cycle(&key_now, version, &new, &entry, grace, now()).await.unwrap() {
                    done.written.remove(&key_now);
                    done.moved.push(key_now);
                    done.written.insert(new, entry.text().to_string());
                    keys[place] = new;
                }
            }
            3 => {
                let Loaded::Live(_, there) = store.load(&key_now, now()).await.unwrap() else { continue };
                let later = there.deadline.map(|deadline| deadline + Duration::from_secs(5));
                store.touch(&key_now, now(), later, now()).await.unwrap();
            }
            _ => {
                let Loaded::Live(version, there) = store.load(&key_now, now()).await.unwrap() else { continue };
                let entry = text(&there);
                match store.replace(&key_now, version, &entry, now()).await.unwrap() {
                    Replaced::Yes(_) => {
                        done.written.insert(key_now, entry.text().to_string());
                    }
                    // The migration updated the session between load and write, and a request would
                    // replay its changes. Or the migration ended a session that had ended at the
                    // source.
                    Replaced::Conflict | Replaced::Gone => {}
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copied_switched_and_copied_again() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Redis::with(&["--appendfsync", "everysec"]));
    let (from, to) = (sqlite(folder.path(), "from.db"), server.url());
    let (source, target) = (connect(&from).await.unwrap(), connect(&to).await.unwrap());
    let keys = fill(&source, 2_000).await;
    let journal = folder.path().join("journal");
    let run = |code| {
        let (from, to, journal) = (from.clone(), to.clone(), journal.clone());
        tokio::task::spawn_blocking(move || migrate(code, &from, &to, &journal))
    };

    // The application uses the source during two runs.
    let stop = Arc::new(AtomicBool::new(false));
    let busy = tokio::spawn(application(source.clone(), keys.clone(), Arc::clone(&stop), " at the source "));
    let first = run(0).await.unwrap();
    let second = run(0).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    let before = busy.await.unwrap();
    assert!(first["copied"].as_u64().unwrap() >= 1_900, "{first}");
    assert!(
        second["updated"].as_u64().unwrap() + second["ended"].as_u64().unwrap() > 0,
        "the application was busy: {second}"
    );

    // The application is switched over and continues with the target's sessions, while the last run
    // is in progress.
    let stop = Arc::new(AtomicBool::new(false));
    let here: Vec<StoreKey> = all(&target).await.into_keys().collect();
    let busy = tokio::spawn(application(target.clone(), here, Arc::clone(&stop), " at the target "));
    let third = run_to_the_end(&run).await;
    stop.store(true, Ordering::SeqCst);
    let after = busy.await.unwrap();
    let last = run_to_the_end(&run).await;
    assert_eq!(last["copied"], 0, "{last}");

    let there = entries(&target).await;
    let ended_before: Vec<&StoreKey> = before.ended.iter().chain(&before.moved).collect();
    for (key, text) in after.written.iter().filter(|(key, _)| !ended_before.contains(key)) {
        assert_eq!(
            there.get(key).map(|entry| &**entry.text()),
            Some(text.as_str()),
            "writes acknowledged at the target are kept: {third}"
        );
    }
    for key in after.ended.iter().chain(&after.moved) {
        assert!(!there.contains_key(key), "a session that ended at the target stays ended");
    }
    let gone: Vec<&StoreKey> = after.ended.iter().chain(&after.moved).collect();
    for (key, text) in before.written.iter().filter(|(key, _)| !gone.contains(key) && !after.written.contains_key(*key))
    {
        assert_eq!(
            there.get(key).map(|entry| &**entry.text()),
            Some(text.as_str()),
            "writes acknowledged at the source were copied"
        );
    }
    for key in before.ended.iter().chain(&before.moved).filter(|key| !after.written.contains_key(*key)) {
        assert!(!there.contains_key(key), "a session that ended at the source does not return");
    }
    let sources = entries(&source).await;
    for (key, entry) in there.iter().filter(|(key, _)| !after.written.contains_key(*key)) {
        if let Some(here) = sources.get(key) {
            assert!(entry.text() == here.text(), "sessions that the application did not touch are unchanged");
        }
    }
}

/// Sessions that ended at the target while the source still has them need attention: the exit code
/// may be 0 or 3.
async fn run_to_the_end<F: Future<Output = Result<serde_json::Value, tokio::task::JoinError>>>(
    run: &impl Fn(i32) -> F,
) -> serde_json::Value {
    run(3).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_deadline_becomes_later_than_at_the_source() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Redis::with(&["--appendfsync", "everysec"]));
    let (from, to) = (sqlite(folder.path(), "from.db"), server.url());
    let (source, target) = (connect(&from).await.unwrap(), connect(&to).await.unwrap());
    let keys = fill(&source, 60).await;
    let journal = folder.path().join("journal");
    migrate(0, &from, &to, &journal);
    assert!(entries(&source).await == entries(&target).await);
    // Since then: used, shortened, and expired.
    for (number, key) in keys.iter().enumerate() {
        let Loaded::Live(version, there) = source.load(key, now()).await.unwrap() else { panic!("not there") };
        match number % 3 {
            0 => assert!(source.touch(key, now(), Some(now() + Duration::from_secs(9_000)), now()).await.unwrap()),
            1 => {
                let mut shorter = there.with_text("shorter");
                shorter.deadline = Some(now() + Duration::from_secs(60));
                assert!(matches!(source.replace(key, version, &shorter, now()).await.unwrap(), Replaced::Yes(_)));
            }
            _ => {}
        }
    }
    let report = migrate(0, &from, &to, &journal);
    assert_eq!(
        (&report["touched"], &report["updated"], &report["same"]),
        (&20.into(), &20.into(), &20.into()),
        "{report}"
    );
    assert!(entries(&source).await == entries(&target).await);
}
