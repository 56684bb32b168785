//! Arbitrary input gets a response, never causes a panic, and never reaches the handler without a
//! token.

use axum::Router;
use axum::routing;
use cloakroom_session::Session;
use cloakroom_tower::CsrfLayer;
use cloakroom_tower::axum::{CheckedForm, FormToken};
use http::HeaderValue;
use proptest::prelude::*;

use crate::browser::{Browser, NAME, Site, always_with, full, request, session_layer, set_cookies};

fn site() -> Site {
    async fn form(_: Session, form: CheckedForm<Vec<(String, String)>>) -> String {
        format!("ran {}", form.0.len())
    }
    let csrf = CsrfLayer::new(always_with(|it| it.body_limit(200)));
    let router = Router::new()
        .route("/token", routing::any(|token: FormToken| async move { token.to_string() }))
        .route("/", routing::any(|session: Session| async move { format!("ran {}", session.len()) }))
        .route("/form", routing::any(form))
        .layer(csrf)
        .layer(session_layer());
    Site::new(router)
}

/// Bytes that a server may pass on as the value of a header.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0x20_u8..=0x7e, 1 => 0x80_u8..=0xff, 1 => Just(b'\t')];
    prop_oneof![
        proptest::collection::vec(byte, 0..80),
        Just(b"https://own.example".to_vec()),
        Just(b"https://[::1".to_vec()),
        Just(b"null".to_vec()),
        Just(b"same-site".to_vec()),
        "[a-z\"=;, _.-]{0,40}".prop_map(String::into_bytes),
        "s1\\.[A-Za-z0-9_-]{0,120}".prop_map(|text| format!("{NAME}={text}").into_bytes()),
    ]
}

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let name = proptest::sample::select(vec![
        "cookie",
        "origin",
        "referer",
        "sec-fetch-site",
        "x-csrf-token",
        "host",
        "content-type",
        "content-length",
    ]);
    (name, value())
}

fn content_type() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("application/x-www-form-urlencoded".to_owned()),
        Just("multipart/form-data; boundary=X".to_owned()),
        "multipart/form-data; boundary=[ -~]{0,80}",
        "[ -~]{0,40}",
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        "[a-z%0-9&=+;]{0,400}".prop_map(String::into_bytes),
        "(--X\r\n|--X--|Content-Disposition: form-data; |name=\"csrf_token\"|\r\n\r\n|\r\n|[a-z]{1,9}){0,30}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_input_neither_panics_nor_passes(
        method in "(GET|POST|PUT|[A-Z]{1,7}|[a-z!#$%&'*+.^_`|~-]{1,9})",
        path in "(/|/form|/token)",
        headers in proptest::collection::vec(header(), 0..8),
        content_type in content_type(),
        body in body(),
        known in any::<bool>(),
    ) {
        let site = site();
        let mut browser = Browser::default();
        if known {
            browser.get(&site, "/token");
        }
        let mut request = request(&method, &path).header("content-type", content_type).body(full(body)).unwrap();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(name, value);
            }
        }
        let response = if known { browser.send(&site, request) } else { site.answer(request) };
        let status = response.status().as_u16();
        let safe = ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&method.as_str());
        // A form extractor may reject the body of a request with a safe method.
        let expected: &[u16] = if safe { &[200, 400, 403, 413, 415, 422] } else { &[400, 403, 413] };
        prop_assert!(expected.contains(&status), "{method} {path}: {status}");
        if !safe {
            prop_assert!(set_cookies(&response).is_empty());
        }
    }
}
