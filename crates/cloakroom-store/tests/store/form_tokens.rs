//! Visitors who only see a form: their cookie has a reserved id, and the store has no record.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::factory::{CookieHeader, Rejected, SessionFactory as _, SessionId};
use cloakroom_session::{CookieConfig, CsrfToken, Session};
use cloakroom_store::store::{Loaded, Store};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::faulty::{App, Faulty, Mode, NOW};

const NAME: &str = "__Host-Http-session";

/// An application with the default cookie, and the default for tokens.
fn app() -> App<MemoryStore> {
    app_on(Arc::new(MemoryStore::new()))
}

fn app_on<S: Store>(store: Arc<S>) -> App<S> {
    App::with(store, |sessions| sessions.cookie(CookieConfig::default()))
}

fn token(session: &Session) -> String {
    session.csrf_token().unwrap().expose().to_owned()
}

fn increment(session: &Session) {
    session.update("count", |count: &mut u32| *count += 1).unwrap();
}

fn count(session: &Session) -> Option<u32> {
    session.get("count").unwrap()
}

/// Returns the cookie of a visitor who has seen a form.
async fn seen_a_form<S: Store>(app: &App<S>) -> String {
    app.visit("", |session| drop(session.csrf_token().unwrap())).await
}

/// Returns the id in a `Cookie` header.
fn reserved(cookie: &str) -> SessionId {
    SessionId::parse_reserved(cookie.strip_prefix(NAME).unwrap().strip_prefix('=').unwrap()).unwrap()
}

#[tokio::test]
async fn crawlers_on_a_page_with_a_form_fill_nothing() {
    let store = Faulty::new();
    let app = app_on(Arc::clone(&store));
    for _ in 0..1000 {
        let cookie = seen_a_form(&app).await;
        assert!(cookie.starts_with(&format!("{NAME}=new.")), "{cookie}");
    }
    assert!(store.inner.is_empty());
    assert_eq!(store.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_form_stays_valid_until_something_is_stored_and_beyond() {
    let app = app();
    let mut shown = String::new();
    let cookie = app.visit("", |session| shown = token(session)).await;
    assert!(!cookie.contains(&shown), "the token doesn't reveal the id");
    // Another page, and the check of a form: the same token, and no further cookie.
    for _ in 0..2 {
        let request = app.request(&cookie).await.unwrap();
        assert!(request.session.is_new());
        assert_eq!(token(&request.session), shown);
        assert!(request.finish().await.unwrap().is_empty());
    }
    // The browser keeps its cookie, and a form in another tab stays valid.
    assert_eq!(app.visit(&cookie, increment).await, cookie);
    let id = reserved(&cookie);
    for cookie in [&cookie, &format!("{NAME}={}", id.expose())] {
        let seen = app.visit(cookie, |session| {
            assert_eq!((token(session), count(session), session.id()), (shown.clone(), Some(1), Some(id)));
        });
        assert_eq!(seen.await, *cookie);
    }
    assert_eq!(app.sessions.store().len(), 1);
    let owned = app.visit(&cookie, |session| session.set_owner("ann")).await;
    assert!(!owned.contains(&id.expose()));
    app.visit(&owned, |session| {
        assert_eq!(count(session), Some(1));
        assert_ne!(token(session), shown, "a token from before a sign-in is useless");
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_leaves_a_tombstone_under_the_reserved_id() {
    let store = Faulty::new();
    let app = app_on(Arc::clone(&store));
    let cookie = seen_a_form(&app).await;
    let key = reserved(&cookie).store_key();
    let (mut form, mut after) = (String::new(), String::new());
    let slow = app.request(&cookie).await.unwrap();
    increment(&slow.session);
    store.calls.store(0, Ordering::SeqCst);
    let owned = app.visit(&cookie, |session| {
        form = token(session);
        session.set_owner("ann");
        after = token(session);
    });
    let owned = owned.await;
    assert_ne!(form, after);
    // It loads, counts the owner's sessions, creates and moves.
    assert_eq!(store.calls.load(Ordering::SeqCst), 4);
    assert_eq!(store.inner.load(&key, NOW).await.unwrap(), Loaded::Moved);
    // A slow first write changes nothing, and doesn't replace the cookie of the sign-in.
    let session = slow.session.clone();
    assert!(slow.finish().await.unwrap().is_empty() && session.is_detached());
    app.visit(&owned, |session| {
        assert_eq!((session.owner().as_deref(), count(session)), (Some("ann"), None));
        assert_eq!(token(session), after);
    })
    .await;
    // A request with the reserved id sees nothing of the session.
    let late = app.request(&cookie).await.unwrap();
    assert!(late.session.is_detached() && late.session.owner().is_none());
}

#[tokio::test]
async fn a_sign_out_ends_the_session_that_another_request_began() {
    for signs_in in [false, true] {
        let app = app();
        let cookie = seen_a_form(&app).await;
        let sign_out = app.request(&cookie).await.unwrap();
        let begun = app.visit(&cookie, |session| if signs_in { session.set_owner("ann") } else { increment(session) });
        let begun = begun.await;
        sign_out.session.invalidate();
        assert_eq!(sign_out.finish().await.unwrap(), [format!("{NAME}=")]);
        assert_eq!(app.sessions.store().len(), usize::from(signs_in), "only a tombstone is left");
        app.visit(&begun, |session| assert!(session.is_new() && count(session).is_none())).await;
    }
    // Nothing had begun: the browser may have the cookie of a newer session.
    let app = app();
    let cookie = seen_a_form(&app).await;
    assert_eq!(app.visit(&cookie, Session::invalidate).await, cookie);
}

#[tokio::test]
async fn a_reserved_id_never_shows_an_ended_session_again() {
    let app = app();
    let cookie = seen_a_form(&app).await;
    app.visit(&cookie, increment).await;
    let slow = app.request(&cookie).await.unwrap();
    increment(&slow.session);
    app.clock.advance(Duration::from_secs(1));
    app.visit(&cookie, Session::invalidate).await;
    // The browser has lost the removal. It begins anew under the same id, with nothing of before.
    app.visit(&cookie, |session| {
        assert!(session.is_new() && count(session).is_none());
        session.insert("new", true).unwrap();
    })
    .await;
    // The slow request belongs to the session that ended.
    let session = slow.session.clone();
    assert!(slow.finish().await.unwrap().is_empty() && session.is_detached());
    app.visit(&cookie, |session| assert_eq!((session.get("new").unwrap(), count(session)), (Some(true), None))).await;
    // The same after the session has expired.
    let mut before = String::new();
    app.visit(&cookie, |session| before = token(session)).await;
    app.clock.advance(Duration::from_secs(3600));
    app.visit(&cookie, |session| {
        assert!(session.is_new() && session.get::<bool>("new").unwrap().is_none());
        assert_eq!(token(session), before, "a form of before is still valid");
    })
    .await;
}

#[tokio::test]
async fn first_writes_of_one_process_meet_in_one_session() {
    let app = app();
    let cookie = seen_a_form(&app).await;
    let mut requests = Vec::new();
    for _ in 0..20 {
        let request = app.request(&cookie).await.unwrap();
        increment(&request.session);
        requests.push(request);
    }
    for request in requests {
        assert!(request.finish().await.unwrap().is_empty(), "the browser has its cookie");
    }
    assert_eq!(app.sessions.store().len(), 1);
    app.visit(&cookie, |session| assert_eq!(count(session), Some(20))).await;
}

#[tokio::test(start_paused = true)]
async fn first_writes_survive_lost_answers() {
    for (mode, signs_in) in [
        (Mode::FailsOnce, false),
        (Mode::LostOnce, false),
        (Mode::FailsOnce, true),
        (Mode::LostOnce, true),
        (Mode::Taken(0), false),
    ] {
        let store = Faulty::new();
        let app = app_on(Arc::clone(&store));
        let cookie = seen_a_form(&app).await;
        store.be(mode);
        let after = app.visit(&cookie, |session| {
            increment(session);
            if signs_in {
                session.set_owner("ann");
            }
        });
        let after = after.await;
        assert_eq!(after != cookie, signs_in, "{mode:?}");
        assert_eq!(store.inner.len(), 1 + usize::from(signs_in), "{mode:?}, with the tombstone");
        app.visit(&after, |session| assert_eq!(count(session), Some(1), "{mode:?}")).await;
    }
}

/// A commit that got no answer is repeated at the end of the request.
#[tokio::test(start_paused = true)]
async fn an_unconfirmed_first_write_is_not_made_twice() {
    for mode in [Mode::FailsThenDown, Mode::LostThenDown] {
        let store = Faulty::new();
        let app = app_on(Arc::clone(&store));
        let cookie = seen_a_form(&app).await;
        let request = app.request(&cookie).await.unwrap();
        increment(&request.session);
        store.be(mode);
        assert!(request.session.commit_now().await.unwrap_err().is_unavailable());
        store.be(Mode::Works);
        increment(&request.session);
        assert!(request.finish().await.unwrap().is_empty());
        // The session isn't an orphan: the browser has its id.
        tokio::time::sleep(Duration::from_secs(60)).await;
        app.visit(&cookie, |session| assert_eq!(count(session), Some(2), "{mode:?}")).await;
    }
}

#[tokio::test]
async fn a_stream_begins_the_session_and_sees_what_others_begin() {
    let app = app();
    let cookie = seen_a_form(&app).await;
    let (one, other) = (app.request(&cookie).await.unwrap(), app.request(&cookie).await.unwrap());
    let (stream, early) = (one.session.clone(), other.session.clone());
    // The headers are sent, and no cookie is needed later.
    assert!(one.finish().await.unwrap().is_empty() && other.finish().await.unwrap().is_empty());
    assert!(stream.refresh().await.unwrap() && early.refresh().await.unwrap());
    increment(&stream);
    stream.commit_now().await.unwrap();
    increment(&early);
    early.commit_now().await.unwrap();
    assert!(stream.refresh().await.unwrap());
    assert_eq!((count(&stream), count(&early)), (Some(2), Some(2)));
    app.visit(&cookie, Session::invalidate).await;
    assert!(!stream.refresh().await.unwrap() && !early.refresh().await.unwrap());
}

#[tokio::test]
async fn a_session_counts_more_than_a_reserved_id_beside_it() {
    let app = app();
    let form = seen_a_form(&app).await;
    let begun = app.visit("", increment).await;
    for cookie in [format!("{form}; {begun}"), format!("{begun}; {form}")] {
        app.visit(&cookie, |session| assert_eq!(count(session), Some(1))).await;
    }
    let shown = app.visit(&form, |session| assert!(session.is_new())).await;
    assert_eq!(shown, form);
}

#[tokio::test]
async fn only_ids_in_our_form_are_read() {
    let app = app();
    let other = "A".repeat(43);
    for (value, rejected) in [
        ("new.".to_owned(), Some(Rejected::Malformed)),
        ("new.short".to_owned(), Some(Rejected::Malformed)),
        (format!("new.{other}A"), Some(Rejected::Malformed)),
        (format!("new.{}!", &other[1..]), Some(Rejected::Malformed)),
        // Not canonical: the last character has bits that no id has.
        (format!("new.{}B", &other[1..]), Some(Rejected::Malformed)),
        (format!("New.{other}"), Some(Rejected::Malformed)),
        (format!("new.new.{other}"), Some(Rejected::Malformed)),
        // Tokens of a version before this one were in pages, so they are no ids.
        (format!("form.{other}"), Some(Rejected::Malformed)),
        (other.clone(), Some(Rejected::Unknown)),
        (format!("new.{other}"), None),
    ] {
        let header = format!("{NAME}={value}");
        let opened = app.sessions.open(CookieHeader::new([header.as_bytes()]), NOW).await.unwrap();
        assert_eq!(opened.rejected(), rejected, "{value}");
        let id = rejected.is_none().then(|| SessionId::from_random([0; 32]));
        assert_eq!(opened.reserved_id(), id, "{value}");
        assert_eq!(opened.known_csrf_token(), id.map(|id| CsrfToken::of_reserved(&id)).as_ref(), "{value}");
    }
}

/// Sibling domains can plant a cookie of another name, with an id that they know.
#[tokio::test]
async fn the_name_needs_the_host_prefix() {
    for (name, is_right) in
        [("__Host-session", true), ("__Host-Http-a", true), ("session", false), ("__Secure-a", false)]
    {
        let builder = || StoredSessions::new(MemoryStore::new()).cookie(CookieConfig::default().name(name));
        let asked_for = builder().form_tokens_in_cookie(true).build();
        assert_eq!(
            asked_for.map(|_| ()).map_err(|error| error.option()),
            if is_right { Ok(()) } else { Err("form_tokens_in_cookie") }
        );
        let app = App::with(Arc::new(MemoryStore::new()), |it| it.cookie(CookieConfig::default().name(name)));
        let cookie = seen_a_form(&app).await;
        assert_eq!((cookie.contains("new."), app.sessions.store().is_empty()), (is_right, is_right), "{name}");
    }
}

#[tokio::test]
async fn without_the_option_the_store_has_the_token() {
    let store = Arc::new(MemoryStore::new());
    let off =
        App::with(Arc::clone(&store), |sessions| sessions.cookie(CookieConfig::default()).form_tokens_in_cookie(false));
    let planted = format!("{NAME}=new.{}", "A".repeat(43));
    let mut shown = String::new();
    let cookie = off.visit(&planted, |session| shown = token(session)).await;
    assert_ne!(shown, CsrfToken::of_reserved(&SessionId::from_random([0; 32])).expose());
    assert!(!cookie.contains("new."));
    assert_eq!(off.sessions.store().len(), 1);
    off.visit(&cookie, |session| assert_eq!(token(session), shown)).await;
    // Sessions that began with the option stay open.
    let on = app_on(store);
    let form = seen_a_form(&on).await;
    on.visit(&form, increment).await;
    off.visit(&form, |session| assert_eq!(count(session), Some(1))).await;
}

#[tokio::test]
async fn a_session_that_outlives_the_browser_sends_its_cookie_when_it_begins() {
    let app = app();
    let form = seen_a_form(&app).await;
    let begun = app.visit(&form, |session| session.remember(Duration::from_secs(86_400))).await;
    assert_eq!(begun, format!("{NAME}={}", reserved(&form).expose()));
}

#[tokio::test]
async fn an_early_commit_sends_the_token_that_pages_have() {
    let app = app();
    let request = app.request("").await.unwrap();
    let shown = token(&request.session);
    request.session.commit_now().await.unwrap();
    assert_eq!(token(&request.session), shown);
    request.session.insert("cart", 1).unwrap();
    let session = request.session.clone();
    let cookies = request.finish().await.unwrap();
    assert_eq!((cookies.len(), app.sessions.store().len()), (1, 1));
    assert_eq!(session.id(), Some(reserved(&cookies[0])));
    assert_eq!(token(&session), shown);
}

#[tokio::test]
async fn another_token_stays_with_the_session() {
    let app = app();
    let form = seen_a_form(&app).await;
    let mut renewed = String::new();
    let cookie = app.visit(&form, |session| renewed = session.new_csrf_token().unwrap().expose().to_owned()).await;
    assert_eq!(cookie, form);
    app.visit(&cookie, |session| assert_eq!(token(session), renewed)).await;
}
