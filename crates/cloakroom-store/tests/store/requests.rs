//! Requests with a store: slow requests, detached sessions, id collisions, and stores that are
//! down.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::{ConflictPolicy, Session};
use cloakroom_store::store::{Entry, Loaded, Store as _, all_owned};
use cloakroom_store::{AtLimit, MemoryStore};

use crate::faulty::{App, Faulty, Mode, NOW, key_of, somebody_elses};

const ROUNDS: usize = 1000;
const NONE: [&str; 0] = [];

type Act = fn(&Session);

/// The changes made by slow requests.
const SLOW: [(&str, Act); 9] = [
    ("insert", |session| session.insert("slow", 1).unwrap()),
    ("update", |session| session.update("count", |count: &mut u32| *count += 1).unwrap()),
    ("remove", |session| assert!(session.remove("count"))),
    ("flash", |session| session.flash("slow")),
    ("pop", |session| assert_eq!(session.pop_flash::<String>(), ["waiting"])),
    ("cycle", Session::cycle_id),
    ("sign in", |session| session.set_owner("slow")),
    ("remember", |session| session.remember(Duration::from_secs(86_400))),
    ("changed", Session::changed),
];

async fn begun(app: &App<MemoryStore>) -> String {
    app.visit("", |session| {
        session.insert("count", 0).unwrap();
        session.flash("waiting");
    })
    .await
}

/// Runs slow requests, and runs `meanwhile` between the start and the end of each.
async fn slow(meanwhile: impl AsyncFn(&App<MemoryStore>, &str) -> Option<String>) {
    for (what, act) in SLOW.iter().cycle().take(ROUNDS) {
        let app = App::new(Arc::new(MemoryStore::new()));
        let cookie = begun(&app).await;
        let request = app.request(&cookie).await.unwrap();
        act(&request.session);
        let newer = meanwhile(&app, &cookie).await;
        let store = app.sessions.store();
        let now = cloakroom_session::Clock::now(&*app.clock);
        let before = match &newer {
            Some(cookie) => Some(store.load(&key_of(cookie), now).await.unwrap()),
            None => None,
        };
        let entries = store.len();
        assert_eq!(request.finish().await.unwrap(), NONE, "{what}: a cookie was sent");
        assert!(!matches!(store.load(&key_of(&cookie), now).await.unwrap(), Loaded::Live(..)), "{what}: revived");
        assert_eq!(store.len(), entries, "{what}: something was created");
        if let Some(cookie) = &newer {
            let after = store.load(&key_of(cookie), now).await.unwrap();
            assert!(matches!(after, Loaded::Live(..)));
            assert_eq!(Some(after), before, "{what}: the newer session was changed");
        }
        assert_eq!(app.sessions.stats().dropped, 1, "{what}: the dropped commit is counted");
    }
}

#[tokio::test]
async fn slow_requests_after_a_logout_are_dropped() {
    slow(async |app, cookie| {
        app.visit(cookie, Session::invalidate).await;
        None
    })
    .await;
}

#[tokio::test]
async fn slow_requests_after_a_sign_in_elsewhere_are_dropped() {
    slow(async |app, cookie| Some(app.visit(cookie, |session| session.set_owner("ann")).await)).await;
}

#[tokio::test]
async fn slow_requests_after_a_logout_and_a_new_sign_in_are_dropped() {
    slow(async |app, cookie| {
        let sign_in_anew = |session: &Session| {
            session.invalidate();
            session.set_owner("ann");
        };
        Some(app.visit(cookie, sign_in_anew).await)
    })
    .await;
}

#[tokio::test]
async fn slow_requests_after_expiry_are_dropped() {
    slow(async |app, _| {
        app.clock.advance(Duration::from_millis(20 * 60 * 1000 + 1));
        None
    })
    .await;
}

/// Both requests end at the same moment, on two threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_that_races_a_write_is_final() {
    for (what, act) in SLOW.iter().cycle().take(ROUNDS) {
        let app = App::new(Arc::new(MemoryStore::new()));
        let cookie = begun(&app).await;
        let (write, logout) = (app.request(&cookie).await.unwrap(), app.request(&cookie).await.unwrap());
        act(&write.session);
        logout.session.invalidate();
        let (write, logout) = (tokio::spawn(write.finish()), tokio::spawn(logout.finish()));
        let (write, logout) = (write.await.unwrap().unwrap(), logout.await.unwrap().unwrap());
        assert_eq!(logout, ["session="]);
        for cookie in write.iter().chain([&cookie]) {
            let session = app.request(cookie).await.unwrap().session;
            assert!(session.is_new() && session.is_empty(), "{what}: {cookie} still opens the session");
        }
    }
}

#[tokio::test]
async fn an_id_that_moved_is_silent_until_somebody_signs_in() {
    for (what, act) in [
        ("nothing", (|_| ()) as Act),
        ("insert", |session| session.insert("late", 1).unwrap()),
        ("flash", |session| session.flash("late")),
        ("token", |session| drop(session.csrf_token().unwrap())),
        ("label", |session| session.set_label("late")),
        ("changed", Session::changed),
        ("remember", |session| session.remember(Duration::from_secs(60))),
    ] {
        let app = App::new(Arc::new(MemoryStore::new()));
        let old = begun(&app).await;
        let new = app.visit(&old, |session| session.set_owner("ann")).await;
        assert_ne!(old, new);
        app.clock.advance(Duration::from_secs(10));
        let request = app.request(&old).await.unwrap();
        assert!(request.session.is_empty() && request.session.id().is_none() && request.session.owner().is_none());
        act(&request.session);
        assert_eq!(request.finish().await.unwrap(), NONE, "{what}");
        assert_eq!(app.sessions.store().len(), 2, "{what}: the new session and the tombstone");
        let session = app.request(&new).await.unwrap().session;
        assert_eq!((session.owner().as_deref(), session.len()), (Some("ann"), 1), "{what}");
    }
}

/// The browser may have both ids in flight. A sign-out with either must have the same effect.
#[tokio::test]
async fn signing_out_with_an_id_that_moved_ends_the_session_where_it_is() {
    let write_after = |session: &Session| {
        session.invalidate();
        session.insert("theme", "dark").unwrap();
    };
    for (what, moves, act, begins) in [
        ("moved once", 1, Session::invalidate as Act, false),
        ("moved twice", 2, Session::invalidate, false),
        ("and starts a new session", 1, write_after, true),
    ] {
        let app = App::new(Arc::new(MemoryStore::new()));
        let old = begun(&app).await;
        let mut new = app.visit(&old, |session| session.set_owner("ann")).await;
        for _ in 1..moves {
            new = app.visit(&new, Session::cycle_id).await;
        }
        let request = app.request(&old).await.unwrap();
        assert!(request.session.is_empty(), "{what}: it shows no data");
        act(&request.session);
        let cookies = request.finish().await.unwrap();
        assert_eq!(cookies.len(), 1, "{what}: {cookies:?}");
        assert_eq!(cookies[0] != "session=", begins, "{what}: the browser's newer cookie is invalid too");
        let session = app.request(&new).await.unwrap().session;
        assert!(session.is_new() && session.is_empty(), "{what}: ended under its new id");
        if begins {
            let session = app.request(&cookies[0]).await.unwrap().session;
            assert_eq!((session.keys(), session.owner()), (vec!["theme".to_owned()], None), "{what}: no data of ann's");
        }

        // A second time: nothing is there, and the browser may have signed in again.
        let request = app.request(&old).await.unwrap();
        request.session.invalidate();
        assert_eq!(request.finish().await.unwrap(), NONE, "{what}: the second time");
    }
}

#[tokio::test]
async fn a_second_sign_out_sends_no_removal_cookie() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let cookie = begun(&app).await;
    let (first, second) = (app.request(&cookie).await.unwrap(), app.request(&cookie).await.unwrap());
    first.session.invalidate();
    second.session.invalidate();
    assert_eq!(first.finish().await.unwrap(), ["session="]);
    assert_eq!(second.finish().await.unwrap(), NONE, "the second sign-out ended nothing");
}

#[tokio::test]
async fn who_signs_in_over_another_owner_gets_nothing_of_theirs() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let sign_in = |session: &Session| {
        session.set_owner("ann");
        session.insert("is_admin", true).unwrap();
        session.flash("for ann");
        session.set_label("ann's browser");
    };
    let anns = app.visit("", sign_in).await;
    let anns_token = app.request(&anns).await.unwrap().session.csrf_token().unwrap();
    let request = app.request(&anns).await.unwrap();
    request.session.insert("just now", 1).unwrap();
    request.session.set_owner("bob");
    request.session.insert("theme", "dark").unwrap();
    let cookies = request.finish().await.unwrap();
    assert!(cookies.len() == 1 && cookies[0] != anns, "{cookies:?}");

    let session = app.request(&cookies[0]).await.unwrap().session;
    assert_eq!((session.keys(), session.owner().as_deref()), (vec!["theme".to_owned()], Some("bob")));
    assert!(session.peek_flash::<String>().is_empty() && session.csrf_token().unwrap() != anns_token);
    assert!(app.request(&anns).await.unwrap().session.is_new(), "ann's session has ended");
    assert!(all_owned(app.sessions.store().as_ref(), "ann", NOW).await.unwrap().is_empty());

    // Bob's session continues when bob signs in again.
    let again = app.visit(&cookies[0], |session| session.set_owner("bob")).await;
    assert_eq!(app.request(&again).await.unwrap().session.keys(), ["theme"]);
}

/// If the store fails in between, the safe half has been done.
#[tokio::test]
async fn the_old_session_ends_before_the_new_one_begins() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    let cookie = app.visit("", |session| session.set_owner("ann")).await;
    let request = app.request(&cookie).await.unwrap();
    request.session.invalidate();
    request.session.flash("You are signed out.");
    // Every id is taken, so no session can be created.
    store.be(Mode::Taken(usize::MAX));
    assert_eq!(request.finish().await.unwrap_err().status(), 503);
    store.be(Mode::Works);
    assert!(app.request(&cookie).await.unwrap().session.is_new(), "signed out");
}

#[tokio::test]
async fn a_sign_in_with_a_moved_id_creates_a_new_session() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let old = begun(&app).await;
    let anns = app.visit(&old, |session| session.set_owner("ann")).await;
    let bobs = app.visit(&old, |session| session.set_owner("bob")).await;
    assert!(bobs != old && bobs != anns);
    let session = app.request(&bobs).await.unwrap().session;
    assert_eq!(session.owner().as_deref(), Some("bob"));
    assert!(session.is_empty(), "no data of ann's");
    assert_eq!(app.request(&anns).await.unwrap().session.owner().as_deref(), Some("ann"));
    // After the grace time, the old id is unknown.
    app.clock.advance(Duration::from_millis(10_001));
    let fresh = app.visit(&old, |session| session.insert("late", 1).unwrap()).await;
    assert!(fresh != old && fresh != anns && fresh != bobs);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_or_hangs_is_a_503_in_time() {
    let app = App::new(Faulty::new());
    let cookie = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    let store = Arc::clone(app.sessions.store());
    for mode in [Mode::Down, Mode::Hangs] {
        let under_way = app.request(&cookie).await.unwrap();
        under_way.session.insert("cart", 2).unwrap();
        let leaving = app.request(&cookie).await.unwrap();
        leaving.session.invalidate();
        store.be(mode);
        let began = tokio::time::Instant::now();
        let error = app.request(&cookie).await.err().unwrap();
        assert_eq!((error.status(), error.retry_after().is_some()), (503, true), "{mode:?}: open");
        assert!(began.elapsed() <= Duration::from_secs(2) + Duration::from_millis(10), "{mode:?}: open in time");
        for (what, request) in [("write", under_way), ("logout", leaving)] {
            let began = tokio::time::Instant::now();
            let error = request.finish().await.unwrap_err();
            assert_eq!(error.status(), 503, "{mode:?}: {what}");
            assert!(began.elapsed() <= Duration::from_secs(2) + Duration::from_millis(10), "{mode:?}: {what} in time");
        }
        // A request that has no session or doesn't use it is not affected.
        let calls = store.calls.load(Ordering::SeqCst);
        assert_eq!(app.visit("", |_| ()).await, "");
        let untouched = app.request("").await.unwrap();
        drop(untouched.slot.finish(200).await.unwrap());
        assert_eq!(store.calls.load(Ordering::SeqCst), calls);

        store.be(Mode::Works);
        let session = app.request(&cookie).await.unwrap().session;
        assert_eq!(session.get("cart").unwrap(), Some(1), "{mode:?}: as before the outage");
    }
}

#[tokio::test]
async fn a_damaged_record_is_an_error_and_stays() {
    let app = App::new(Faulty::new());
    let cookie = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    let (store, key) = (&app.sessions.store().inner, key_of(&cookie));
    let slow = app.request(&cookie).await.unwrap();
    let Loaded::Live(version, entry) = store.load(&key, NOW).await.unwrap() else { panic!() };
    for text in ["", "{", "garbage", &entry.text()[..entry.text().len() / 2], "\u{0}"] {
        let Loaded::Live(version, _) = store.load(&key, NOW).await.unwrap() else { panic!() };
        let damaged = Entry::new(text.into(), NOW, NOW, None);
        store.replace(&key, version.clone(), &damaged, NOW).await.unwrap();
        let error = app.request(&cookie).await.err().unwrap();
        assert!(error.is_corrupt() && error.status() == 500, "{text:?}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(&key.prefix()), "{source}");
        assert_eq!(
            store.load(&key, NOW).await.unwrap(),
            Loaded::Live(damaged.next_version(Some(&version)), damaged),
            "{text:?}"
        );
    }
    // A request that read the record before it was damaged gets the error on commit.
    assert_ne!(version, cloakroom_session::factory::Version::new(0));
    slow.session.insert("cart", 2).unwrap();
    assert!(slow.finish().await.unwrap_err().is_corrupt());
}

#[tokio::test]
async fn the_strict_policy_refuses_what_another_request_changed() {
    for (what, mine, theirs, conflict) in
        [("the same key", "cart", "cart", true), ("another key", "cart", "theme", false)]
    {
        let app = App::with(Arc::new(MemoryStore::new()), |sessions| sessions.conflicts(ConflictPolicy::Strict));
        let cookie = begun(&app).await;
        let request = app.request(&cookie).await.unwrap();
        request.session.insert(mine, "mine").unwrap();
        request.session.insert("also", "mine").unwrap();
        app.visit(&cookie, |session| session.insert(theirs, "theirs").unwrap()).await;
        let finished = request.finish().await;
        let session = app.request(&cookie).await.unwrap().session;
        assert_eq!(finished.as_ref().is_err_and(cloakroom_session::Error::is_conflict), conflict, "{what}");
        assert_eq!(session.get::<String>(theirs).unwrap().as_deref(), Some("theirs"), "{what}");
        assert_eq!(session.contains_key("also"), !conflict, "{what}: all or nothing");
        if let Err(error) = finished {
            assert_eq!((error.key(), error.status()), (Some("cart"), 409));
        }
    }
}

fn sign_in(session: &Session) {
    session.set_owner("ann");
}

/// Ends the session and signs in again.
fn sign_in_anew(session: &Session) {
    session.invalidate();
    session.set_owner("ann");
}

#[tokio::test]
async fn an_owner_at_the_limit_is_refused() {
    let refuse = |sessions: cloakroom_store::StoredSessionsBuilder<_>| sessions.owner_limit(2, AtLimit::RefuseNew);
    let app = App::with(Arc::new(MemoryStore::new()), refuse);
    let (first, _second) = (app.visit("", sign_in).await, app.visit("", sign_in).await);
    let visitor = begun(&app).await;
    for (what, cookie, act) in
        [("new", "", sign_in as Act), ("a visitor's", &visitor, sign_in), ("anew", &visitor, sign_in_anew)]
    {
        let request = app.request(cookie).await.unwrap();
        act(&request.session);
        let error = request.finish().await.unwrap_err();
        assert!(error.is_too_many_sessions() && error.status() == 409, "{what}");
    }
    assert_eq!(app.request(&visitor).await.unwrap().session.len(), 1, "unchanged");
    assert_eq!(all_owned(app.sessions.store().as_ref(), "ann", NOW).await.unwrap().len(), 2);
    // An owner who has a session keeps it, even under a new id.
    let first = app.visit(&first, sign_in).await;
    let first = app.visit(&first, sign_in_anew).await;
    assert_eq!(app.request(&first).await.unwrap().session.owner().as_deref(), Some("ann"));
    // Other owners have separate limits, and ending a session frees a place.
    app.visit("", |session| session.set_owner("bob")).await;
    app.visit(&first, Session::invalidate).await;
    app.visit(&visitor, sign_in).await;
    assert_eq!(all_owned(app.sessions.store().as_ref(), "ann", NOW).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_owner_at_the_limit_loses_the_oldest() {
    let end = |sessions: cloakroom_store::StoredSessionsBuilder<_>| sessions.owner_limit(2, AtLimit::EndOldest);
    for (what, act) in [("signed in", sign_in as Act), ("signed in anew", sign_in_anew)] {
        let app = App::with(Arc::new(MemoryStore::new()), end);
        let mut cookies = Vec::new();
        for _ in 0..4 {
            let visitor = begun(&app).await;
            cookies.push(app.visit(&visitor, act).await);
            app.clock.advance(Duration::from_secs(1));
        }
        let mut there = Vec::new();
        for cookie in &cookies {
            there.push(!app.request(cookie).await.unwrap().session.is_new());
        }
        assert_eq!(there, [false, false, true, true], "{what}");
    }
}

#[tokio::test]
async fn a_taken_id_opens_no_other_session() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    store.be(Mode::Taken(2));
    let cookie = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    let theirs = all_owned(&store.inner, "somebody else", NOW).await.unwrap();
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|owned| owned.entry == somebody_elses() && owned.key != key_of(&cookie)));
    assert_eq!(app.request(&cookie).await.unwrap().session.get("cart").unwrap(), Some(1));
    // A permanently broken generator causes an error, not an endless loop.
    store.be(Mode::Taken(usize::MAX));
    let request = app.request("").await.unwrap();
    request.session.insert("cart", 2).unwrap();
    assert_eq!(request.finish().await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn commit_now_commits_before_the_response() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let request = app.request("").await.unwrap();
    request.session.insert("step", 1).unwrap();
    request.session.commit_now().await.unwrap();
    assert_eq!(app.sessions.store().len(), 1);
    let cookie = format!("session={}", request.session.id().unwrap().expose());
    assert_eq!(app.request(&cookie).await.unwrap().session.get("step").unwrap(), Some(1));
    // Another request commits in between, and more changes follow. Both are stored, and the cookie
    // is sent once.
    app.visit(&cookie, |session| session.insert("other", 1).unwrap()).await;
    request.session.insert("step", 2).unwrap();
    let session = request.session.clone();
    assert_eq!(request.finish().await.unwrap(), [cookie.as_str()]);
    let seen = app.request(&cookie).await.unwrap().session;
    assert_eq!((seen.get("step").unwrap(), seen.get("other").unwrap()), (Some(2), Some(1)));
    // After the response was sent, changes that need no cookie can still be committed.
    session.insert("step", 3).unwrap();
    session.commit_now().await.unwrap();
    assert_eq!(app.request(&cookie).await.unwrap().session.get("step").unwrap(), Some(3));
    session.cycle_id();
    assert!(session.commit_now().await.unwrap_err().is_headers_sent());
    // Ending the session needs no cookie.
    session.invalidate();
    session.commit_now().await.unwrap();
    assert!(app.request(&cookie).await.unwrap().session.is_new());
}

#[tokio::test]
async fn commit_now_after_a_logout_elsewhere_revives_nothing() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let cookie = begun(&app).await;
    let request = app.request(&cookie).await.unwrap();
    app.visit(&cookie, Session::invalidate).await;
    request.session.insert("late", 1).unwrap();
    request.session.commit_now().await.unwrap();
    request.session.insert("later", 2).unwrap();
    assert_eq!(request.finish().await.unwrap(), NONE);
    assert!(app.sessions.store().is_empty());
}

/// If the answer is lost, an executed call and a failed one look the same.
#[tokio::test(start_paused = true)]
async fn a_commit_without_an_answer_is_applied_once() {
    let change = |session: &Session| {
        session.update("n", |n: &mut u32| *n += 1).unwrap();
        session.flash("once");
    };
    type Prepare = fn(&Session);
    let rows: [(&str, bool, Prepare); 4] = [
        ("create", false, |_| ()),
        ("replace", true, |_| ()),
        ("cycle", true, Session::cycle_id),
        ("end, then create", true, Session::invalidate),
    ];
    for (what, loaded, prepare) in rows {
        for mode in [Mode::Down, Mode::LostThenDown] {
            for meanwhile in [false, true] {
                let row = format!("{what}, {mode:?}, another request in between: {meanwhile}");
                let app = App::new(Faulty::new());
                let store = Arc::clone(app.sessions.store());
                let cookie =
                    if loaded { app.visit("", |it| it.insert("user", 1).unwrap()).await } else { String::new() };
                let request = app.request(&cookie).await.unwrap();
                prepare(&request.session);
                change(&request.session);
                store.be(mode);
                assert!(request.session.commit_now().await.unwrap_err().is_unavailable(), "{row}");
                assert!(request.session.commit_now().await.unwrap_err().is_unavailable(), "{row}: still unavailable");
                store.be(Mode::Works);
                let mut expected = 1;
                if meanwhile && what == "replace" {
                    app.visit(&cookie, |session| session.update("n", |n: &mut u32| *n += 10).unwrap()).await;
                    expected = 11;
                }
                request.session.insert("more", true).unwrap();
                let cookies = request.finish().await.unwrap();
                let newest = cookies.first().unwrap_or(&cookie);
                let session = app.request(newest).await.unwrap().session;
                assert_eq!(session.get::<u32>("n").unwrap(), Some(expected), "{row}");
                assert_eq!(session.pop_flash::<String>(), ["once"], "{row}");
                assert!(session.contains_key("more"), "{row}");
                let live = app.sessions.store().inner.scan(None, 10, NOW).await.unwrap().sessions.len();
                assert_eq!(live, 1, "{row}: one session, and no orphan");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_without_an_answer_is_carried_out() {
    for mode in [Mode::Down, Mode::LostThenDown] {
        let app = App::new(Faulty::new());
        let cookie = begun_in(&app).await;
        let request = app.request(&cookie).await.unwrap();
        request.session.invalidate();
        app.sessions.store().be(mode);
        assert!(request.session.commit_now().await.unwrap_err().is_unavailable(), "{mode:?}");
        app.sessions.store().be(Mode::Works);
        request.finish().await.unwrap();
        assert!(app.request(&cookie).await.unwrap().session.is_new(), "{mode:?}");
    }
}

async fn begun_in(app: &App<Faulty>) -> String {
    app.visit("", |session| session.insert("count", 0).unwrap()).await
}

/// The handler has returned, and the client disconnects while the store answers.
#[tokio::test(start_paused = true)]
async fn a_sign_out_completes_after_the_client_disconnects() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    let cookie = begun_in(&app).await;
    let request = app.request(&cookie).await.unwrap();
    request.session.invalidate();
    request.session.flash("You are signed out.");
    store.be(Mode::Slow);
    let finish = tokio::time::timeout(Duration::from_millis(10), request.finish());
    assert!(finish.await.is_err(), "the client doesn't wait");
    tokio::time::sleep(Duration::from_secs(1)).await;
    store.be(Mode::Works);
    assert!(app.request(&cookie).await.unwrap().session.is_new());
    assert_eq!(store.inner.len(), 1, "the session with the message was created");
}
