//! The handler reads the client's body unchanged: every byte, every frame, and its end.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use bytes::Bytes;
use cloakroom_session::{CsrfRules, Session};
use cloakroom_tower::CsrfLayer;
use cloakroom_tower::axum::FormToken;
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::browser::{Broken, Browser, Site, always, always_with, request, session_layer};

const PAIRS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=\"a b\"";

/// A body of these frames, which counts the frames that were read.
struct Wire {
    frames: VecDeque<Result<Frame<Bytes>, Broken>>,
    taken: Arc<AtomicUsize>,
}

impl Body for Wire {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let data = self.frames.iter().flatten().filter_map(Frame::data_ref).map(Bytes::len).sum::<usize>();
        SizeHint::with_exact(data as u64)
    }
}

#[derive(Default)]
struct Sending {
    content_type: &'static str,
    in_header: bool,
    frames: VecDeque<Result<Frame<Bytes>, Broken>>,
}

impl Sending {
    fn new(content_type: &'static str, body: &[u8], size: usize) -> Self {
        let frames = body.chunks(size).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        Self { content_type, in_header: false, frames }
    }

    fn and(mut self, frame: Result<Frame<Bytes>, Broken>) -> Self {
        self.frames.push_back(frame);
        self
    }
}

/// The body as the handler read it, and the number of frames read before and after it ran.
#[derive(Debug)]
struct Received {
    status: u16,
    body: Bytes,
    trailers: Option<HeaderMap>,
    broke: bool,
    exact: Option<u64>,
    taken_before: usize,
}

/// Sends a body through the CSRF layer to a handler that reads all of it.
fn send(rules: CsrfRules, build: impl FnOnce(&str) -> Sending) -> Received {
    let taken = Arc::new(AtomicUsize::new(0));
    let found = Arc::new(std::sync::Mutex::new(None));
    let (counter, finding) = (Arc::clone(&taken), Arc::clone(&found));
    let read = move |_: Session, request: Request| async move {
        let taken_before = counter.load(Ordering::SeqCst);
        let mut incoming = request.into_body();
        let exact = incoming.size_hint().exact();
        let (mut body, mut trailers, mut broke) = (Vec::new(), None, false);
        while let Some(frame) = incoming.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => body.extend_from_slice(&data),
                Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
                Err(_) => {
                    broke = true;
                    break;
                }
            }
        }
        if !broke {
            assert!(incoming.is_end_stream());
        }
        *finding.lock().unwrap() =
            Some(Received { status: 0, body: body.into(), trailers, broke, exact, taken_before });
    };
    let router = Router::new()
        .route("/token", get(|token: FormToken| async move { token.to_string() }))
        .route("/", post(read))
        .layer(CsrfLayer::new(rules))
        .layer(session_layer());
    let site = Site::new(router);
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&site, "/token").into_body().to_vec()).unwrap();
    let sending = build(&token);
    let mut builder = request("POST", "/").header("sec-fetch-site", "same-origin");
    if !sending.content_type.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, sending.content_type);
    }
    if sending.in_header {
        builder = builder.header("x-csrf-token", &token);
    }
    let wire = Wire { frames: sending.frames, taken };
    let response: Response<Bytes> = browser.send(&site, builder.body(wire.boxed()).unwrap());
    let received = found.lock().unwrap().take();
    let status = response.status().as_u16();
    match received {
        Some(received) => Received { status, ..received },
        None => Received { status, body: Bytes::new(), trailers: None, broke: false, exact: None, taken_before: 0 },
    }
}

fn urlencoded(token: &str) -> Vec<u8> {
    format!("a=1&b=%20%ff&csrf_token={token}&empty=&flag&a=2").into_bytes()
}

fn multipart(token: &str) -> Vec<u8> {
    let mut body = b"--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"csrf_token\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n"
        .to_vec();
    body.extend((0..=255).chain((0..=255).rev()));
    body.extend(b"\r\n--a c\r\n\r\n--a b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n");
    body.extend(token.as_bytes());
    body.extend(b"\r\n--a b--\r\n");
    body
}

#[test]
fn forms_arrive_unchanged_however_they_were_split() {
    type Form = fn(&str) -> Vec<u8>;
    for (name, content_type, form) in [("pairs", PAIRS, urlencoded as Form), ("parts", PARTS, multipart)] {
        for size in [1, 2, 3, 7, 64, 100_000] {
            let mut expected = Vec::new();
            let received = send(always(), |token| {
                expected = form(token);
                Sending::new(content_type, &expected, size)
            });
            assert_eq!(received.status, 200, "{name}, {size}");
            assert_eq!(received.body, expected, "{name}, {size}");
            assert_eq!(received.exact, Some(expected.len() as u64), "{name}, {size}");
            assert_eq!(received.trailers, None, "{name}, {size}");
        }
    }
}

#[test]
fn empty_frames_and_trailers_arrive_too() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "42".parse().unwrap());
    let mut expected = Vec::new();
    let received = send(always(), |token| {
        expected = urlencoded(token);
        let mut sending = Sending::new(PAIRS, &expected, 5);
        sending.frames.push_front(Ok(Frame::data(Bytes::new())));
        sending.and(Ok(Frame::data(Bytes::new()))).and(Ok(Frame::trailers(trailers.clone())))
    });
    assert_eq!((received.status, received.body), (200, Bytes::from(expected)));
    assert_eq!(received.trailers, Some(trailers));
}

#[test]
fn a_body_is_not_read_if_no_token_is_needed() {
    for (name, content_type, in_header, expected) in [
        ("JSON, token in the header", "application/json", true, 200),
        ("JSON, without", "application/json", false, 403),
        ("a form, token in the header", PAIRS, true, 200),
        ("parts, token in the header", PARTS, true, 200),
        ("no type at all", "", true, 200),
        ("no type, and no token", "", false, 403),
        ("parts without a boundary", "multipart/form-data", false, 403),
    ] {
        let body = vec![b'x'; 100];
        let received = send(always(), |_| Sending { in_header, ..Sending::new(content_type, &body, 10) });
        assert_eq!(received.status, expected, "{name}");
        assert_eq!(received.taken_before, 0, "{name}");
        if expected == 200 {
            assert_eq!(received.body, body, "{name}");
        }
    }
}

#[test]
fn a_form_over_the_limit_passes_if_its_token_comes_first() {
    let long = |token: &str, first: bool| {
        let filler = "x".repeat(10_000);
        let token = format!("csrf_token={token}");
        if first { format!("{token}&filler={filler}") } else { format!("filler={filler}&{token}") }
    };
    for (first, expected) in [(true, 200), (false, 413)] {
        let mut sent = String::new();
        let received = send(always_with(|it| it.body_limit(500)), |token| {
            sent = long(token, first);
            Sending::new(PAIRS, sent.as_bytes(), 100)
        });
        assert_eq!(received.status, expected, "first: {first}");
        if first {
            assert_eq!(received.body, sent.as_bytes());
            assert_eq!(received.exact, Some(sent.len() as u64));
            assert_eq!(received.taken_before, 6, "the rest has not been requested yet");
        }
    }
    let mut sent = Vec::new();
    let received = send(always_with(|it| it.body_limit(500)), |token| {
        sent = format!("--a b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n").into_bytes();
        sent.extend(b"--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n");
        sent.extend(vec![0xff; 10_000]);
        sent.extend(b"\r\n--a b--\r\n");
        Sending::new(PARTS, &sent, 100)
    });
    assert_eq!((received.status, received.body), (200, Bytes::from(sent)));
    assert!(received.taken_before <= 7, "{}", received.taken_before);
}

#[test]
fn the_limit_is_exact() {
    for (over, expected) in [(0, 200), (1, 413)] {
        let received = send(always_with(|it| it.body_limit(300)), |token| {
            let tail = format!("&csrf_token={token}");
            let body = format!("a={}{tail}", "x".repeat(300 + over - 2 - tail.len()));
            assert_eq!(body.len(), 300 + over);
            Sending::new(PAIRS, body.as_bytes(), 50)
        });
        assert_eq!(received.status, expected, "{over} bytes over");
    }
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    for (content_type, form) in [(PAIRS, urlencoded as fn(&str) -> Vec<u8>), (PARTS, multipart)] {
        let received = send(always(), |token| Sending::new(content_type, &form(token), 10).and(Err(Broken)));
        assert_eq!(received.status, 400, "{content_type}");
    }
}

#[test]
fn report_only_passes_a_broken_body_on_as_broken() {
    let mut sent = Vec::new();
    let received = send(always_with(|it| it.danger_report_only()), |token| {
        sent = urlencoded(token);
        sent.truncate(20);
        Sending::new(PAIRS, &sent, 10).and(Err(Broken))
    });
    assert_eq!((received.status, received.body), (200, Bytes::from(sent)));
    assert!(received.broke, "a truncated body must not pass for a complete one");
}

#[test]
fn report_only_passes_every_body_on() {
    for (name, content_type, body, limit) in [
        ("no token", PAIRS, b"a=1&b=2".to_vec(), 100),
        ("over the limit", PAIRS, vec![b'x'; 1000], 100),
        ("not the parts it promised", PARTS, b"garbage".to_vec(), 100),
        ("parts over the limit", PARTS, vec![b'-'; 1000], 100),
        ("nothing", PAIRS, Vec::new(), 1),
    ] {
        let rules = always_with(|it| it.danger_report_only().body_limit(limit));
        let received = send(rules, |_| Sending::new(content_type, &body, 33));
        assert_eq!((received.status, received.body), (200, Bytes::from(body)), "{name}");
        assert!(!received.broke, "{name}");
    }
}
