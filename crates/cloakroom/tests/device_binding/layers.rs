//! Session layers inside other layers and routers, and the requests that they pass on.

use std::sync::Arc;

use axum::http::Response;
use axum::routing::Router;
use bytes::Bytes;
use cloakroom::{CookieConfig, CsrfLayer, DeviceBinding, Error, NamedSession, SessionLayer};

use crate::adapters::{ADAPTERS, App, nested, pages, scoped, strict};
use crate::browser::{BOUND, Browser, REFRESH, REGISTER};
use crate::shop::{Outage, Shop, seconds};

/// Only POST requests to the two paths are answered by the layer.
#[tokio::test]
async fn other_requests_reach_the_application_on_every_adapter() {
    for (name, make) in ADAPTERS {
        let app = App::of(make, DeviceBinding::enforce());
        let mut browser = Browser::new(1);
        browser.sign_in(&app).await;
        for path in [REGISTER, REFRESH] {
            for (method, body) in [("GET", "anna NotBound"), ("HEAD", ""), ("OPTIONS", "anna NotBound")] {
                let answer = browser.send(&app, method, path, &[]).await;
                assert_eq!(answer.status, 200, "{name}, {method} {path}");
                // Servers remove the body of a response to HEAD.
                assert!(answer.body == body || method == "HEAD", "{name}, {method} {path}: {answer:?}");
            }
        }
        // The CSRF check refuses all other POST requests.
        for path in ["/write", "/.well-known/dbsc/other"] {
            let answer = browser.send(&app, "POST", path, &[("content-length", "0")]).await;
            assert_eq!(answer.status, 403, "{name}, {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_offer_is_sent_once_and_never_cached_on_every_adapter() {
    for (name, make) in ADAPTERS {
        let app = App::of(make, DeviceBinding::enforce());
        let mut browser = Browser::new(1);
        let answer = browser.get(&app, "/sign-in").await;
        assert_eq!(answer.all("secure-session-registration").len(), 1, "{name}");
        assert_eq!(answer.one("cache-control"), Some("private, no-store"), "{name}");
        assert_eq!(browser.get(&app, "/").await.one("secure-session-registration"), None, "{name}");
    }
}

/// The router hides the prefix from handlers, but not from the layers around it.
#[tokio::test]
async fn a_demand_in_a_nested_router_leads_back_to_the_whole_path() {
    let shop = Shop::new();
    let engine = shop.engine(DeviceBinding::enforce());
    let app = nested(shop, engine);
    let mut browser = Browser::new(1);
    let answer = browser.get(&app, "/admin/sign-in").await;
    let (path, challenge) = cloakroom_device::offer(answer.one("secure-session-registration").unwrap());
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    browser.get(&app, "/admin/").await;
    app.shop.wait(seconds(31));
    let answer = browser.get(&app, "/admin/pay?to=1").await;
    assert_eq!((answer.status, answer.one("location")), (307, Some("/admin/pay?to=1")), "{answer:?}");
}

/// A scope of actix-web hides nothing.
#[tokio::test]
async fn a_middleware_around_a_scope_answers_the_paths_within_it() {
    let app = App::of(scoped, DeviceBinding::enforce().path("/admin/dbsc"));
    let mut browser = Browser::new(1);
    let answer = browser.get(&app, "/admin/sign-in").await;
    let (path, challenge) = cloakroom_device::offer(answer.one("secure-session-registration").unwrap());
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    browser.get(&app, "/admin/").await;
    app.shop.wait(seconds(31));
    let answer = browser.get(&app, "/admin/pay").await;
    assert_eq!((answer.status, answer.one("location")), (307, Some("/admin/pay")), "{answer:?}");
    assert_eq!(app.send("GET", "/", &[]).await.status, 404, "outside of the scope");
}

/// A path such as `//evil.example` is another origin for a browser.
#[tokio::test]
async fn a_demand_never_leads_to_another_origin() {
    let app = App::new(DeviceBinding::enforce());
    let browser = Browser::armed(&app).await;
    app.shop.wait(seconds(31));
    for path in ["//evil.example/pay", "/\\evil.example/pay"] {
        let answer = browser.clone().get(&app, path).await;
        assert_eq!((answer.status, answer.one("location")), (403, None), "{path}: {answer:?}");
    }
}

struct Admin;

/// Each layer has its own path, cookie and binding.
#[tokio::test]
async fn nested_layers_bind_their_sessions_independently() {
    let (site, admin) = (Shop::new(), Shop::with_cookie(CookieConfig::default().name("__Host-admin")));
    let own = DeviceBinding::enforce().path("/admin/dbsc").cookie(CookieConfig::default().name("__Host-admin-bound"));
    async fn sign_in(admin: NamedSession<Admin>) -> Result<(), Error> {
        admin.sign_in("root");
        admin.bind_device()
    }
    async fn show(admin: NamedSession<Admin>) -> String {
        format!("{:?} {:?}", admin.owner(), admin.proof())
    }
    let router = pages()
        .route("/admin/sign-in", axum::routing::get(sign_in))
        .route("/admin", axum::routing::get(show))
        .layer(CsrfLayer::new(strict()))
        .layer(SessionLayer::from_engine(site.engine(DeviceBinding::enforce())))
        .layer(SessionLayer::from_engine(admin.engine(own)).named::<Admin>());
    let app = App::router(site, router);
    let mut browser = Browser::bound(&app).await;
    let answer = browser.get(&app, "/admin/sign-in").await;
    let (path, challenge) = cloakroom_device::offer(answer.one("secure-session-registration").unwrap());
    assert_eq!(path, "/admin/dbsc/register");
    let mut other = browser.clone();
    assert_eq!(other.register(&app, &challenge, REGISTER).await.status, 400, "the endpoint of the other layer");
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
    assert!(browser.get(&app, "/admin").await.body.starts_with("Some(\"root\") Fresh"));
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"));
    browser.jar.remove(BOUND);
    assert!(browser.get(&app, "/admin").await.body.starts_with("Some(\"root\") Fresh"));
}

/// Two bindings in one cookie would end each other.
#[tokio::test]
async fn two_layers_with_one_bound_cookie_or_path_are_refused() {
    let cookie = || CookieConfig::default().name("__Host-other");
    for (row, binding, shared) in [
        ("one cookie", DeviceBinding::enforce().path("/other"), "cookie"),
        ("one path", DeviceBinding::enforce().cookie(cookie()), "path"),
        ("neither", DeviceBinding::enforce().cookie(cookie()).path("/other"), ""),
    ] {
        let (site, admin) = (Shop::new(), Shop::with_cookie(CookieConfig::default().name("__Host-admin")));
        let outer = cloakroom::adapter::SessionSlot::new(Arc::new(site.engine(DeviceBinding::enforce())));
        let inner = cloakroom::adapter::SessionSlot::inside(Arc::new(admin.engine(binding)), Some(&outer));
        let opened = inner.open(cloakroom::adapter::CookieHeader::default()).await;
        match opened {
            Ok(_) => assert!(shared.is_empty(), "{row}"),
            Err(error) => assert!(!shared.is_empty() && error.to_string().contains(shared), "{row}: {error}"),
        }
    }
}

/// The browser would end its session after any other status.
#[tokio::test]
async fn an_outage_at_the_endpoints_is_503_whatever_the_application_answers() {
    let shop = Shop::new();
    let sorry = |_: &Error| Response::builder().status(302).header("location", "/sorry").body(Bytes::new()).unwrap();
    let layer = SessionLayer::from_engine(shop.engine(DeviceBinding::enforce())).on_error(sorry);
    let page = axum::routing::get(async |session: cloakroom::Session| session.insert("seen", true));
    let plain = shop.clone();
    let app = App::router(shop, Router::new().route("/page", page).layer(CsrfLayer::new(strict())).layer(layer));
    let mut browser = Browser::armed(&App::with_engine(plain.clone(), plain.engine(DeviceBinding::enforce()))).await;
    plain.store.fail(Outage::Writes);
    assert_eq!(browser.get(&app, "/page").await.status, 302);
    let answer = browser.refresh(&app).await;
    assert_eq!((answer.status, answer.one("location")), (503, None));
    plain.store.fail(Outage::None);
    assert_eq!(browser.refresh(&app).await.status, 200);
}
