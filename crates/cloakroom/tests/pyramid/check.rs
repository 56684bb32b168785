//! 76 to 120, 130, 131: the CSRF check and its scope.

use axum::Router;
use axum::routing::{any, get};
use cloakroom::adapter::RequestFacts;
use cloakroom::for_axum::FormToken;
use cloakroom::{CsrfLayer, CsrfRules, CsrfToken, Refusal, TokenPolicy};

use crate::world::{OURS, PAIRS, Shop, always, always_with, ran, refused};

fn shop(rules: CsrfRules) -> Shop {
    Shop::new(CsrfLayer::new(rules))
}

/// Sends a POST with the right token in its header, and with additional headers.
fn from(rules: CsrfRules, headers: &[(&str, &str)]) -> (u16, String) {
    let mut shop = shop(rules);
    let token = shop.token.clone();
    let headers: Vec<_> = headers.iter().copied().chain([("x-csrf-token", token.as_str())]).collect();
    shop.ask("POST /", &headers, "")
}

pub(crate) fn names() {
    let rules = always_with(|it| it.field("tok").header("X-Tok"));
    let mut shop = shop(rules);
    let token = shop.token.clone();
    assert_eq!(shop.ask("POST /", &[OURS, PAIRS], &format!("a=1&tok={token}")), ran());
    assert_eq!(shop.ask("POST /", &[OURS, ("x-tok", &token)], ""), ran());
    assert_eq!(shop.ask("POST /", &[OURS, PAIRS], &format!("csrf_token={token}")), refused("token-missing"));
    assert_eq!(shop.ask("POST /", &[OURS, ("x-csrf-token", &token)], ""), refused("token-missing"));
}

pub(crate) fn in_the_body() {
    let mut shop = shop(always());
    let body = format!("csrf_token={}", shop.token);
    assert_eq!(shop.ask("POST /", &[OURS, PAIRS], &body), ran());
    assert_eq!(shop.ask("POST /", &[OURS, PAIRS], "csrf_token=wrong"), refused("token-mismatch"));
    let parts = "--X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n";
    let parts = format!("{parts}{}\r\n--X--\r\n", shop.token);
    assert_eq!(shop.ask("POST /", &[OURS, ("content-type", "multipart/form-data; boundary=X")], &parts), ran());
}

pub(crate) fn in_the_header() {
    let mut shop = shop(always());
    let token = shop.token.clone();
    for line in ["POST /", "PUT /", "PATCH /", "DELETE /"] {
        assert_eq!(shop.ask(line, &[OURS, ("X-CSRF-Token", &token)], ""), ran(), "{line}");
        assert_eq!(shop.ask(line, &[OURS, ("X-CSRF-Token", "wrong")], ""), refused("token-mismatch"), "{line}");
    }
}

pub(crate) fn header_first() {
    let mut shop = shop(always());
    let body = format!("csrf_token={}", shop.token);
    let wrong = ("x-csrf-token", "wrong");
    assert_eq!(shop.ask("POST /", &[OURS, PAIRS, wrong], &body), refused("token-mismatch"));
    assert_eq!(
        shop.ask("POST /", &[OURS, PAIRS, ("x-csrf-token", "")], &body),
        ran(),
        "an empty token is treated as absent"
    );
}

pub(crate) fn nowhere() {
    let mut shop = shop(always());
    let query = format!("POST /?csrf_token={}", shop.token);
    for line in ["POST /", &query] {
        assert_eq!(shop.ask(line, &[OURS], ""), refused("token-missing"), "{line}: never in the query");
        assert_eq!(shop.ask(line, &[OURS, PAIRS], "a=1"), refused("token-missing"), "{line}");
    }
}

pub(crate) fn as_a_value() {
    let token = CsrfToken::from_text("foo").unwrap();
    for (submitted, expected) in [("", false), ("bar", false), ("foo", true)] {
        assert_eq!(token.matches(submitted), expected, "{submitted:?}");
    }
}

pub(crate) fn http() {
    let http = [("origin", "http://own.example")];
    assert_eq!(from(always(), &http), refused("foreign-origin"));
    assert_eq!(from(always_with(|it| it.danger_own_scheme_http()), &http), ran());
    let evil = [("origin", "http://evil.example")];
    assert_eq!(from(always_with(|it| it.danger_own_scheme_http()), &evil), refused("foreign-origin"));
}

pub(crate) fn own_referer() {
    assert_eq!(from(always(), &[("referer", "https://own.example/login/?next=/")]), ran());
}

pub(crate) fn slash() {
    let evil = ("referer", "https://evil.example/");
    assert_eq!(from(always(), &[OURS, evil]), ran(), "the Origin wins");
    let slash = ("origin", "https://own.example/");
    assert_eq!(from(always(), &[slash, evil]), refused("foreign-origin"));
}

pub(crate) fn trusted_referer() {
    let rules = || always_with(|it| it.trusted_origin("https://not-own.example"));
    assert_eq!(from(rules(), &[("referer", "https://not-own.example/login/")]), ran());
    assert_eq!(from(rules(), &[("referer", "https://x.not-own.example/")]), refused("foreign-origin"));
}

pub(crate) fn ports() {
    let host = ("host", "own.example:8080");
    let rules = always;
    assert_eq!(from(rules(), &[host, ("referer", "https://own.example:8080/login/")]), ran());
    assert_eq!(from(rules(), &[host, ("referer", "https://own.example/login/")]), refused("foreign-origin"));
    assert_eq!(
        from(rules(), &[("referer", "https://own.example:443/")]),
        ran(),
        "the default port of https, which Pyramid refuses"
    );
}

pub(crate) fn nothing_said() {
    assert_eq!(from(always(), &[]), refused("no-origin"));
    assert_eq!(from(always_with(|it| it.danger_allow_no_origin()), &[]), ran());
}

pub(crate) fn foreign() {
    for header in ["referer", "origin"] {
        assert_eq!(from(always(), &[(header, "https://evil.example")]), refused("foreign-origin"), "{header}");
        let allowing = always_with(|it| it.danger_allow_no_origin());
        assert_eq!(from(allowing, &[(header, "https://evil.example")]), refused("foreign-origin"), "{header}");
    }
}

pub(crate) fn null() {
    let null = [("origin", "null")];
    assert_eq!(from(always(), &null), refused("null-origin"));
    assert_eq!(from(always_with(|it| it.danger_allow_no_origin()), &null), refused("null-origin"));
    assert_eq!(CsrfRules::builder().trusted_origin("null").build().unwrap_err().option(), "trusted_origin");
}

pub(crate) fn two_origins() {
    let rules = || always_with(|it| it.trusted_origin("https://pay.example"));
    for both in ["https://evil.example https://pay.example", "https://own.example, https://pay.example"] {
        assert_eq!(from(rules(), &[("origin", both)]), refused("foreign-origin"), "{both}");
    }
    assert_eq!(from(rules(), &[OURS, OURS]), refused("malformed-headers"), "in two headers");
}

pub(crate) fn http_referer() {
    assert_eq!(from(always(), &[("referer", "http://own.example/")]), refused("foreign-origin"));
}

pub(crate) fn empty_origin() {
    let referer = ("referer", "https://own.example/");
    assert_eq!(from(always(), &[("origin", ""), referer]), refused("foreign-origin"));
    assert_eq!(from(always(), &[referer]), ran());
}

pub(crate) fn token_only() {
    let evil = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(from(always_with(|it| it.danger_token_only()), &evil), ran());
    assert_eq!(from(always(), &evil), refused("cross-site"));
}

pub(crate) fn safe_methods() {
    let mut shop = shop(always_with(|it| it.danger_safe_method("PUT")));
    for line in ["GET /", "OPTIONS /", "TRACE /", "PUT /"] {
        assert_eq!(shop.ask(line, &[("sec-fetch-site", "cross-site")], ""), ran(), "{line}");
    }
    assert_eq!(shop.ask("HEAD /", &[("sec-fetch-site", "cross-site")], "").0, 200);
    for line in ["POST /", "put /", "get /"] {
        assert_eq!(shop.ask(line, &[("sec-fetch-site", "cross-site")], ""), refused("cross-site"), "{line}");
    }
}

fn token() -> axum::routing::MethodRouter {
    get(|token: FormToken| async move { token.to_string() })
}

pub(crate) fn routes() {
    let csrf = CsrfLayer::new(always());
    let router = Router::new()
        .route("/", any(|| async { "ran" }))
        .route("/token", token())
        .route_layer(csrf.clone())
        .route("/exempt", any(|| async { "ran" }).layer(csrf.exempt()))
        .route("/never", any(|| async { "ran" }));
    let mut shop = Shop::of(router);
    assert_eq!(shop.ask("POST /", &[OURS], "").0, 403, "enforced");
    for line in ["POST /exempt", "POST /never"] {
        assert_eq!(shop.ask(line, &[("sec-fetch-site", "cross-site")], ""), ran(), "{line}");
    }
}

pub(crate) fn fallbacks() {
    let csrf = || CsrfLayer::new(always());
    let router = || Router::new().route("/token", token()).fallback(|| async { "fallback" });
    let ask = |shop: &mut Shop, token: &str| shop.ask("POST /none", &[OURS, ("x-csrf-token", token)], "").0;
    let mut skipped = Shop::of(router().route_layer(csrf()));
    assert_eq!(ask(&mut skipped, "wrong"), 200);
    let mut enforced = Shop::of(router().layer(csrf()));
    assert_eq!(ask(&mut enforced, "wrong"), 403);
    let token = enforced.token.clone();
    assert_eq!(ask(&mut enforced, &token), 200);
}

pub(crate) fn defaults() {
    let rules = always();
    assert_eq!((rules.field_name(), rules.header_name()), ("csrf_token", "x-csrf-token"));
    assert!(rules.token_policy() == TokenPolicy::Always && !rules.is_report_only());
    for (method, covered) in [("GET", false), ("HEAD", false), ("OPTIONS", false), ("TRACE", false), ("POST", true)] {
        assert_eq!(rules.covers(method), covered, "{method}");
    }
    let silent = RequestFacts::new("POST");
    assert_eq!(rules.check_origin(&silent), Err(Refusal::NoOrigin), "check_origin on, allow_no_origin off");
}
