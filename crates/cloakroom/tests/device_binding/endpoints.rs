//! Registration, refresh and enforcement over HTTP.

use cloakroom::DeviceBinding;
use cloakroom_device::{Device, headers};
use serde_json::Value;

use crate::adapters::{ADAPTERS, App};
use crate::browser::{BOUND, Browser, REFRESH, REGISTER};
use crate::shop::{Shop, seconds};

/// The whole life of a binding, on each adapter.
#[tokio::test]
async fn a_session_is_bound_refreshed_and_ended_on_every_adapter() {
    for (name, make) in ADAPTERS {
        let app = make(Shop::new(), DeviceBinding::enforce());
        let mut browser = Browser::new(1);
        let (challenge, path) = browser.sign_in(&app).await;
        assert_eq!(path, REGISTER, "{name}");
        let answer = browser.register(&app, &challenge, &path).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.one("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.one("content-type"), Some("application/json"), "{name}");
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(json["refresh_url"], REFRESH, "{name}");
        assert_eq!(json["scope"]["origin"], "https://shop.example", "{name}");
        let cookie = answer.all("set-cookie").into_iter().find(|it| it.starts_with(BOUND)).unwrap().to_owned();
        let attributes = json["credentials"][0]["attributes"].as_str().unwrap();
        let cookie = cookie.replace("; Max-Age=600", "");
        assert_eq!(cookie.split_once("; ").unwrap().1, attributes, "{name}: otherwise each request refreshes");

        // The cookie is required ten seconds after it was shown.
        assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"), "{name}");
        app.shop.wait(seconds(10));
        let mut thief = Browser { device: Device::new(9), ..browser.clone() };
        thief.jar.remove(BOUND);
        assert_eq!(thief.get(&app, "/").await.body, "visitor Missing", "{name}");
        assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"), "{name}");

        // Later the cookie is expired, for the thief with both cookies, too.
        let both = Browser { device: Device::new(9), ..browser.clone() };
        app.shop.wait(seconds(600));
        assert_eq!(both.clone().get(&app, "/").await.body, "visitor Missing", "{name}");
        assert_eq!(both.clone().refresh(&app).await.status, 400, "{name}: signed with another key");
        let asked = browser.ask(&app).await;
        assert_eq!((asked.status, asked.all("set-cookie").len()), (403, 0), "{name}");
        let refreshed = browser.refresh(&app).await;
        assert_eq!(refreshed.status, 200, "{name}: {refreshed:?}");
        assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"), "{name}");

        let gone = browser.get(&app, "/sign-out").await;
        assert_eq!(gone.one("clear-site-data"), Some(r#""cookies", "storage""#), "{name}");
        assert!(!browser.jar.contains_key(BOUND), "{name}: the bound cookie is removed");
        assert_eq!(browser.refresh(&app).await.status, 401, "{name}");
        assert_eq!(app.shop.store.len(), 0, "{name}");
    }
}

/// A binding isn't lost in a race, and outlives a new id.
#[tokio::test]
async fn concurrent_writes_and_a_new_id_keep_the_binding() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    // A navigation begins before the registration, and is committed after it.
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (app, mut browser) = (app.clone(), browser.clone());
        tasks.push(tokio::spawn(async move { browser.get(&app, "/write").await.status }));
    }
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    browser.get(&app, "/").await;
    app.shop.wait(seconds(10));
    assert!(browser.get(&app, "/cycle").await.body.starts_with("anna Fresh"));
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"), "under the new id");
    assert_eq!(browser.refresh(&app).await.status, 200);
    let mut thief = browser.clone();
    thief.jar.remove(BOUND);
    assert_eq!(thief.get(&app, "/").await.body, "visitor Missing");
}

/// After a sign-in in another tab, a refresh may still have the former id.
#[tokio::test]
async fn a_refresh_with_a_former_id_keeps_the_browsers_binding() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::armed(&app).await;
    let mut late = browser.clone();
    browser.get(&app, "/cycle").await;
    // Other answers would make the browser forget its binding.
    assert_eq!(late.refresh(&app).await.status, 503);
    assert_eq!(browser.refresh(&app).await.status, 200);
}

/// Without an answer to the registration, the browser has no bound cookie.
#[tokio::test]
async fn a_lost_answer_to_the_registration_locks_nobody_out() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    let mut lost = browser.clone();
    assert_eq!(lost.register(&app, &challenge, &path).await.status, 200);
    app.shop.wait(seconds(900));
    assert_eq!(browser.get(&app, "/").await.body, "anna NotArmed");
    // The next sign-in offers again.
    let (challenge, path) = browser.sign_in(&app).await;
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"));
}

#[tokio::test]
async fn a_lost_answer_to_a_refresh_is_repeated() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::armed(&app).await;
    app.shop.wait(seconds(600));
    let mut lost = browser.clone();
    let first = lost.refresh(&app).await;
    app.shop.wait(seconds(59));
    let again = browser.refresh(&app).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(lost.jar[BOUND], browser.jar[BOUND]);
    assert_eq!(lost.known, browser.known);
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"));
    let old = Browser { known: Browser::armed(&app).await.known, ..browser.clone() };
    assert_eq!(old.clone().refresh(&app).await.status, 401, "the binding of another session");
}

/// Six tabs refresh at once with the same challenge: the device signs it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_refreshes_get_one_answer() {
    for _ in 0..20 {
        let app = App::new(DeviceBinding::enforce());
        let browser = Browser::armed(&app).await;
        app.shop.wait(seconds(600));
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let (app, mut browser) = (app.clone(), browser.clone());
                tokio::spawn(async move {
                    let answer = browser.refresh(&app).await;
                    (answer.status, browser.jar[BOUND].clone())
                })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers.dedup();
        assert!(answers.len() == 1 && answers[0].0 == 200, "{answers:?}");
    }
}

/// Everything but the request of the browser itself is refused and changes nothing.
#[tokio::test]
async fn malformed_registrations_change_nothing() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    let good = browser.device.registers(&challenge);
    let (large, other) = ("a".repeat(8192), browser.device.registers("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    let with = |name: &'static str, value: &'static str| {
        let mut lines = headers(None, Some(&good));
        lines.retain(|(it, _)| *it != name);
        lines.push((name, value));
        lines
    };
    let rows = [
        ("no proof", headers(None, None)),
        ("no text", with("secure-session-response", "a b")),
        ("too large", headers(None, Some(&large))),
        ("another challenge", headers(None, Some(&other))),
        ("with an identifier", headers(Some("AAAAAAAAAAAAAAAAAAAAAA"), Some(&good))),
        ("of another site", with("sec-fetch-site", "cross-site")),
        ("of the same site", with("sec-fetch-site", "same-site")),
        ("with a body", with("content-length", "3")),
        ("with a body of unknown length", with("transfer-encoding", "chunked")),
    ];
    for (row, lines) in rows {
        let answer = browser.send(&app, "POST", &path, &lines).await;
        assert_eq!((answer.status, answer.all("set-cookie").len()), (400, 0), "{row}");
        assert_eq!(browser.get(&app, "/").await.body, "anna NotBound", "{row}");
    }
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 400, "once");
    // Without a session there is nothing to register, and nothing is stored.
    let stored = app.shop.store.len();
    assert_eq!(Browser::new(2).register(&app, &challenge, &path).await.status, 400);
    assert_eq!(app.shop.store.len(), stored);
    assert_eq!(browser.send(&app, "GET", &path, &[]).await.status, 200, "a GET reaches the handler");
}

#[tokio::test]
async fn an_expired_offer_is_refused() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    app.shop.wait(seconds(301));
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 400);
    assert_eq!(browser.get(&app, "/").await.body, "anna NotBound");
}
