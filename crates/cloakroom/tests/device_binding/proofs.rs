//! The proof of a request, and handlers that demand one.

use cloakroom::DeviceBinding;

use crate::adapters::{ADAPTERS, App};
use crate::browser::{BOUND, Browser};
use crate::shop::seconds;

#[tokio::test]
async fn observing_refuses_no_request() {
    let app = App::new(DeviceBinding::observe());
    let mut browser = Browser::armed(&app).await;
    browser.jar.remove(BOUND);
    assert_eq!(browser.get(&app, "/").await.body, "anna Missing");
    assert_eq!(browser.get(&app, "/write").await.status, 200);
}

/// A detached session is empty, its writes are dropped, and it sends no cookie.
#[tokio::test]
async fn an_unproven_request_reads_and_writes_nothing() {
    let app = App::new(DeviceBinding::enforce());
    let browser = Browser::armed(&app).await;
    let mut thief = browser.clone();
    thief.jar.remove(BOUND);
    for path in ["/", "/write"] {
        let answer = thief.get(&app, path).await;
        assert_eq!((answer.body.as_str(), answer.all("set-cookie").len()), ("visitor Missing", 0), "{path}");
    }
    for wrong in ["", "1", "99999999999999.AAAA", &browser.jar[BOUND].replace('.', ".A")] {
        thief.jar.insert(BOUND.to_owned(), wrong.to_owned());
        assert_eq!(thief.get(&app, "/").await.body, "visitor Missing", "{wrong}");
    }
    assert!(browser.clone().get(&app, "/").await.body.starts_with("anna Fresh"));
    // A sign-in begins a new session, which is offered to the device.
    thief.jar.remove(BOUND);
    thief.sign_in(&app).await;
    assert_eq!(thief.get(&app, "/").await.body, "anna NotBound");
    assert!(browser.clone().get(&app, "/").await.body.starts_with("anna Fresh"), "the other session stays");
}

/// A sign-out never fails, also for a user whose browser has lost its key.
#[tokio::test]
async fn a_sign_out_needs_no_proof() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::armed(&app).await;
    let mut unproven = browser.clone();
    unproven.jar.remove(BOUND);
    assert_eq!(unproven.get(&app, "/sign-out").await.status, 200);
    assert_eq!(app.shop.store.len(), 0);
    assert_eq!(browser.get(&app, "/").await.body, "visitor NotBound");
}

/// A later release may write bindings that this one can't read. Its sessions stay closed here.
#[tokio::test]
async fn a_binding_of_a_later_release_is_not_taken_for_none() {
    use cloakroom::factory::{Record, SessionId};
    use cloakroom::store::{Entry, Loaded, Replaced, Store as _};

    for (binding, body) in [(DeviceBinding::enforce(), "visitor Missing"), (DeviceBinding::observe(), "anna Missing")] {
        let app = App::new(binding);
        let mut browser = Browser::armed(&app).await;
        let id = browser.jar.iter().find_map(|(name, id)| SessionId::parse(id).filter(|_| name != BOUND)).unwrap();
        let now = app.shop.now();
        let Loaded::Live(version, entry) = app.shop.store.load(&id.store_key(), now).await.unwrap() else { panic!() };
        let text = entry.text().replace(":1.", ":2.");
        assert_ne!(text, **entry.text());
        let record = Record::decode(&text.into(), 0).unwrap();
        let replaced = app.shop.store.replace(&id.store_key(), version, &Entry::of(record), now).await.unwrap();
        assert!(matches!(replaced, Replaced::Yes(_)));
        assert_eq!(browser.get(&app, "/").await.body, body);
        // The browser keeps its key for the nodes that can read it.
        assert_eq!(browser.refresh(&app).await.status, 503);
    }
}

/// The step-up: a redirect to the same page, before which the browser refreshes.
#[tokio::test]
async fn a_demand_leads_back_after_a_refresh_on_every_adapter() {
    for (name, make) in ADAPTERS {
        let app = App::of(make, DeviceBinding::enforce());
        let mut browser = Browser::armed(&app).await;
        assert_eq!(browser.get(&app, "/pay?to=1").await.status, 200, "{name}: the proof is ten seconds old");
        app.shop.wait(seconds(31));
        let answer = browser.get(&app, "/pay?to=1").await;
        assert_eq!((answer.status, answer.one("location")), (307, Some("/pay?to=1")), "{name}: {answer:?}");
        assert!(!browser.jar.contains_key(BOUND), "{name}: the browser must refresh");
        let mut other = browser.clone();
        assert_eq!(browser.refresh(&app).await.status, 200, "{name}");
        assert_eq!(browser.get(&app, "/pay?to=1").await.status, 200, "{name}");
        app.shop.wait(seconds(31));
        let elsewhere = browser.get(&app, "//evil.example/pay").await;
        assert_eq!((elsewhere.status, elsewhere.one("location")), (403, None), "{name}: an open redirect");
        // A browser that can't refresh gets no second redirect.
        assert_ne!(other.get(&app, "/pay?to=1").await.status, 307, "{name}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_bound_passes_every_demand() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    browser.sign_in(&app).await;
    app.shop.wait(seconds(600));
    assert_eq!(browser.get(&app, "/pay").await.status, 200);
}

/// A binding with a proof stays; without one, the device is offered a new one.
#[tokio::test]
async fn a_second_offer_never_replaces_a_binding_that_is_proven() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::armed(&app).await;
    for path in ["/again", "/sign-in"] {
        assert_eq!(browser.get(&app, path).await.one("secure-session-registration"), None, "{path}");
    }
    assert_eq!(browser.refresh(&app).await.status, 200);
    let mut visitor = Browser::bound(&app).await;
    visitor.jar.remove(BOUND);
    assert!(visitor.get(&app, "/again").await.one("secure-session-registration").is_some(), "not armed");
}

/// Programs and other browsers ignore the offer, and notice nothing.
#[tokio::test]
async fn a_browser_without_device_binding_notices_nothing() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    browser.sign_in(&app).await;
    for hour in 1..20 {
        app.shop.wait(seconds(1000));
        let answer = browser.get(&app, "/write").await;
        assert_eq!(answer.body, "anna NotBound", "{hour}");
    }
}
