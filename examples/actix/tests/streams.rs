//! Other requests change and end a session during a response, over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cloakroom_smoke::{Browser, Program};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

fn program() -> Program {
    Program::start(env!("CARGO_BIN_EXE_cloakroom-example-actix"))
}

/// A visitor with a session, and a token for forms.
fn visitor(program: &Program) -> (Browser<'_>, String) {
    let mut browser = Browser::new(program);
    let token = browser.get("/").token();
    (browser, token)
}

fn post(browser: &mut Browser<'_>, path: &str, token: &str) {
    assert_eq!(browser.post(path, &[("csrf_token", token)]).status, 303);
}

/// Parses steps and notes from the program's text.
fn numbers(words: &str) -> (u32, u32) {
    let (steps, rest) = words.split_once(" steps, ").unwrap();
    (steps.parse().unwrap(), rest.strip_suffix(" notes").unwrap().parse().unwrap())
}

fn counts(browser: &mut Browser<'_>) -> (u32, u32) {
    numbers(&browser.get("/counts").body)
}

fn connect(program: &Program) -> TcpStream {
    let url = program.url("");
    let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    // Fail if the stream stays silent.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

struct Events(BufReader<TcpStream>);

impl Events {
    fn open(program: &Program, browser: &Browser<'_>) -> Self {
        let mut stream = connect(program);
        let cookie = browser.cookie.as_deref().unwrap_or("other=1");
        write!(stream, "GET /events HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// Returns the next event, or `None` if the program reports that the session has ended.
    fn next(&mut self) -> Option<(u32, u32)> {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream broke off");
            if line.starts_with("event: ended") {
                return None;
            }
            if let Some(words) = line.strip_prefix("data: ") {
                return Some(numbers(words.trim()));
            }
        }
    }
}

fn socket(program: &Program, browser: &Browser<'_>, site: &str) -> Result<WebSocket<TcpStream>, Error> {
    let mut request = program.url("/socket").replace("http://", "ws://").into_client_request().unwrap();
    request.headers_mut().insert("cookie", browser.cookie.as_deref().unwrap().parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
    match tungstenite::client(request, connect(program)) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(error)) => Err(error),
        Err(HandshakeError::Interrupted(_)) => panic!("the handshake took too long"),
    }
}

fn say(socket: &mut WebSocket<TcpStream>) -> (u32, u32) {
    socket.send(Message::text("step")).unwrap();
    numbers(socket.read().unwrap().to_text().unwrap())
}

#[test]
fn events_and_other_requests_lose_nothing() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let mut events = Events::open(&program, &browser);
    assert_eq!(events.next(), Some((1, 0)));
    for _ in 0..5 {
        post(&mut browser, "/note", &token);
    }
    let (steps, notes) = std::iter::from_fn(|| events.next()).find(|(_, notes)| *notes == 5).unwrap();
    drop(events);
    let (later, still) = counts(&mut browser);
    assert!(later >= steps && still == notes, "{later} {still}");
    post(&mut browser, "/note", &token);
    assert_eq!(counts(&mut browser).1, 6, "nothing follows it");
}

#[test]
fn an_ended_session_ends_the_events_and_stays_ended() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let held = browser.cookie.clone();
    let mut events = Events::open(&program, &browser);
    assert_eq!(events.next(), Some((1, 0)));
    post(&mut browser, "/sign-out", &token);
    while events.next().is_some() {}
    browser.cookie.clone_from(&held);
    assert_eq!(counts(&mut browser), (0, 0));
}

#[test]
fn a_new_session_is_created_before_the_events() {
    let program = program();
    let mut events = Events::open(&program, &Browser::new(&program));
    assert_eq!(events.next(), Some((1, 0)));
    assert_eq!(events.next(), Some((2, 0)), "the session is kept between steps");
}

#[test]
fn a_socket_and_other_requests_lose_nothing() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let mut socket = socket(&program, &browser, "same-origin").unwrap();
    assert_eq!(say(&mut socket), (1, 0));
    post(&mut browser, "/note", &token);
    assert_eq!(say(&mut socket), (2, 1));
    post(&mut browser, "/note", &token);
    drop(socket);
    assert_eq!(counts(&mut browser), (2, 2));
}

#[test]
fn an_ended_session_closes_a_silent_socket() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let held = browser.cookie.clone();
    let mut socket = socket(&program, &browser, "same-origin").unwrap();
    assert_eq!(say(&mut socket), (1, 0));
    post(&mut browser, "/sign-out", &token);
    assert!(socket.read().unwrap().is_close());
    browser.cookie = held;
    assert_eq!(counts(&mut browser), (0, 0));
}

#[test]
fn another_site_cannot_open_a_socket() {
    let program = program();
    let (browser, _) = visitor(&program);
    for site in ["cross-site", "same-site"] {
        let refused = socket(&program, &browser, site).err();
        assert!(matches!(&refused, Some(Error::Http(answer)) if answer.status() == 403), "{site}: {refused:?}");
    }
}
