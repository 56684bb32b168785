//! Other options of the session layer, for an application that binds sessions.

use axum::http::StatusCode;
use axum::routing::{Router, get};
use cloakroom::{
    CommitPolicy, CookieConfig, CsrfLayer, CsrfRules, DeviceBinding, Error, Session, SessionHeader, SessionLayer,
    TokenPolicy,
};
use cloakroom_device::{Device, headers, offer};

use crate::adapters::App;
use crate::browser::{BOUND, Browser, REFRESH, REGISTER};
use crate::shop::{Outage, Shop, seconds};

const OFFER: &str = "secure-session-registration";

/// Without the commit, the store doesn't know the challenge.
#[tokio::test]
async fn an_offer_that_was_not_committed_is_not_sent() {
    async fn failing(session: Session) -> Result<StatusCode, Error> {
        session.sign_in("anna");
        session.bind_device()?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    }
    let shop = Shop::new();
    for (row, policy, offers) in
        [("always", CommitPolicy::Always, 1), ("not on errors", CommitPolicy::NotOnServerError, 0)]
    {
        let engine = shop.engine(DeviceBinding::enforce()).policy(policy);
        let app =
            App::router(shop.clone(), Router::new().route("/", get(failing)).layer(SessionLayer::from_engine(engine)));
        let answer = Browser::new(1).get(&app, "/").await;
        assert_eq!((answer.status, answer.all(OFFER).len()), (500, offers), "{row}");
    }
    let app = App::new(DeviceBinding::enforce());
    app.shop.store.fail(Outage::All);
    let answer = Browser::new(1).get(&app, "/sign-in").await;
    assert_eq!((answer.status, answer.all(OFFER).len()), (503, 0), "an outage");
    app.shop.store.fail(Outage::None);
    let answer = Browser::new(1).get(&app, "/early").await;
    assert_eq!((answer.status, answer.all(OFFER).len()), (200, 1), "committed before the response");
}

/// A user whose browser has lost its key signs in again, even if each form needs a token.
#[tokio::test]
async fn an_unproven_visitor_can_use_the_sign_in_form() {
    async fn form(session: Session) -> Result<String, Error> {
        Ok(session.csrf_token()?.expose().to_owned())
    }
    async fn sign_in(session: Session) {
        session.sign_in("anna");
    }
    let app = App::new(DeviceBinding::enforce());
    let browser = Browser::armed(&app).await;
    let mut unproven = browser.clone();
    unproven.jar.remove(BOUND);
    let rules = CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap();
    let routes = Router::new().route("/", get(form).post(sign_in)).layer(CsrfLayer::new(rules));
    let engine = app.shop.engine(DeviceBinding::enforce());
    let shop = App::router(app.shop.clone(), routes.layer(SessionLayer::from_engine(engine)));
    let token = unproven.get(&shop, "/").await.body;
    assert_ne!(token, browser.clone().get(&shop, "/").await.body, "the token of the session stays secret");
    let lines = |token| [("sec-fetch-site", "same-origin"), ("x-csrf-token", token)];
    assert_eq!(browser.clone().send(&shop, "POST", "/", &lines(&token)).await.status, 403);
    assert_eq!(unproven.send(&shop, "POST", "/", &lines(&token)).await.status, 200);
    assert_eq!(unproven.get(&app, "/").await.body, "anna NotBound");
}

/// A sign-out that wasn't committed leaves the browser as it is.
#[tokio::test]
async fn the_site_is_cleared_only_with_a_commit() {
    async fn failing(session: Session) -> StatusCode {
        session.invalidate();
        session.clear_site_data();
        StatusCode::INTERNAL_SERVER_ERROR
    }
    for (row, policy, cleared) in
        [("always", CommitPolicy::Always, 1), ("not on errors", CommitPolicy::NotOnServerError, 0)]
    {
        let app = App::new(DeviceBinding::enforce());
        let mut browser = Browser::armed(&app).await;
        let engine = app.shop.engine(DeviceBinding::enforce()).policy(policy);
        let routes = Router::new().route("/", get(failing)).layer(SessionLayer::from_engine(engine));
        let answer = browser.get(&App::router(app.shop.clone(), routes), "/").await;
        assert_eq!((answer.status, answer.all("clear-site-data").len()), (500, cleared), "{row}");
        let user = if cleared == 1 { "visitor" } else { "anna" };
        assert!(browser.get(&app, "/").await.body.starts_with(user), "{row}");
    }
}

/// A stream begins after the headers were sent: an offer would never reach the browser.
#[tokio::test]
async fn an_offer_after_the_headers_is_an_error() {
    use cloakroom::adapter::{CookieHeader, SessionSlot};

    let shop = Shop::new();
    let slot = SessionSlot::new(shop.engine(DeviceBinding::enforce()).into());
    let session = slot.open(CookieHeader::default()).await.unwrap();
    session.sign_in("anna");
    assert!(slot.finish(200).await.unwrap().headers.is_empty());
    let error = session.bind_device().unwrap_err();
    assert!(error.is_headers_sent(), "{error}");
    session.insert("seen", true).unwrap();
    session.commit_now().await.unwrap();
    assert_eq!(session.bound_at(), None);
}

/// Programs have no device that browsers know, and the endpoints read cookies only.
#[tokio::test]
async fn sessions_of_programs_are_never_bound() {
    let shop = Shop::new();
    let app = App::with_engine(shop.clone(), shop.engine(DeviceBinding::enforce()).header(SessionHeader::bearer()));
    let mut program = Browser::new(1);
    let answer = program.send(&app, "GET", "/sign-in", &[("authorization", "Bearer new")]).await;
    assert_eq!((answer.status, answer.one(OFFER)), (200, None));
    let bearer = format!("Bearer {}", answer.one("session-id").unwrap());
    let answer = program.send(&app, "GET", "/", &[("authorization", &bearer)]).await;
    assert_eq!(answer.body, "anna NotBound");

    // The endpoints find no session, and the id of a bound session is worth nothing in a header.
    let mut browser = Browser::new(2);
    let (challenge, _) = browser.sign_in(&app).await;
    let proof = Device::new(2).registers(&challenge);
    let id = browser.jar.values().next().unwrap().clone();
    let bearer = format!("Bearer {id}");
    let lines = [headers(None, Some(&proof)), vec![("authorization", bearer.as_str())]].concat();
    assert_eq!(program.send(&app, "POST", REGISTER, &lines).await.status, 400);
    assert_eq!(browser.register(&app, &challenge, REGISTER).await.status, 200);
    browser.get(&app, "/").await;
    app.shop.wait(seconds(10));
    for path in ["/", "/write", "/pay"] {
        let answer = program.send(&app, "GET", path, &[("authorization", &bearer)]).await;
        assert!(answer.body == "visitor Missing" || answer.status == 403, "{path}: {answer:?}");
        assert_eq!((answer.one("session-id"), answer.all("set-cookie").len()), (None, 0), "{path}");
    }
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"));
    assert_eq!(browser.refresh(&app).await.status, 200);
}

fn site() -> DeviceBinding {
    DeviceBinding::enforce().cookie(CookieConfig::default().name("__Secure-bound")).include_site()
}

/// The bound cookie is for the same domain as the session's cookie.
#[tokio::test]
async fn the_bound_cookie_belongs_to_the_domain_of_the_host() {
    let shop = Shop::with_cookie(CookieConfig::default().name("__Secure-session"));
    let domains = ["shop.example", "bakery.example"];
    let engine = shop.plain_engine().cookie_domains(domains).unwrap().device_binding(site()).unwrap();
    // A bound cookie with a domain allows both orders of the options.
    let own = CookieConfig::default().name("__Secure-bound").domain("other.example");
    let other = shop.plain_engine().device_binding(site().cookie(own)).unwrap().cookie_domains(domains).unwrap();
    let hosts = [
        ("www.shop.example", "; Domain=shop.example"),
        ("bakery.example", "; Domain=bakery.example"),
        ("localhost", ""),
    ];
    for (row, engine, hosts) in [("domains first", engine, &hosts[..]), ("binding first", other, &hosts[..2])] {
        let app = App::with_engine(shop.clone(), engine);
        for &(host, domain) in hosts {
            let mut browser = Browser::new(1).at(host);
            let answer = browser.get(&app, "/sign-in").await;
            let (path, challenge) = offer(answer.one(OFFER).unwrap());
            let answer = browser.register(&app, &challenge, &path).await;
            let bound = answer.all("set-cookie").into_iter().find(|it| it.starts_with("__Secure-bound")).unwrap();
            let attributes = format!("Path=/{domain}; Secure; HttpOnly; SameSite=Lax");
            assert_eq!(bound.replace("; Max-Age=600", "").split_once("; ").unwrap().1, attributes, "{row}, {host}");
            assert!(
                answer.body.contains(&format!("\"attributes\":\"{attributes}\"")),
                "{row}, {host}: {}",
                answer.body
            );
            browser.get(&app, "/").await;
            app.shop.wait(seconds(31));
            let demand = browser.get(&app, "/pay").await;
            let removal = demand.all("set-cookie").into_iter().find(|it| it.starts_with("__Secure-bound=;")).unwrap();
            assert_eq!((demand.status, removal.contains("Domain=")), (307, !domain.is_empty()), "{row}, {host}");
            assert!(removal.contains(domain), "{row}, {host}: {removal}");
            let (challenge, id) = browser.known.clone().unwrap();
            let proof = browser.device.refreshes(&challenge);
            let answer = browser.send(&app, "POST", REFRESH, &headers(Some(&id), Some(&proof))).await;
            assert!(
                answer.all("set-cookie").iter().any(|it| it.starts_with("__Secure-bound") && it.contains(domain)),
                "{row}, {host}"
            );
        }
    }
}

#[test]
fn a_bound_cookie_of_one_host_and_cookie_domains_exclude_each_other() {
    let shop = Shop::with_cookie(CookieConfig::default().name("__Secure-session"));
    let named = DeviceBinding::enforce().cookie(CookieConfig::default().name("__Secure-bound"));
    for (row, binding, option) in [
        ("a name that allows no domain", DeviceBinding::enforce().include_site(), "cookie"),
        ("one origin of several with the cookie", named, "include_site"),
    ] {
        let domains = || shop.plain_engine().cookie_domains(["shop.example"]).unwrap();
        let error = domains().device_binding(binding.clone()).unwrap_err();
        assert_eq!(error.option(), option, "{row}: {error}");
        let engine = shop.plain_engine().device_binding(binding);
        // Alone, `include_site` needs a domain of the cookie.
        let error = engine.and_then(|engine| engine.cookie_domains(["shop.example"])).unwrap_err();
        assert!(["include_site", "cookie"].contains(&error.option()), "{row}: {error}");
    }
    assert_eq!(BOUND, "__Host-bound");
}
