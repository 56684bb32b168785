//! A store whose answer is lost: each operation once executed and once not, through whole requests.

use std::time::Duration;

use cloakroom_session::Session;
use cloakroom_store::AtLimit;
use cloakroom_store::store::Store as _;

use crate::faulty::{App, Faulty, Mode, NOW};

type Act = fn(&Session);

/// Acts of a writing request: the name, whether a session exists before, the act, and the number of
/// sessions afterwards.
const ACTS: [(&str, bool, Act, usize); 6] = [
    ("create", false, count, 1),
    ("replace", true, count, 1),
    ("sign in", true, sign_in, 1),
    ("sign in without a session", false, sign_in, 1),
    ("sign out", true, Session::invalidate, 0),
    ("sign out with a message", true, sign_out_with_a_message, 1),
];

fn count(session: &Session) {
    session.update("count", |count: &mut u32| *count += 1).unwrap();
}

fn sign_in(session: &Session) {
    session.set_owner("ann");
    count(session);
}

fn sign_out_with_a_message(session: &Session) {
    session.invalidate();
    session.flash("You are signed out.");
    count(session);
}

fn app() -> App<Faulty> {
    App::with(Faulty::new(), |sessions| sessions.owner_limit(1, AtLimit::RefuseNew))
}

async fn visitor(app: &App<Faulty>, has_session: bool) -> String {
    if has_session { app.visit("", |session| session.insert("cart", "shoes").unwrap()).await } else { String::new() }
}

async fn live(app: &App<Faulty>) -> usize {
    app.sessions.store().inner.scan(None, 100, NOW).await.unwrap().sessions.len()
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_detected_within_the_commit() {
    for (what, has_session, act, expected) in ACTS {
        for mode in [Mode::FailsOnce, Mode::LostOnce, Mode::Lost] {
            let row = format!("{what}, {mode:?}");
            let app = app();
            let cookie = visitor(&app, has_session).await;
            let request = app.request(&cookie).await.unwrap();
            act(&request.session);
            app.sessions.store().be(mode);
            let cookies = request.finish().await;
            let cookies = cookies.unwrap_or_else(|error| panic!("{row}: {error}"));
            app.sessions.store().be(Mode::Works);
            assert_eq!(live(&app).await, expected, "{row}");
            if expected == 0 {
                assert!(app.request(&cookie).await.unwrap().session.is_new(), "{row}: signed out");
                continue;
            }
            let newest = cookies.first().unwrap_or(&cookie);
            let session = app.request(newest).await.unwrap().session;
            assert_eq!(session.get("count").unwrap(), Some(1), "{row}: applied once");
            let keeps = has_session && what != "sign out with a message";
            assert_eq!(session.get::<String>("cart").unwrap().is_some(), keeps, "{row}");
            if what.starts_with("sign in") {
                assert_eq!(session.owner().as_deref(), Some("ann"), "{row}");
                assert_eq!(app.sessions.store().inner.count_owned("ann", usize::MAX, NOW).await.unwrap(), 1, "{row}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_an_error_and_leaves_no_orphan() {
    for (what, has_session, act, _) in ACTS {
        for mode in [Mode::FailsThenDown, Mode::LostThenDown] {
            let row = format!("{what}, {mode:?}");
            let app = app();
            let cookie = visitor(&app, has_session).await;
            let request = app.request(&cookie).await.unwrap();
            act(&request.session);
            app.sessions.store().be(mode);
            let began = tokio::time::Instant::now();
            assert!(request.finish().await.unwrap_err().is_unavailable(), "{row}");
            assert!(began.elapsed() <= Duration::from_millis(2010), "{row}: {:?}", began.elapsed());
            // The store is down for a while.
            tokio::time::sleep(Duration::from_secs(20)).await;
            app.sessions.store().be(Mode::Works);
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(
                app.sessions.store().inner.count_owned("ann", usize::MAX, NOW).await.unwrap(),
                0,
                "{row}: ann has no session"
            );
            let known = !app.request(&cookie).await.unwrap().session.is_new();
            assert_eq!(live(&app).await, usize::from(known), "{row}: no orphan is left");
            // The user can still sign in.
            let again = app.request(&cookie).await.unwrap();
            sign_in(&again.session);
            let cookies = again.finish().await.unwrap_or_else(|error| panic!("{row}: {error}"));
            let session = app.request(&cookies[0]).await.unwrap().session;
            assert_eq!(session.owner().as_deref(), Some("ann"), "{row}");
            if mode == Mode::FailsThenDown && has_session && !what.starts_with("sign out") {
                assert_eq!(session.get::<String>("cart").unwrap().as_deref(), Some("shoes"), "{row}: unchanged");
            }
        }
    }
}

/// A retried commit keeps its session, which is not ended as an orphan.
#[tokio::test(start_paused = true)]
async fn a_retried_commit_keeps_its_session() {
    for (what, has_session, act, expected) in ACTS {
        for (mode, pause) in [(Mode::LostThenDown, 0), (Mode::LostThenDown, 10), (Mode::FailsThenDown, 0)] {
            let row = format!("{what}, {mode:?}, {pause} s");
            let app = app();
            let cookie = visitor(&app, has_session).await;
            let request = app.request(&cookie).await.unwrap();
            act(&request.session);
            app.sessions.store().be(mode);
            assert!(request.session.commit_now().await.unwrap_err().is_unavailable(), "{row}");
            tokio::time::sleep(Duration::from_secs(pause)).await;
            app.sessions.store().be(Mode::Works);
            let cookies = request.finish().await.unwrap_or_else(|error| panic!("{row}: {error}"));
            tokio::time::sleep(Duration::from_secs(120)).await;
            assert_eq!(live(&app).await, expected, "{row}");
            if expected > 0 {
                let session = app.request(cookies.first().unwrap_or(&cookie)).await.unwrap().session;
                assert_eq!(session.get("count").unwrap(), Some(1), "{row}: applied once");
            }
        }
    }
}
