//! The handler reads the client's payload unchanged, and its response streams without delay.

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, Service as _};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, test, web};
use cloakroom_actix::{CsrfMiddleware, FormToken};
use cloakroom_session::{CsrfRules, Session};
use futures_core::Stream;

use crate::browser::{Browser, always, always_with, session_middleware, who};

const PAIRS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=X";

/// A payload of these chunks, which counts how often it is polled.
struct Wire {
    chunks: VecDeque<Result<Bytes, PayloadError>>,
    asked: Rc<Cell<usize>>,
}

impl Stream for Wire {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.asked.set(self.asked.get() + 1);
        Poll::Ready(self.chunks.pop_front())
    }
}

/// The payload as the handler read it.
#[derive(Debug, Default)]
struct Received {
    status: u16,
    body: Vec<u8>,
    broke: bool,
    asked_before: usize,
}

/// Sends a payload through the CSRF middleware to a handler that reads all of it.
async fn send(
    rules: CsrfRules,
    content_type: &str,
    size: usize,
    breaks: bool,
    build: impl FnOnce(&str) -> Vec<u8>,
) -> Received {
    let asked = Rc::new(Cell::new(0));
    let found = Rc::new(Cell::new(Received::default()));
    let (counter, finding) = (Rc::clone(&asked), Rc::clone(&found));
    let read = move |mut payload: web::Payload| {
        let (counter, finding) = (Rc::clone(&counter), Rc::clone(&finding));
        async move {
            let mut received = Received { asked_before: counter.get(), ..Received::default() };
            while let Some(chunk) = std::future::poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
                match chunk {
                    Ok(chunk) => received.body.extend_from_slice(&chunk),
                    Err(_) => {
                        received.broke = true;
                        break;
                    }
                }
            }
            finding.set(received);
            "read"
        }
    };
    let app = test::init_service(
        App::new()
            .route("/token", web::get().to(async |token: FormToken| token.to_string()))
            .route("/", web::post().to(read))
            .wrap(CsrfMiddleware::new(rules))
            .wrap(session_middleware()),
    )
    .await;
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&app, "/token").await.body.to_vec()).unwrap();
    let sent = build(&token);
    let mut chunks: VecDeque<_> = sent.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    if breaks {
        chunks.push_back(Err(PayloadError::Incomplete(None)));
    }
    let request = test::TestRequest::post()
        .uri("/")
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header(("sec-fetch-site", "same-origin"))
        .to_request();
    let payload: Payload = Payload::Stream { payload: Box::pin(Wire { chunks, asked }) };
    let (request, _) = request.replace_payload(payload);
    let status = browser.send(&app, request).await.status;
    let received = Received { status, ..found.take() };
    if status == 200 {
        assert_eq!(received.body, sent, "byte for byte");
    }
    received
}

fn urlencoded(token: &str) -> Vec<u8> {
    format!("a=1&b=%20%ff&csrf_token={token}&empty=&flag&a=2").into_bytes()
}

fn multipart(token: &str) -> Vec<u8> {
    let mut body = b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"csrf_token\"\r\n\r\n".to_vec();
    body.extend(0..=255);
    body.extend(b"\r\n--X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n");
    body.extend(token.as_bytes());
    body.extend(b"\r\n--X--\r\n");
    body
}

#[actix_web::test]
async fn forms_arrive_unchanged_however_they_were_split() {
    for (content_type, form) in [(PAIRS, urlencoded as fn(&str) -> Vec<u8>), (PARTS, multipart)] {
        for size in [1, 2, 3, 7, 64, 100_000] {
            let received = send(always(), content_type, size, false, form).await;
            assert_eq!(received.status, 200, "{content_type}, {size}");
        }
        let broken = send(always(), content_type, 10, true, form).await;
        assert_eq!(broken.status, 400, "{content_type}");
        let reported = send(always_with(|it| it.danger_report_only()), content_type, 10, true, form).await;
        assert_eq!(
            (reported.status, reported.broke),
            (200, true),
            "{content_type}: a truncated body must not pass for a complete one"
        );
    }
}

#[actix_web::test]
async fn a_form_over_the_limit_passes_if_its_token_comes_first_and_the_rest_streams() {
    let filler = "x".repeat(10_000);
    for (first, expected) in [(true, 200), (false, 413)] {
        let received = send(always_with(|it| it.body_limit(500)), PAIRS, 100, false, |token| {
            let token = format!("csrf_token={token}");
            if first { format!("{token}&filler={filler}") } else { format!("filler={filler}&{token}") }.into_bytes()
        })
        .await;
        assert_eq!(received.status, expected, "first: {first}");
        if first {
            assert_eq!(received.asked_before, 6, "the rest has not been requested yet");
        }
    }
}

#[actix_web::test]
async fn a_body_that_is_not_a_form_is_not_read() {
    let received = send(always(), "application/json", 10, false, |_| b"{}".to_vec()).await;
    assert_eq!((received.status, received.asked_before), (403, 0));
}

/// A body of three chunks, which changes the session while it streams.
struct Chunks {
    left: u32,
    session: Session,
}

impl MessageBody for Chunks {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, actix_web::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.session.insert("user", format!("streamed {}", self.left)).unwrap();
        Poll::Ready(Some(Ok(Bytes::from_static(b"x"))))
    }
}

#[actix_web::test]
async fn a_body_streams_after_the_commit_and_changes_nothing_without_one() {
    async fn streams(session: Session) -> HttpResponse<Chunks> {
        session.insert("user", "ann").unwrap();
        HttpResponse::Ok().message_body(Chunks { left: 3, session }).unwrap()
    }
    let app = test::init_service(
        App::new()
            .service(web::resource("/stream").route(web::get().to(streams)))
            .route("/who", web::get().to(who))
            .wrap(session_middleware()),
    )
    .await;
    let response = app.call(test::TestRequest::get().uri("/stream").to_request()).await.unwrap();
    assert_eq!(response.response().body().size(), BodySize::Stream, "not gathered");
    assert_eq!(response.headers().get_all(header::SET_COOKIE).count(), 1);
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/stream").await.body, "xxx");
    assert_eq!(browser.get(&app, "/who").await.body, "ann");
}

/// A form in chunks of one byte.
struct Drip {
    form: &'static [u8],
    at: usize,
}

impl Stream for Drip {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let form: &'static [u8] = self.form;
        let byte = form.get(self.at..=self.at).map(Bytes::from_static);
        self.at += 1;
        Poll::Ready(byte.map(Ok))
    }
}

// `test` is a module of actix-web here.
#[::core::prelude::v1::test]
fn a_form_of_a_million_chunks_uses_at_most_twice_its_size() {
    const CHUNKS: usize = 1_000_000;
    async fn drain(mut payload: web::Payload) -> HttpResponse {
        let mut size = 0;
        while let Some(Ok(chunk)) = std::future::poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
            size += chunk.len();
        }
        assert_eq!(size, CHUNKS);
        HttpResponse::Ok().finish()
    }
    let system = actix_web::rt::System::new();
    let app = system.block_on(test::init_service(
        App::new()
            .route("/token", web::get().to(async |token: FormToken| token.to_string()))
            .route("/", web::post().to(drain))
            .wrap(CsrfMiddleware::new(always()))
            .wrap(session_middleware()),
    ));
    let bare = system.block_on(test::init_service(App::new().route("/", web::post().to(drain))));
    let mut browser = Browser::default();
    let token = String::from_utf8(system.block_on(browser.get(&app, "/token")).body.to_vec()).unwrap();
    let tail = format!("&csrf_token={token}");
    let mut form = b"a=".to_vec();
    form.resize(CHUNKS - tail.len(), b'x');
    form.extend(tail.as_bytes());
    let form: &'static [u8] = form.leak();
    let asked = || {
        let request = test::TestRequest::post()
            .uri("/")
            .insert_header((header::CONTENT_TYPE, PAIRS))
            .insert_header((header::COOKIE, browser.cookie.clone().unwrap()))
            .insert_header(("sec-fetch-site", "same-origin"))
            .to_request();
        let payload: Payload = Payload::Stream { payload: Box::pin(Drip { form, at: 0 }) };
        request.replace_payload(payload).0
    };
    let (plain, checked) = (asked(), asked());
    let without = allocation_counter::measure(|| {
        assert_eq!(system.block_on(bare.call(plain)).unwrap().status(), 200);
    });
    let with = allocation_counter::measure(|| {
        assert_eq!(system.block_on(app.call(checked)).unwrap().status(), 200);
    });
    let held = with.bytes_max - without.bytes_max;
    println!("{held} bytes more at the most, {} allocations", with.count_total);
    assert!(held <= 2 * CHUNKS as u64, "{held} bytes more");
    assert!(with.count_total < 200, "{} allocations", with.count_total);
}
