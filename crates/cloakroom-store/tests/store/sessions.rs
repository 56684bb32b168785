//! Listing and ending the sessions of an owner.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::Session;
use cloakroom_store::store::{Loaded, Store as _};
use cloakroom_store::{FileStore, Sessions, StoredSessions};

use crate::faulty::{App, Faulty, Mode, NOW, key_of};

/// An application with three sessions of `ann`, oldest first, and one of `bob`.
async fn signed_in() -> (App<Faulty>, Sessions<Faulty>, [String; 3], String) {
    let app = App::new(Faulty::new());
    let mut cookies = Vec::new();
    for (owner, label) in [("ann", "Firefox"), ("ann", "Chrome"), ("ann", "Safari"), ("bob", "Lynx")] {
        let sign_in = |session: &Session| {
            session.set_owner(owner);
            session.set_label(label);
        };
        cookies.push(app.visit("", sign_in).await);
        app.clock.advance(Duration::from_secs(1));
    }
    let sessions = Sessions::new(Arc::clone(&app.sessions)).clock(Arc::clone(&app.clock));
    let [first, second, third, bobs] = cookies.try_into().unwrap();
    (app, sessions, [first, second, third], bobs)
}

async fn is_live(app: &App<Faulty>, cookie: &str) -> bool {
    matches!(app.sessions.store().inner.load(&key_of(cookie), NOW).await.unwrap(), Loaded::Live(..))
}

#[tokio::test]
async fn a_list_says_what_a_page_needs() {
    let (app, sessions, anns, _) = signed_in().await;
    app.clock.advance(Duration::from_secs(300));
    app.visit(&anns[1], |_| ()).await;
    let request = app.request(&anns[1]).await.unwrap();
    let devices = sessions.list("ann").await.unwrap();
    let labels: Vec<_> = devices.iter().map(|device| device.label.as_deref().unwrap()).collect();
    assert_eq!(labels, ["Firefox", "Chrome", "Safari"]);
    let ages: Vec<_> = devices.iter().map(|device| device.created.since(NOW).as_secs()).collect();
    assert_eq!(ages, [0, 1, 2]);
    assert_eq!(devices[1].touched.since(NOW).as_secs(), 304, "a visit touched it");
    let current: Vec<_> = devices.iter().map(|device| device.is_current(&request.session)).collect();
    assert_eq!(current, [false, true, false]);
    assert_eq!(devices[0].prefix(), key_of(&anns[0]).prefix());
    assert_eq!(sessions.list("nobody").await.unwrap(), []);
}

#[tokio::test]
async fn an_owner_ends_own_sessions_only() {
    let (app, sessions, anns, bobs) = signed_in().await;
    assert!(!sessions.end("ann", &key_of(&bobs).prefix()).await.unwrap(), "bob's session");
    for prefix in ["", "0", "../..", &"f".repeat(64)] {
        assert!(!sessions.end("ann", prefix).await.unwrap(), "{prefix:?}");
    }
    assert!(is_live(&app, &bobs).await);
    assert!(sessions.end("ann", &key_of(&anns[0]).prefix()).await.unwrap());
    assert!(!sessions.end("ann", &key_of(&anns[0]).prefix()).await.unwrap(), "a second time");
    assert!(!is_live(&app, &anns[0]).await && is_live(&app, &anns[1]).await);
    assert!(app.request(&anns[0]).await.unwrap().session.is_new());
}

#[tokio::test]
async fn all_others_end_and_then_all() {
    let (app, sessions, anns, bobs) = signed_in().await;
    let request = app.request(&anns[2]).await.unwrap();
    assert_eq!(sessions.end_others("ann", &request.session).await.unwrap(), 2);
    assert_eq!(sessions.list("ann").await.unwrap().len(), 1);
    assert!(is_live(&app, &anns[2]).await);
    assert_eq!(sessions.end_others("ann", &request.session).await.unwrap(), 0);
    assert_eq!(sessions.end_all("ann").await.unwrap(), 1);
    assert_eq!(sessions.end_all("ann").await.unwrap(), 0);
    assert!(is_live(&app, &bobs).await);
    // The request in progress writes, and revives nothing.
    request.session.insert("cart", 1).unwrap();
    assert_eq!(request.finish().await.unwrap(), [""; 0]);
    assert_eq!(sessions.list("ann").await.unwrap(), []);
}

#[tokio::test]
async fn everybody_ends_who_came_before() {
    let (app, sessions, anns, bobs) = signed_in().await;
    assert_eq!(sessions.end_everyone_before(NOW + Duration::from_secs(2)).await.unwrap(), 2);
    assert!(!is_live(&app, &anns[1]).await && is_live(&app, &anns[2]).await && is_live(&app, &bobs).await);
}

#[tokio::test]
async fn a_damaged_session_is_listed_as_such_and_can_be_ended() {
    let (app, sessions, anns, _) = signed_in().await;
    let store = &app.sessions.store().inner;
    let Loaded::Live(version, mut entry) = store.load(&key_of(&anns[0]), NOW).await.unwrap() else { panic!() };
    entry = entry.with_text("not a record");
    store.replace(&key_of(&anns[0]), version, &entry, NOW).await.unwrap();
    let devices = sessions.list("ann").await.unwrap();
    assert_eq!(devices.iter().filter(|device| device.is_damaged).count(), 1);
    assert!(devices[0].is_damaged && devices[0].label.is_none());
    assert!(sessions.end("ann", &devices[0].prefix()).await.unwrap());
    assert_eq!(sessions.list("ann").await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_hangs_or_cant_says_so() {
    let (app, sessions, anns, _) = signed_in().await;
    let request = app.request(&anns[0]).await.unwrap();
    for mode in [Mode::Down, Mode::Hangs] {
        app.sessions.store().be(mode);
        let began = tokio::time::Instant::now();
        let errors = [
            sessions.list("ann").await.unwrap_err(),
            sessions.end("ann", "00000000").await.unwrap_err(),
            sessions.end_others("ann", &request.session).await.unwrap_err(),
            sessions.end_all("ann").await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.status() == 503));
        assert!(began.elapsed() < Duration::from_secs(9), "2 seconds each");
        // This one walks through the whole store.
        assert_eq!(sessions.end_everyone_before(NOW).await.unwrap_err().status(), 503);
        assert!(began.elapsed() < Duration::from_secs(610), "plus ten minutes");
    }
    assert!(app.sessions.store().calls.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_store_without_an_index_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let factory = StoredSessions::new(FileStore::open(folder.path()).unwrap()).build().unwrap();
    let sessions = Sessions::new(Arc::new(factory));
    let session = Session::for_tests();
    let errors = [
        sessions.list("ann").await.unwrap_err(),
        sessions.end("ann", "00000000").await.unwrap_err(),
        sessions.end_others("ann", &session).await.unwrap_err(),
        sessions.end_all("ann").await.unwrap_err(),
        sessions.end_everyone_before(NOW).await.unwrap_err(),
    ];
    for error in errors {
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.is_unsupported() && why.contains("doesn't support"), "{error}: {why}");
        assert_eq!((error.status(), error.retry_after()), (500, None), "trying again won't help");
    }
}
