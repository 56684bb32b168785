//! Response headers: `Vary`, `Cache-Control` and `Set-Cookie`, and none if the session isn't used.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::get;
use cloakroom_session::adapter::FormToken;
use cloakroom_session::{CsrfRules, ManualClock, Session, SessionHeader};
use cloakroom_tower::{CsrfLayer, SessionLayer};
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, StatusCode};

use crate::browser::{Browser, NAME, START, Site, always, empty, full, request, session_layer, sessions, set_cookies};
use crate::traces::traced;

fn all(headers: &HeaderMap, name: http::HeaderName) -> Vec<&str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn site(vary: &'static [&'static str], cache: &'static [&'static str]) -> Site {
    let respond = move || {
        let vary = vary.iter().map(|value| (VARY, *value));
        let cache = cache.iter().map(|value| (CACHE_CONTROL, *value));
        AppendHeaders(vary.chain(cache).collect::<Vec<_>>())
    };
    let read = move |session: Session| async move {
        let _: Option<u32> = session.get("visits").unwrap();
        respond().into_response()
    };
    let write = move |session: Session| async move {
        session.update("visits", |visits: &mut u32| *visits += 1).unwrap();
        respond().into_response()
    };
    let end = move |session: Session| async move {
        session.invalidate();
        respond().into_response()
    };
    let untouched = move || async move { respond().into_response() };
    let router = Router::new()
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/end", get(end))
        .route("/untouched", get(untouched));
    Site::new(router.layer(session_layer()))
}

#[test]
fn what_each_use_of_the_session_adds() {
    for (name, vary, cache, path, expected_vary, expected_cache) in [
        ("untouched", &[][..], &[][..], "/untouched", &[][..], &[][..]),
        ("untouched, and public", &[], &["public, max-age=60"], "/untouched", &[], &["public, max-age=60"]),
        ("read", &[], &[], "/read", &["cookie"], &[]),
        ("read, varies already", &["Accept, Cookie"], &[], "/read", &["Accept, Cookie"], &[]),
        ("read, varies by something else", &["accept"], &[], "/read", &["accept", "cookie"], &[]),
        ("read, varies by everything", &["*"], &[], "/read", &["*"], &[]),
        ("read, a name that only looks like it", &["x-cookie"], &[], "/read", &["x-cookie", "cookie"], &[]),
        ("read, cacheable", &[], &["private, max-age=60"], "/read", &["cookie"], &["private, max-age=60"]),
        ("written", &[], &[], "/write", &["cookie"], &["private, no-store"]),
        ("written, no-store already", &[], &["no-store"], "/write", &["cookie"], &["no-store"]),
        ("written, stricter", &[], &["private, No-Store"], "/write", &["cookie"], &["private, No-Store"]),
        ("written, in a second line", &[], &["private", "no-store"], "/write", &["cookie"], &["private", "no-store"]),
        ("written, private", &[], &["private"], "/write", &["cookie"], &["private, no-store"]),
        ("written, public", &[], &["public, max-age=60"], "/write", &["cookie"], &["private, no-store"]),
        (
            "written, public in a second line",
            &[],
            &["max-age=60", "public"],
            "/write",
            &["cookie"],
            &["private, no-store"],
        ),
        ("removed", &[], &["public"], "/end", &["cookie"], &["private, no-store"]),
    ] {
        let site = site(vary, cache);
        let mut browser = Browser::default();
        browser.get(&site, "/write");
        let response = browser.get(&site, path);
        assert_eq!(all(response.headers(), VARY), expected_vary, "{name}");
        assert_eq!(all(response.headers(), CACHE_CONTROL), expected_cache, "{name}");
        let expected = usize::from(path == "/write" || path == "/end");
        assert_eq!(set_cookies(&response).len(), expected, "{name}");
    }
}

#[test]
fn a_cookie_for_shared_caches_is_corrected_and_traced() {
    for (cache, is_traced) in [
        (&["public"][..], true),
        (&["Public, max-age=1"], true),
        (&["s-maxage=60"], true),
        (&["private"], false),
        (&["max-age=60"], false),
        (&["no-store"], false),
        (&["public, no-store"], true),
        (&[], false),
    ] {
        let site = site(&[], cache);
        let (_, events) = traced(|| Browser::default().get(&site, "/write"));
        let warnings = events.iter().filter(|event| event.message.contains("shared caches")).count();
        assert_eq!(warnings, usize::from(is_traced), "{cache:?}: {events:?}");
    }
}

/// Fields that a cache prefers to `Cache-Control`.
const TARGETED: [(&str, &str); 11] = [
    ("cdn-cache-control", "max-age=600"),
    ("cloudflare-cdn-cache-control", "max-age=600"),
    ("vercel-cdn-cache-control", "max-age=600"),
    ("netlify-cdn-cache-control", "public, durable"),
    ("another-cdn-cache-control", "public"),
    ("surrogate-control", "max-age=600"),
    ("edge-control", "cache-maxage=600s"),
    ("akamai-cache-control", "max-age=600"),
    ("x-litespeed-cache-control", "public, max-age=600"),
    ("x-accel-expires", "600"),
    ("expires", "Thu, 31 Dec 2099 23:59:59 GMT"),
];

#[test]
fn a_response_with_a_cookie_or_a_token_is_stored_by_no_cache() {
    let public = || AppendHeaders(TARGETED.into_iter().chain([("cache-control", "public"), ("pragma", "public")]));
    let asked = move |session: Session, use_it: fn(&Session)| async move {
        use_it(&session);
        public()
    };
    let router = Router::new()
        .route("/write", get(move |session| asked(session, |it| it.insert("a", 1).unwrap())))
        .route("/end", get(move |session| asked(session, Session::invalidate)))
        .route("/read", get(move |session| asked(session, |it| _ = it.get::<u32>("a").unwrap())))
        .route("/token", get(move |session| asked(session, |it| drop(it.csrf_token().unwrap()))))
        .route("/masked", get(move |session| asked(session, |it| drop(it.masked_csrf_token().unwrap()))))
        .route("/form", get(move |_: FormToken| async move { public() }));
    let guarded = router.layer(CsrfLayer::new(CsrfRules::default()));
    let site = Site::new(guarded.layer(session_layer()));
    for (path, is_private, cookies) in [
        ("/write", true, 1),
        ("/token", true, 0),
        ("/masked", true, 0),
        ("/form", true, 0),
        ("/read", false, 0),
        ("/end", true, 1),
    ] {
        let mut browser = Browser::default();
        if path != "/write" {
            browser.get(&site, "/write");
        }
        let (response, events) = traced(|| browser.get(&site, path));
        let headers = response.headers();
        assert_eq!(set_cookies(&response).len(), cookies, "{path}");
        let expected = if is_private { "private, no-store" } else { "public" };
        assert_eq!(all(headers, CACHE_CONTROL), [expected], "{path}");
        for (name, _) in TARGETED {
            assert_eq!(headers.contains_key(name), !is_private, "{path}: {name}");
        }
        assert!(headers.contains_key("pragma"), "{path}: has no meaning in a response");
        let warnings = events.iter().filter(|event| event.message.contains("shared caches")).count();
        assert_eq!(warnings, usize::from(is_private), "{path}: {events:?}");
    }
}

#[test]
fn targeted_fields_that_forbid_storing_stay() {
    let strict = [("cdn-cache-control", "no-store"), ("x-accel-expires", "0"), ("expires", "0")];
    let write = move |session: Session| async move {
        session.insert("a", 1).unwrap();
        AppendHeaders(strict)
    };
    let site = Site::new(Router::new().route("/", get(write)).layer(session_layer()));
    let (response, events) = traced(|| Browser::default().get(&site, "/"));
    for (name, value) in strict {
        assert_eq!(response.headers()[name], value);
    }
    assert!(events.iter().all(|event| !event.message.contains("shared caches")), "{events:?}");
}

#[test]
fn a_response_without_a_session_is_unchanged() {
    async fn untouched() -> impl IntoResponse {
        (StatusCode::IM_A_TEAPOT, AppendHeaders([("x-tea", "green"), ("x-tea", "black"), ("set-cookie", "a=b")]), "tea")
    }
    let bare = Router::new().route("/", get(untouched));
    let layered = Site::new(bare.clone().layer(session_layer()));
    let bare = Site::new(bare);
    let ask = |site: &Site| site.answer(request("GET", "/").header("cookie", "a=1; b=2").body(empty()).unwrap());
    let (one, other) = (ask(&bare), ask(&layered));
    assert_eq!(one.status(), other.status());
    assert_eq!(one.headers(), other.headers());
    assert_eq!(one.version(), other.version());
    assert_eq!(one.body(), other.body());
}

#[test]
fn cookies_of_the_handler_are_kept() {
    async fn both(session: Session) -> impl IntoResponse {
        session.insert("a", 1).unwrap();
        AppendHeaders([(SET_COOKIE, "theme=dark")])
    }
    let site = Site::new(Router::new().route("/", get(both)).layer(session_layer()));
    let response = site.answer(request("GET", "/").body(empty()).unwrap());
    let lines = all(response.headers(), SET_COOKIE);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "theme=dark");
    assert!(lines[1].starts_with(NAME));
}

#[test]
fn cookie_headers_split_by_http_2_are_joined() {
    async fn who(session: Session) -> String {
        session.get::<String>("user").unwrap().unwrap_or_default()
    }
    async fn sign_in(session: Session) {
        session.insert("user", "ann").unwrap();
    }
    let router = Router::new().route("/", get(who)).route("/in", get(sign_in));
    let site = Site::new(router.layer(session_layer()));
    let mut browser = Browser::default();
    browser.get(&site, "/in");
    let ours = format!("{NAME}={}", browser.value(NAME).unwrap());
    for lines in [vec!["a=1", &ours, "b=2"], vec![&ours, "a=1"], vec!["a=1; b=2", &ours]] {
        let mut builder = request("GET", "/");
        for line in &lines {
            builder = builder.header("cookie", *line);
        }
        let response = site.answer(builder.body(empty()).unwrap());
        assert_eq!(response.body().as_ref(), b"ann", "{lines:?}");
    }
}

#[test]
fn a_refused_request_commits_nothing_and_touches_nothing() {
    let clock = Arc::new(ManualClock::at(START));
    let layer = SessionLayer::new(sessions()).clock(Arc::clone(&clock));
    let router = Router::new()
        .route(
            "/",
            get(|session: Session| async move { session.csrf_token().map(|_| "token") }).post(|| async { "ran" }),
        )
        .layer(CsrfLayer::new(always()))
        .layer(layer);
    let site = Site::new(router);
    let mut browser = Browser::default();
    assert_eq!(set_cookies(&browser.get(&site, "/")).len(), 1);
    clock.advance(Duration::from_secs(200));
    let forged = request("POST", "/").header("sec-fetch-site", "same-origin").header("x-csrf-token", "wrong");
    let refused = browser.send(&site, forged.body(full("")).unwrap());
    assert_eq!((refused.status().as_u16(), set_cookies(&refused).len()), (403, 0));
    assert_eq!(set_cookies(&browser.get(&site, "/")).len(), 1, "a read at this time touches the session");
}

#[test]
fn a_program_has_its_id_in_a_header() {
    let write = |session: Session| async move {
        let visits = session.update("visits", |visits: &mut u32| {
            *visits += 1;
            *visits
        });
        visits.unwrap().to_string()
    };
    let router = Router::new().route("/", axum::routing::post(write));
    let header = SessionHeader::named("x-session").unwrap();
    let site = Site::new(router.layer(CsrfLayer::new(always())).layer(session_layer().header(header)));
    let send = |id: &str| site.answer(request("POST", "/").header("x-session", id).body(empty()).unwrap());
    let first = send("new");
    let id = all(first.headers(), http::HeaderName::from_static("x-session"))[0].to_owned();
    assert!(first.headers()["x-session"].is_sensitive());
    assert_eq!(all(first.headers(), VARY), ["cookie", "x-session"]);
    assert_eq!(all(first.headers(), CACHE_CONTROL), ["private, no-store"]);
    assert!(set_cookies(&first).is_empty());
    let second = send(&id);
    assert_eq!((second.status(), &second.body()[..]), (StatusCode::OK, &b"2"[..]));
    assert_eq!(site.answer(request("POST", "/").body(empty()).unwrap()).status(), StatusCode::FORBIDDEN);
}
