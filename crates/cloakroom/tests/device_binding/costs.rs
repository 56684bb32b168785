//! The calls of the store and the bytes of the record that a binding costs.

use cloakroom::DeviceBinding;

use crate::adapters::{App, unbound};
use crate::browser::{BOUND, Browser};
use crate::shop::{Shop, seconds};

/// Neither enforcement nor the offer needs an additional call.
#[tokio::test]
async fn a_binding_adds_no_call_of_the_store() {
    let (bound, plain) = (App::new(DeviceBinding::enforce()), unbound(Shop::new()));
    let (mut one, mut other) = (Browser::new(1), Browser::new(2));
    one.get(&bound, "/sign-in").await;
    other.get(&plain, "/welcome").await;
    assert_eq!(bound.shop.store.calls(), plain.shop.store.calls(), "the sign-in with an offer");

    let mut one = Browser::armed(&bound).await;
    bound.shop.store.calls();
    plain.shop.wait(seconds(10));
    for (path, expected) in [("/", &["load"][..]), ("/write", &["load", "replace"])] {
        let (answer, without) = (one.get(&bound, path).await, other.get(&plain, path).await);
        assert!(answer.body.starts_with("anna Fresh"), "{path}: {answer:?}");
        assert_eq!(without.status, 200, "{path}");
        assert_eq!(bound.shop.store.calls(), expected, "{path}");
        assert_eq!(plain.shop.store.calls(), expected, "{path}");
    }
}

#[tokio::test]
async fn each_request_to_an_endpoint_is_one_load_and_at_most_one_replace() {
    let app = App::new(DeviceBinding::enforce());
    let store = &app.shop.store;
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    store.calls();
    browser.register(&app, &challenge, &path).await;
    assert_eq!(store.calls(), ["load", "replace"], "a registration");
    browser.register(&app, &challenge, &path).await;
    assert_eq!(store.calls(), ["load"], "a refused registration");
    browser.get(&app, "/").await;
    assert_eq!(store.calls(), ["load", "replace"], "the first request with the bound cookie");
    browser.get(&app, "/").await;
    assert_eq!(store.calls(), ["load"], "the second one");
    let mut again = browser.clone();
    browser.refresh(&app).await;
    assert_eq!(store.calls(), ["load", "replace"], "a refresh");
    again.refresh(&app).await;
    assert_eq!(store.calls(), ["load"], "the same refresh");
    again.ask(&app).await;
    assert_eq!(store.calls(), ["load"], "a refresh without a proof");
    let mut unknown = Browser { known: Some(("A".repeat(32), "A".repeat(22))), ..browser.clone() };
    unknown.refresh(&app).await;
    assert_eq!(store.calls(), ["load"], "a refresh of another binding");
    unknown.jar.clear();
    unknown.refresh(&app).await;
    assert!(store.calls().is_empty(), "a refresh without a session");
}

/// The bytes of the record, for capacity planning.
#[tokio::test]
async fn a_binding_adds_less_than_400_bytes_to_a_record() {
    let (bound, plain) = (App::new(DeviceBinding::enforce()), unbound(Shop::new()));
    let (mut one, mut other) = (Browser::armed(&bound).await, Browser::new(2));
    one.refresh(&bound).await;
    other.get(&plain, "/welcome").await;
    let added = bound.shop.store.largest() - plain.shop.store.largest();
    assert!((200..400).contains(&added), "{added} bytes");
}

/// Most allocations per request that a binding may add: the parts of the binding in the record, its
/// proof, and the path of the request.
const MOST_ALLOCATIONS: u64 = 24;

/// The allocations of a request to a page that reads the session.
#[test]
fn a_binding_adds_few_allocations() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let measure = |app: &App, browser: &mut Browser, path: &str| {
        // The first requests fill caches.
        (0..3)
            .map(|_| {
                allocation_counter::measure(|| {
                    runtime.block_on(browser.get(app, path));
                })
                .count_total
            })
            .last()
            .unwrap()
    };
    let rows = [("no session", "/about", 1), ("not bound", "/", 3), ("bound", "/", MOST_ALLOCATIONS)];
    for (row, path, most) in rows {
        let (app, plain) = (App::new(DeviceBinding::enforce()), unbound(Shop::new()));
        let (mut one, mut other) = (Browser::new(1), Browser::new(2));
        if row == "bound" {
            one = runtime.block_on(Browser::armed(&app));
            runtime.block_on(other.get(&plain, "/welcome"));
            // The jar has one more cookie, which the test's browser sends.
            other.jar.insert(BOUND.to_owned(), one.jar[BOUND].clone());
        } else {
            runtime.block_on(one.get(&app, "/welcome"));
            runtime.block_on(other.get(&plain, "/welcome"));
        }
        let (with, without) = (measure(&app, &mut one, path), measure(&plain, &mut other, path));
        assert!(with <= without + most, "{row}: {with} allocations instead of {without}");
    }
}
