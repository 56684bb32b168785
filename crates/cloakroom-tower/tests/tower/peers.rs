//! The truth table of the design, run on this crate and on `tower_http::csrf`, with the reasons for
//! each difference.

use std::convert::Infallible;

use bytes::Bytes;
use cloakroom_session::{CsrfRules, CsrfRulesBuilder};
use cloakroom_tower::{CsrfLayer, ReplayBody};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::browser::{Sent, full, request, run, session_layer};

const OWN: &str = "https://own.example";
const PAY: &str = "https://pay.example";
const EVIL: &str = "https://evil.example";
const SITE: &str = "sec-fetch-site";

async fn ran<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Returns `true` if a request without a token passes our layer.
fn ours(rules: CsrfRulesBuilder, request: Request<Sent>) -> bool {
    let csrf = CsrfLayer::new(rules.trusted_origin(PAY).build().unwrap());
    let service = (session_layer(), csrf).layer(service_fn(ran::<ReplayBody<Sent>>));
    run(service.oneshot(request)).unwrap().status() == 200
}

fn tower_http(request: Request<Sent>) -> bool {
    let csrf = tower_http::csrf::CsrfLayer::new().add_trusted_origin(PAY).unwrap();
    run(csrf.layer(service_fn(ran::<Sent>)).oneshot(request)).unwrap().status() == 200
}

/// Name, method and headers, then the results of our default rules, of our `origin_only` rules, and
/// of tower-http.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], [bool; 3]);

#[rustfmt::skip] // one row, one line
const ROWS: &[Row] = &[
    // The same result.
    ("same-origin", "POST", &[(SITE, "same-origin")], [true, true, true]),
    ("same-origin, any Origin", "POST", &[(SITE, "same-origin"), ("origin", EVIL)], [true, true, true]),
    ("none", "POST", &[(SITE, "none")], [true, true, true]),
    ("same-site, trusted", "POST", &[(SITE, "same-site"), ("origin", PAY)], [true, true, true]),
    ("cross-site, trusted", "POST", &[(SITE, "cross-site"), ("origin", PAY)], [true, true, true]),
    ("same-site", "POST", &[(SITE, "same-site"), ("origin", "https://www.own.example")], [false, false, false]),
    ("same-site, claims our origin", "POST", &[(SITE, "same-site"), ("origin", OWN)], [false, false, false]),
    ("cross-site", "POST", &[(SITE, "cross-site"), ("origin", EVIL)], [false, false, false]),
    ("cross-site, no Origin", "POST", &[(SITE, "cross-site")], [false, false, false]),
    ("unknown value, foreign", "POST", &[(SITE, "same-planet"), ("origin", EVIL)], [false, false, false]),
    ("unknown value, nothing else", "POST", &[(SITE, "same-planet")], [false, false, false]),
    ("our Origin", "POST", &[("origin", OWN)], [true, true, true]),
    ("trusted Origin", "POST", &[("origin", PAY)], [true, true, true]),
    ("foreign Origin", "POST", &[("origin", EVIL)], [false, false, false]),
    ("null", "POST", &[("origin", "null")], [false, false, false]),
    ("GET from elsewhere", "GET", &[(SITE, "cross-site")], [true, true, true]),
    // tower-http accepts requests without these headers. Ours refuses them unless
    // `danger_allow_no_origin` is set, and reads the Referer first.
    ("no header at all", "POST", &[], [false, false, true]),
    ("our Referer alone", "POST", &[("referer", "https://own.example/cart")], [false, true, true]),
    ("a foreign Referer alone", "POST", &[("referer", "https://evil.example/")], [false, false, true]),
    ("an empty Origin", "POST", &[("origin", "")], [false, false, true]),
    // tower-http ignores the scheme. Ours compares it with the configured one.
    ("our host without TLS", "POST", &[("origin", "http://own.example")], [false, false, true]),
    // tower-http compares bytes. Ours compares origins (RFC 6454 §5): case and the default port
    // don't matter.
    ("our Origin in upper case", "POST", &[("origin", "HTTPS://OWN.EXAMPLE")], [true, true, false]),
    ("our Origin with its port", "POST", &[("origin", "https://own.example:443")], [true, true, false]),
    // tower-http refuses at once. Ours ignores an unknown value and checks the Origin (OWASP).
    ("unknown value, our Origin", "POST", &[(SITE, "same-planet"), ("origin", OWN)], [true, true, false]),
    ("the first of two values counts there", "POST", &[(SITE, "same-origin"), (SITE, "cross-site")], [false, false, true]),
    // Safe methods follow each model: Go's list has neither TRACE nor QUERY.
    ("QUERY from elsewhere", "QUERY", &[(SITE, "cross-site")], [true, true, false]),
    ("TRACE from elsewhere", "TRACE", &[(SITE, "cross-site")], [true, true, false]),
    // tower-http doesn't check WebSockets over HTTP/1.1.
    ("a socket from elsewhere", "GET", &[("upgrade", "websocket"), (SITE, "cross-site"), ("origin", EVIL)], [false, false, true]),
    ("a socket of the site", "GET", &[("upgrade", "websocket"), (SITE, "same-origin"), ("origin", OWN)], [true, true, true]),
    ("a socket of the site over HTTP/2", "CONNECT", &[(SITE, "same-origin"), ("origin", OWN)], [true, true, true]),
    ("a socket from elsewhere over HTTP/2", "CONNECT", &[(SITE, "cross-site"), ("origin", EVIL)], [false, false, false]),
    ("a socket of no browser over HTTP/2", "CONNECT", &[], [true, true, true]),
];

#[test]
fn the_table_differs_from_tower_http_only_where_listed() {
    for (name, method, headers, expected) in ROWS {
        let asked = || {
            let builder = request(method, "/");
            let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
            builder.body(full("")).unwrap()
        };
        let answers = [
            ours(CsrfRules::builder(), asked()),
            ours(CsrfRules::builder().origin_only(), asked()),
            tower_http(asked()),
        ];
        assert_eq!(answers, *expected, "{name}: ours by default, ours under origin_only, tower-http");
    }
}
