//! axum: extractors, and their errors when a layer is missing.

use axum::Router;
use axum::routing::{get, post};
use cloakroom_session::{Error, Session};
use cloakroom_tower::CsrfLayer;
use cloakroom_tower::axum::{CheckedForm, FormToken};
use http::{Response, StatusCode, header};

use crate::browser::{Browser, NAME, Site, always, always_with, empty, full, request, session_layer, set_cookies};
use crate::traces::{Event, traced};

async fn visits(session: Session) -> Result<String, Error> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits += 1;
        *visits
    })?;
    Ok(visits.to_string())
}

async fn token(token: FormToken) -> String {
    token.to_string()
}

#[derive(serde::Deserialize)]
struct Order {
    item: String,
}

async fn order(CheckedForm(order): CheckedForm<Order>) -> String {
    order.item
}

fn errors(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.level == tracing::Level::ERROR).collect()
}

#[test]
fn a_missing_layer_is_named_in_the_trace_and_nowhere_else() {
    let csrf = || CsrfLayer::new(always());
    let ask = |router: Router, method: &str| {
        let form = request(method, "/")
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        Site::new(router).answer(form.body(full("item=hat")).unwrap())
    };
    let rows: Vec<(&str, Router, &str, &str)> = vec![
        ("a session", Router::new().route("/", get(visits)), "GET", "SessionLayer"),
        ("a token", Router::new().route("/", get(token)), "GET", "CsrfLayer"),
        ("a token, under sessions", Router::new().route("/", get(token)).layer(session_layer()), "GET", "CsrfLayer"),
        ("a token, without sessions", Router::new().route("/", get(token)).layer(csrf()), "GET", "SessionLayer"),
        ("a form", Router::new().route("/", post(order)), "POST", "CsrfLayer"),
        ("a check, without sessions", Router::new().route("/", post(order)).layer(csrf()), "POST", "SessionLayer"),
        (
            "layers the wrong way round",
            Router::new().route("/", post(order)).layer(session_layer()).layer(csrf()),
            "POST",
            "SessionLayer",
        ),
    ];
    for (name, router, method, layer) in rows {
        let (response, events) = traced(|| ask(router, method));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
        assert_eq!(response.body().as_ref(), b"Internal Server Error", "{name}");
        assert!(set_cookies(&response).is_empty(), "{name}");
        let errors = errors(&events);
        assert_eq!(errors.len(), 1, "{name}: {events:?}");
        let said = format!("{} {:?}", errors[0].message, errors[0].field("error"));
        assert!(said.contains(layer), "{name}: {said}");
    }
}

#[test]
fn an_optional_session_is_absent_without_a_layer() {
    async fn maybe(session: Option<Session>) -> Result<String, Error> {
        session.map_or_else(|| Ok("none".to_owned()), |session| session.insert("a", 1).map(|()| "some".to_owned()))
    }
    let routes = || Router::new().route("/", get(maybe));
    for (name, router, expected, cookies) in
        [("without a layer", routes(), "none", 0), ("with a layer", routes().layer(session_layer()), "some", 1)]
    {
        let (response, events) = traced(|| Site::new(router).answer(request("GET", "/").body(empty()).unwrap()));
        assert_eq!(response.body().as_ref(), expected.as_bytes(), "{name}");
        assert_eq!(set_cookies(&response).len(), cookies, "{name}");
        assert!(errors(&events).is_empty(), "{name}: {events:?}");
    }
}

#[test]
fn extractors_share_one_session() {
    async fn both(one: Session, other: Session, token: FormToken) -> String {
        one.insert("a", 1).unwrap();
        assert_eq!(other.get::<u32>("a").unwrap(), Some(1));
        assert!(other.csrf_token().unwrap().matches(token.as_str()));
        token.input()
    }
    async fn guard(
        session: Session,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> axum::response::Response {
        session.insert("guarded", true).unwrap();
        next.run(request).await
    }
    async fn guarded(session: Session) -> String {
        session.contains_key("guarded").to_string()
    }
    let router = Router::new()
        .route("/", get(both))
        .route("/guarded", get(guarded).layer(axum::middleware::from_fn(guard)))
        .layer(CsrfLayer::new(always()))
        .layer(session_layer());
    let site = Site::new(router);
    let response = site.answer(request("GET", "/").body(empty()).unwrap());
    let body = std::str::from_utf8(response.body()).unwrap();
    assert!(body.starts_with("<input type=\"hidden\" name=\"csrf_token\" value=\""), "{body}");
    assert_eq!(set_cookies(&response).len(), 1, "one session has one cookie");
    let response = site.answer(request("GET", "/guarded").body(empty()).unwrap());
    assert_eq!(response.body().as_ref(), b"true");
    assert_eq!(set_cookies(&response).len(), 1);
}

#[test]
fn a_visitor_is_known_from_request_to_request() {
    let site = Site::new(Router::new().route("/", get(visits)).layer(session_layer()));
    let mut browser = Browser::default();
    for visit in 1..=3 {
        assert_eq!(browser.get(&site, "/").body().as_ref(), visit.to_string().as_bytes());
    }
    assert_eq!(Browser::default().get(&site, "/").body().as_ref(), b"1");
    assert!(browser.value(NAME).is_some());
}

#[test]
fn a_handler_s_error_text_does_not_reach_the_client() {
    async fn fails(session: Session) -> Result<String, Error> {
        session.insert("secret key", "secret value")?;
        let number: Option<u32> = session.get("secret key")?;
        Ok(format!("{number:?}"))
    }
    let site = Site::new(Router::new().route("/", get(fails)).layer(session_layer()));
    let (response, events) = traced(|| Browser::default().get(&site, "/"));
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.body().as_ref(), b"Internal Server Error");
    let said = format!("{events:?}");
    assert!(said.contains("secret key") && !said.contains("secret value"), "{said}");
}

fn form(path: &str, site: &str, body: &str) -> http::Request<crate::browser::Sent> {
    request("POST", path)
        .header("sec-fetch-site", site)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(full(body.to_owned()))
        .unwrap()
}

#[test]
fn a_checked_form_checks_where_its_layer_does_not() {
    let enforce = CsrfLayer::new(always());
    let report = CsrfLayer::new(always_with(|it| it.danger_report_only()));
    let lax = CsrfLayer::new(always_with(|it| it.origin_only().danger_report_only()));
    let router = Router::new()
        .route("/token", get(token).layer(enforce.clone()))
        .route("/enforced", post(order).layer(enforce.clone()))
        .route("/exempt", post(order).layer(enforce.exempt()))
        .route("/reported", post(order).layer(report))
        .route("/origin", post(order).layer(lax))
        .layer(session_layer());
    let site = Site::new(router);
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&site, "/token").into_body().to_vec()).unwrap();
    for path in ["/enforced", "/exempt", "/reported", "/origin"] {
        let origin_only = path == "/origin";
        for (name, from, body, expected) in [
            ("right", "same-origin", format!("csrf_token={token}&item=hat"), 200),
            ("right, at the end", "same-origin", format!("item=hat&csrf_token={token}"), 200),
            ("no token", "same-origin", "item=hat".to_owned(), if origin_only { 200 } else { 403 }),
            ("wrong token", "same-origin", "item=hat&csrf_token=x".to_owned(), if origin_only { 200 } else { 403 }),
            ("elsewhere", "cross-site", format!("csrf_token={token}&item=hat"), 403),
            ("another shape", "same-origin", format!("csrf_token={token}&thing=hat"), 422),
        ] {
            let before = browser.value(NAME).unwrap().to_owned();
            let response = browser.send(&site, form(path, from, &body));
            assert_eq!(response.status().as_u16(), expected, "{path}, {name}");
            assert_eq!(response.status() == 200, response.body().as_ref() == b"hat", "{path}, {name}");
            assert_eq!(browser.value(NAME), Some(before.as_str()), "{path}, {name}");
        }
        let mut headers = form(path, "same-origin", "item=hat");
        headers.headers_mut().insert("x-csrf-token", token.parse().unwrap());
        assert_eq!(browser.send(&site, headers).status(), 200, "{path}: in the header");
        let fresh = Browser::default().send(&site, form(path, "same-origin", "item=hat&csrf_token=x"));
        assert_eq!(fresh.status().as_u16(), if origin_only { 200 } else { 403 }, "{path}: without a session");
        assert!(set_cookies(&fresh).is_empty(), "{path}: a failed check never creates a session");
        let mut json = form(path, "same-origin", "{}");
        json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        json.headers_mut().insert("x-csrf-token", token.parse().unwrap());
        assert_eq!(browser.send(&site, json).status(), 415, "{path}: not a form");
    }
}

#[test]
fn a_checked_form_leaves_the_token_out_and_knows_the_application_s_limit() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        item: Vec<String>,
    }
    async fn order(CheckedForm(order): CheckedForm<Strict>) -> String {
        order.item.join("+")
    }
    let csrf = CsrfLayer::new(always());
    let router = Router::new()
        .route("/token", get(token))
        .route("/", post(order).layer(axum::extract::DefaultBodyLimit::max(200)))
        .layer(csrf)
        .layer(session_layer());
    let site = Site::new(router);
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&site, "/token").into_body().to_vec()).unwrap();
    let response = browser.send(&site, form("/", "same-origin", &format!("item=hat&csrf_token={token}&item=a%26b+c")));
    assert_eq!((response.status(), response.body().as_ref()), (StatusCode::OK, b"hat+a&b c".as_slice()));
    let long = format!("csrf_token={token}&item={}", "x".repeat(200));
    assert_eq!(browser.send(&site, form("/", "same-origin", &long)).status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn an_exempt_route_inside_an_enforcing_layer_is_checked_and_traced() {
    let csrf = CsrfLayer::new(always());
    let router = Router::new()
        .route("/", post(|| async { "ran" }).layer(csrf.exempt()))
        .route("/get", get(|| async { "ran" }).layer(csrf.exempt()))
        .layer(csrf)
        .layer(session_layer());
    let site = Site::new(router);
    let refused: Response<_> = Browser::default().send(&site, form("/", "same-origin", ""));
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let (response, events) = traced(|| Browser::default().get(&site, "/get"));
    assert_eq!(response.status(), StatusCode::OK);
    assert!(events.iter().any(|event| event.message.contains("checked nevertheless")), "{events:?}");
}
