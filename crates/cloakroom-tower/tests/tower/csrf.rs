//! The truth table: every kind of request, under every policy and mode, compared with an oracle
//! written from the table in the design.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::any;
use cloakroom_session::{CookieConfig, CsrfGuard, CsrfRules, Keyring, Session, TokenPolicy};
use cloakroom_tower::CsrfLayer;
use cloakroom_tower::axum::FormToken;
use http::{Request, Response, StatusCode, header};

use crate::browser::{Browser, NAME, Sent, Site, always, always_with, full, key, request, session_layer, set_cookies};

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "get"];
const SITES: [Option<&str>; 6] =
    [None, Some("same-origin"), Some("none"), Some("same-site"), Some("cross-site"), Some("same-planet")];
const ORIGINS: [Option<&str>; 6] = [
    None,
    Some("https://own.example"),
    Some("https://pay.example"),
    Some("https://evil.example"),
    Some("null"),
    Some(""),
];
const REFERERS: [Option<&str>; 4] = [
    None,
    Some("https://own.example/cart"),
    Some("https://pay.example/"),
    Some("https://evil.example/?https://own.example"),
];

/// The location and validity of the request's token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    None,
    Raw,
    Masked,
    Wrong,
    /// The body isn't searched if the header has a token.
    WrongHeaderRightBody,
    EmptyHeaderRightBody,
    Query,
    Urlencoded,
    WrongUrlencoded,
    Multipart,
    MultipartFile,
    Json,
}

const TOKENS: [Token; 12] = [
    Token::None,
    Token::Raw,
    Token::Masked,
    Token::Wrong,
    Token::WrongHeaderRightBody,
    Token::EmptyHeaderRightBody,
    Token::Query,
    Token::Urlencoded,
    Token::WrongUrlencoded,
    Token::Multipart,
    Token::MultipartFile,
    Token::Json,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Session,
    DoubleSubmit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Always,
    WhenUnsure,
    ReportOnly,
    OriginOnly,
    TokenOnly,
    Exempt,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    method: &'static str,
    site: Option<&'static str>,
    origin: Option<&'static str>,
    referer: Option<&'static str>,
    token: Token,
}

fn cases() -> impl Iterator<Item = Case> {
    METHODS.into_iter().flat_map(|method| {
        SITES.into_iter().flat_map(move |site| {
            ORIGINS.into_iter().flat_map(move |origin| {
                REFERERS.into_iter().flat_map(move |referer| {
                    TOKENS.into_iter().map(move |token| Case { method, site, origin, referer, token })
                })
            })
        })
    })
}

/// The origin check, as defined by the design's table.
fn origin_verdict(case: &Case) -> Result<(), &'static str> {
    let welcome = ["https://own.example", "https://pay.example"];
    match (case.site, case.origin, case.referer) {
        (Some("same-origin" | "none"), ..) => Ok(()),
        (Some("same-site" | "cross-site"), Some("https://pay.example"), _) => Ok(()),
        (Some("same-site" | "cross-site"), ..) => Err("cross-site"),
        (_, Some("null"), _) => Err("null-origin"),
        (_, Some(origin), _) if welcome.contains(&origin) => Ok(()),
        (_, Some(_), _) => Err("foreign-origin"),
        (_, None, Some(referer)) if welcome.iter().any(|it| referer.starts_with(&format!("{it}/"))) => Ok(()),
        (_, None, Some(_)) => Err("foreign-origin"),
        (Some(_), None, None) => Err("unknown-site"),
        (None, None, None) => Err("no-origin"),
    }
}

fn token_verdict(token: Token) -> Result<(), &'static str> {
    match token {
        Token::Raw | Token::Masked | Token::EmptyHeaderRightBody | Token::Urlencoded | Token::Multipart => Ok(()),
        Token::Wrong | Token::WrongHeaderRightBody | Token::WrongUrlencoded => Err("token-mismatch"),
        Token::None | Token::Query | Token::MultipartFile | Token::Json => Err("token-missing"),
    }
}

/// Returns `Ok` if the handler runs, or else the reason of the refusal.
fn oracle(case: &Case, mode: Mode) -> Result<(), &'static str> {
    if matches!(case.method, "GET" | "HEAD") {
        return Ok(());
    }
    match mode {
        Mode::Exempt | Mode::ReportOnly => Ok(()),
        Mode::OriginOnly => origin_verdict(case),
        Mode::TokenOnly => token_verdict(case.token),
        Mode::Always => origin_verdict(case).and_then(|()| token_verdict(case.token)),
        Mode::WhenUnsure => origin_verdict(case).and_then(|()| match (case.site, case.origin) {
            (Some("same-origin" | "none"), _) | (_, Some(_)) => Ok(()),
            (_, None) => token_verdict(case.token),
        }),
    }
}

struct World {
    site: Site,
    ran: Arc<AtomicU32>,
    visitor: Browser,
    masked: String,
    raw: String,
}

fn rules(mode: Mode) -> CsrfRules {
    let rules = CsrfRules::builder().trusted_origin("https://pay.example");
    let always = rules.clone().token_policy(TokenPolicy::Always);
    match mode {
        Mode::Always | Mode::Exempt => always,
        Mode::WhenUnsure => rules,
        Mode::ReportOnly => always.danger_report_only(),
        Mode::OriginOnly => rules.origin_only(),
        Mode::TokenOnly => rules.danger_token_only(),
    }
    .build()
    .unwrap()
}

fn layer(policy: Policy, mode: Mode) -> CsrfLayer {
    let cookie = CookieConfig::default().name("__Host-Http-csrf");
    let guard = match policy {
        Policy::Session => CsrfGuard::new(rules(mode)),
        Policy::DoubleSubmit => {
            CsrfGuard::double_submit(rules(mode), &Keyring::new(key(1)), cookie, Some(NAME)).unwrap()
        }
    };
    let layer = CsrfLayer::from_guard(guard).on_refusal(|refusal, _| {
        let mut response = Response::new(refusal.as_str().into());
        *response.status_mut() = StatusCode::from_u16(refusal.status()).unwrap();
        response
    });
    if mode == Mode::Exempt { layer.exempt() } else { layer }
}

fn world(policy: Policy, mode: Mode) -> World {
    let ran = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ran);
    let handler = move |session: Session| {
        count.fetch_add(1, Ordering::SeqCst);
        // Always write, so that the session cookie shows that the handler ran.
        session.changed();
        async { "ran" }
    };
    let raw = |session: Session| async move { session.csrf_token().unwrap().expose().to_owned() };
    let token = |token: FormToken| async move { token.to_string() };
    let router = Router::new()
        .route("/", any(handler))
        .route("/raw", any(raw))
        .route("/token", any(token))
        .layer(layer(policy, mode))
        .layer(session_layer());
    let site = Site::new(router);
    let mut visitor = Browser::default();
    let text = |response: Response<bytes::Bytes>| String::from_utf8(response.into_body().to_vec()).unwrap();
    let masked = text(visitor.get(&site, "/token"));
    let raw = match policy {
        Policy::Session => text(visitor.get(&site, "/raw")),
        Policy::DoubleSubmit => unsealed(visitor.value("__Host-Http-csrf").unwrap()),
    };
    World { site, ran, visitor, masked, raw }
}

/// Extracts the token from a signed token cookie.
fn unsealed(value: &str) -> String {
    let purpose = "csrf:__Host-Http-csrf";
    let sealer = cloakroom_session::factory::Sealer::new(
        cloakroom_session::factory::Seal::Signed,
        &Keyring::new(key(1)),
        purpose,
    );
    sealer.unwrap().unseal(value).unwrap()
}

const PARTS: &str = "multipart/form-data; boundary=XX";
const PAIRS: &str = "application/x-www-form-urlencoded";

fn part(token: &str, file: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"csrf_token\"{file}\r\n\r\n{token}\r\n--XX--\r\n")
}

impl World {
    fn request(&self, case: &Case) -> Request<Sent> {
        let path = if case.token == Token::Query { format!("/?csrf_token={}", self.raw) } else { "/".to_owned() };
        let mut builder = request(case.method, &path);
        for (name, value) in [("sec-fetch-site", case.site), ("origin", case.origin), ("referer", case.referer)] {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        let header_token = match case.token {
            Token::Raw => Some(self.raw.as_str()),
            Token::Masked => Some(self.masked.as_str()),
            Token::Wrong | Token::WrongHeaderRightBody => Some("wrong"),
            Token::EmptyHeaderRightBody => Some(""),
            _ => None,
        };
        if let Some(token) = header_token {
            builder = builder.header("X-CSRF-Token", token);
        }
        let masked = &self.masked;
        let body = match case.token {
            Token::Urlencoded | Token::WrongHeaderRightBody | Token::EmptyHeaderRightBody => {
                Some((PAIRS, format!("a=1&csrf_token={masked}")))
            }
            Token::WrongUrlencoded => Some((PAIRS, format!("csrf_token=wrong&csrf_token={masked}"))),
            Token::Multipart => Some((PARTS, part(masked, ""))),
            Token::MultipartFile => Some((PARTS, part(masked, "; filename=\"t\""))),
            Token::Json => Some(("application/json", format!("{{\"csrf_token\":\"{masked}\"}}"))),
            _ => None,
        };
        match body {
            Some((content_type, body)) => builder.header(header::CONTENT_TYPE, content_type).body(full(body)).unwrap(),
            None => builder.body(full("")).unwrap(),
        }
    }
}

/// Runs every case of one policy and mode. Returns the number of cases, and of those that passed.
fn table(policy: Policy, mode: Mode) -> (u32, u32) {
    let world = world(policy, mode);
    let (mut count, mut passed) = (0, 0);
    for case in cases() {
        let before = world.ran.load(Ordering::SeqCst);
        let response = world.visitor.clone().send(&world.site, world.request(&case));
        let ran = world.ran.load(Ordering::SeqCst) - before;
        let expected = oracle(&case, mode);
        count += 1;
        match expected {
            Ok(()) => {
                passed += 1;
                assert_eq!((response.status().as_u16(), ran), (200, 1), "{policy:?}, {mode:?}: {case:?}");
                assert!(!set_cookies(&response).is_empty(), "{policy:?}, {mode:?}: {case:?}");
            }
            Err(reason) => {
                assert_eq!((response.status().as_u16(), ran), (403, 0), "{policy:?}, {mode:?}: {case:?}");
                assert_eq!(response.body().as_ref(), reason.as_bytes(), "{policy:?}, {mode:?}: {case:?}");
                assert!(set_cookies(&response).is_empty(), "{policy:?}, {mode:?}: {case:?}");
            }
        }
    }
    (count, passed)
}

// Safe methods alone have 3,456 cases. Per other method, 76 of 144 origins pass, 4 of them by their
// Referer, and 5 of 12 tokens.
macro_rules! tables {
    ($($name:ident: $policy:ident, $mode:ident, $passed:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(table(Policy::$policy, Mode::$mode), (10_368, $passed));
        })*
    };
}

tables! {
    enforced_with_tokens_in_the_session: Session, Always, 4_976;
    unsure_with_tokens_in_the_session: Session, WhenUnsure, 6_992;
    reported_with_tokens_in_the_session: Session, ReportOnly, 10_368;
    origin_only_with_tokens_in_the_session: Session, OriginOnly, 7_104;
    token_only_with_tokens_in_the_session: Session, TokenOnly, 6_336;
    exempt_with_tokens_in_the_session: Session, Exempt, 10_368;
    enforced_with_tokens_in_a_cookie: DoubleSubmit, Always, 4_976;
    unsure_with_tokens_in_a_cookie: DoubleSubmit, WhenUnsure, 6_992;
    reported_with_tokens_in_a_cookie: DoubleSubmit, ReportOnly, 10_368;
    origin_only_with_tokens_in_a_cookie: DoubleSubmit, OriginOnly, 7_104;
    token_only_with_tokens_in_a_cookie: DoubleSubmit, TokenOnly, 6_336;
    exempt_with_tokens_in_a_cookie: DoubleSubmit, Exempt, 10_368;
}

#[test]
fn a_visitor_without_a_session_is_refused_and_gets_none() {
    for policy in [Policy::Session, Policy::DoubleSubmit] {
        let world = world(policy, Mode::Always);
        for token in TOKENS {
            let case = Case { method: "POST", site: Some("same-origin"), origin: None, referer: None, token };
            for (name, mut browser) in [("no cookie", Browser::default()), ("garbage", garbage())] {
                let response = browser.send(&world.site, world.request(&case));
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{policy:?}, {name}, {token:?}");
                assert_eq!(response.body().as_ref(), b"nothing-to-match", "{policy:?}, {name}, {token:?}");
                assert!(set_cookies(&response).is_empty(), "{policy:?}, {name}, {token:?}");
            }
        }
    }
}

fn garbage() -> Browser {
    let mut browser = Browser::default();
    for name in [NAME, "__Host-Http-csrf"] {
        let (name, value) = (name.to_owned(), "s1.garbage".to_owned());
        browser.jar.push(crate::browser::Kept { name, value, until: None });
    }
    browser
}

#[test]
fn another_visitor_s_token_is_refused() {
    for policy in [Policy::Session, Policy::DoubleSubmit] {
        let world = world(policy, Mode::Always);
        let mut other = Browser::default();
        other.get(&world.site, "/token");
        for token in [Token::Raw, Token::Masked, Token::Urlencoded, Token::Multipart] {
            let case = Case { method: "POST", site: Some("same-origin"), origin: None, referer: None, token };
            let response = other.send(&world.site, world.request(&case));
            assert_eq!(response.body().as_ref(), b"token-mismatch", "{policy:?}, {token:?}");
        }
    }
}

#[test]
fn options_of_the_rules_take_effect_over_http() {
    let ask = |rules: CsrfRules, build: fn(http::request::Builder, &str) -> Request<Sent>| {
        let router = Router::new()
            .route("/token", any(|token: FormToken| async move { token.to_string() }))
            .route("/", any(|| async { "ran" }))
            .layer(CsrfLayer::new(rules))
            .layer(session_layer());
        let site = Site::new(router);
        let mut browser = Browser::default();
        let token = String::from_utf8(browser.get(&site, "/token").into_body().to_vec()).unwrap();
        browser.send(&site, build(request("POST", "/"), &token)).status().as_u16()
    };
    type Row = (&'static str, CsrfRules, fn(http::request::Builder, &str) -> Request<Sent>, u16);
    let default = always;
    let rows: Vec<Row> = vec![
        (
            "another header",
            always_with(|it| it.header("X-My-Token")),
            |it, token| it.header("sec-fetch-site", "none").header("x-my-token", token).body(full("")).unwrap(),
            200,
        ),
        (
            "the default header then counts no more",
            always_with(|it| it.header("X-My-Token")),
            |it, token| it.header("sec-fetch-site", "none").header("x-csrf-token", token).body(full("")).unwrap(),
            403,
        ),
        (
            "another field",
            always_with(|it| it.field("tok")),
            |it, token| {
                let it = it.header("sec-fetch-site", "none").header("content-type", PAIRS);
                it.body(full(format!("tok={token}"))).unwrap()
            },
            200,
        ),
        (
            "nothing said of where it comes from",
            default(),
            |it, token| it.header("x-csrf-token", token).body(full("")).unwrap(),
            403,
        ),
        (
            "which may be allowed",
            always_with(|it| it.danger_allow_no_origin()),
            |it, token| it.header("x-csrf-token", token).body(full("")).unwrap(),
            200,
        ),
        (
            "a method called safe",
            always_with(|it| it.danger_safe_method("POST")),
            |it, _| it.body(full("")).unwrap(),
            200,
        ),
        (
            "the own scheme is https",
            default(),
            |it, token| it.header("origin", "http://own.example").header("x-csrf-token", token).body(full("")).unwrap(),
            403,
        ),
        (
            "unless told otherwise",
            always_with(|it| it.danger_own_scheme_http()),
            |it, token| it.header("origin", "http://own.example").header("x-csrf-token", token).body(full("")).unwrap(),
            200,
        ),
        (
            "a fixed origin isn't what Host says",
            always_with(|it| it.own_origin("https://shop.example")),
            |it, token| {
                it.header("origin", "https://own.example").header("x-csrf-token", token).body(full("")).unwrap()
            },
            403,
        ),
        (
            "forwarding headers say nothing",
            default(),
            |it, token| {
                let it = it.header("origin", "https://evil.example").header("x-csrf-token", token);
                it.header("x-forwarded-host", "evil.example")
                    .header("forwarded", "host=evil.example")
                    .body(full(""))
                    .unwrap()
            },
            403,
        ),
        (
            "two origins are none",
            default(),
            |it, token| {
                let it = it.header("origin", "https://own.example").header("origin", "https://own.example");
                it.header("x-csrf-token", token).body(full("")).unwrap()
            },
            403,
        ),
        (
            "two Host headers are none",
            default(),
            |it, token| {
                let it = it.header("host", "own.example").header("origin", "https://own.example");
                it.header("x-csrf-token", token).body(full("")).unwrap()
            },
            403,
        ),
    ];
    for (name, rules, build, expected) in rows {
        assert_eq!(ask(rules, build), expected, "{name}");
    }
}

#[test]
fn a_refusal_says_why_to_developers_and_is_traced() {
    let router =
        Router::new().route("/", any(|| async { "ran" })).layer(CsrfLayer::new(always())).layer(session_layer());
    let site = Site::new(router);
    let cross = request("POST", "/").header("sec-fetch-site", "cross-site").body(full("")).unwrap();
    let (response, events) = crate::traces::traced(|| site.answer(cross));
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
    let body = std::str::from_utf8(response.body()).unwrap();
    assert!(body.contains("Sec-Fetch-Site"), "{body}");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].field("reason"), Some("cross-site"));
    assert_eq!(events[0].field("method"), Some("POST"));
}

#[test]
fn report_only_reports_and_the_handler_learns_of_it() {
    use cloakroom_session::Refusal;
    use cloakroom_session::adapter::{CsrfDecision, CsrfSlot};
    let handler = |axum::Extension(slot): axum::Extension<CsrfSlot>| async move { format!("{:?}", slot.decision()) };
    let router = Router::new()
        .route("/token", any(|token: FormToken| async move { token.to_string() }))
        .route("/", any(handler))
        .layer(CsrfLayer::new(always_with(|it| it.danger_report_only())))
        .layer(session_layer());
    let site = Site::new(router);
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&site, "/token").into_body().to_vec()).unwrap();
    for (name, method, from, token, expected, traced) in [
        ("safe", "GET", "cross-site", "", CsrfDecision::Unchecked, 0),
        ("passed", "POST", "same-origin", token.as_str(), CsrfDecision::Passed, 0),
        ("stage one", "POST", "cross-site", token.as_str(), CsrfDecision::Reported(Refusal::CrossSite), 1),
        ("stage two", "POST", "same-origin", "wrong", CsrfDecision::Reported(Refusal::TokenMismatch), 1),
    ] {
        let asked = request(method, "/").header("sec-fetch-site", from).header("x-csrf-token", token);
        let asked = asked.body(full("")).unwrap();
        let (response, events) = crate::traces::traced(|| browser.send(&site, asked));
        assert_eq!(response.body().as_ref(), format!("{expected:?}").as_bytes(), "{name}");
        assert_eq!(events.len(), traced, "{name}: {events:?}");
    }
}

#[test]
fn a_refusal_names_the_header_at_fault() {
    let site = Site::new(Router::new().route("/", any(|| async { "ran" })).layer(CsrfLayer::new(always())));
    for (name, headers, says) in [
        ("none of the headers", &[][..], "\"Sec-Fetch-Site: same-origin\", or its own Origin"),
        ("a header twice", &[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], "came twice"),
        ("an unknown value", &[("sec-fetch-site", "Same-Origin")], "unknown value"),
        ("two hosts", &[("host", "own.example"), ("origin", "https://own.example")], "came twice"),
        ("a page without a referrer", &[("origin", "null")], "Referrer-Policy: no-referrer"),
        ("another origin", &[("origin", "https://evil.example")], "another origin"),
    ] {
        let asked = headers.iter().fold(request("POST", "/"), |asked, (name, value)| asked.header(*name, *value));
        let response = site.answer(asked.body(full("")).unwrap());
        let body = std::str::from_utf8(response.body()).unwrap();
        assert_eq!(response.status(), 403, "{name}");
        assert!(body.contains(says) && !body.contains("danger_"), "{name}: {body}");
    }
}
