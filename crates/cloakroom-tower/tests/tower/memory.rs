//! The memory used by the search for the token, however a client splits its form.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloakroom_session::CsrfRules;
use cloakroom_tower::{CsrfLayer, ReplayBody};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::browser::{Browser, Site, always, always_with, request, run, session_layer};

const CHUNKS: usize = 1_000_000;

/// A form in chunks of one byte. Each byte is preceded by `empty` frames without data.
struct Drip {
    form: &'static [u8],
    at: usize,
    empty: usize,
    left: usize,
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::new()))));
        }
        self.left = self.empty;
        let form: &'static [u8] = self.form;
        let byte = form.get(self.at..=self.at).map(Bytes::from_static);
        self.at += 1;
        Poll::Ready(byte.map(|byte| Ok(Frame::data(byte))))
    }
}

/// Reads a whole body and discards it.
async fn drain<B: Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut body = std::pin::pin!(request.into_body());
    let mut size = 0;
    while let Some(Ok(frame)) = body.frame().await {
        size += frame.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(size, CHUNKS);
    Ok(Response::new(Empty::new()))
}

/// Returns the peak number of bytes in use while such a form passes through, and the number of
/// allocations.
fn measure<S, Q>(service: &S, content_type: &str, body: impl Fn() -> Q, headers: &[(&str, String)]) -> (u64, u64)
where
    S: Service<Request<Q>> + Clone,
    S::Error: std::fmt::Debug,
    S::Response: Status,
{
    let build = || {
        let mut builder =
            request("POST", "/").header("referer", "https://own.example/").header("content-type", content_type);
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        builder.body(body()).unwrap()
    };
    let asked = build();
    let measured = allocation_counter::measure(|| {
        let response = run(service.clone().oneshot(asked)).unwrap();
        assert_eq!(response.status(), 200);
    });
    (measured.bytes_max, measured.count_total)
}

trait Status {
    fn status(&self) -> u16;
}

impl<B> Status for Response<B> {
    fn status(&self) -> u16 {
        Self::status(self).as_u16()
    }
}

/// Returns a visitor's cookie and token.
fn visitor(rules: CsrfRules) -> (String, String) {
    let token = axum::routing::get(|token: cloakroom_tower::axum::FormToken| async move { token.to_string() });
    let router = axum::Router::new().route("/token", token).layer(CsrfLayer::new(rules)).layer(session_layer());
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&Site::new(router), "/token").into_body().to_vec()).unwrap();
    (format!("{}={}", browser.jar[0].name, browser.jar[0].value), token)
}

fn leak(mut form: Vec<u8>, head: &str, tail: &str) -> &'static [u8] {
    form.extend(head.as_bytes());
    form.resize(CHUNKS - tail.len(), b'x');
    form.extend(tail.as_bytes());
    form.leak()
}

#[test]
fn a_form_of_a_million_chunks_uses_at_most_twice_its_size() {
    let (cookie, token) = visitor(always());
    let pairs = leak(Vec::new(), "a=", &format!("&csrf_token={token}"));
    let head = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    let tail = format!("\r\n--X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n--X--\r\n");
    let parts = leak(Vec::new(), head, &tail);
    let header = leak(Vec::new(), "--X\r\nX: ", &format!("\r\n\r\n{tail}"));
    for (name, content_type, form, empty) in [
        ("pairs", "application/x-www-form-urlencoded", pairs, 0),
        ("pairs between empty frames", "application/x-www-form-urlencoded", pairs, 2),
        ("parts", "multipart/form-data; boundary=X", parts, 0),
        ("parts with a huge header", "multipart/form-data; boundary=X", header, 0),
    ] {
        let drip = || Drip { form, at: 0, empty, left: 0 };
        let cookies = [("cookie", cookie.clone())];
        let (bare, _) = measure(&service_fn(drain::<Drip>), content_type, drip, &cookies);
        let layers = (session_layer(), CsrfLayer::new(always()));
        let checked = layers.layer(service_fn(drain::<ReplayBody<Drip>>));
        let (held, count) = measure(&checked, content_type, drip, &cookies);
        println!("{name}: {} bytes more at the most, {count} allocations", held - bare);
        assert!(held - bare <= 2 * CHUNKS as u64, "{name}: {} bytes more", held - bare);
        assert!(count < 200, "{name}: {count} allocations");
    }
}

#[test]
fn nothing_beyond_the_limit_is_kept_in_memory() {
    let (cookie, token) = visitor(always());
    let form = leak(Vec::new(), &format!("csrf_token={token}&a="), "x");
    let layers = (session_layer(), CsrfLayer::new(always_with(|it| it.body_limit(1000))));
    let checked = layers.layer(service_fn(drain::<ReplayBody<Drip>>));
    let drip = || Drip { form, at: 0, empty: 0, left: 0 };
    let (held, _) = measure(&checked, "application/x-www-form-urlencoded", drip, &[("cookie", cookie)]);
    assert!(held < 50_000, "{held} bytes");
}
