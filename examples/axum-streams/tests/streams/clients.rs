//! Clients that read a response as it arrives.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cloakroom_smoke::{Browser, Program};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

pub(crate) fn program() -> Program {
    Program::start(env!("CARGO_BIN_EXE_cloakroom-example-axum-streams"))
}

/// A visitor with a session, and a token for forms.
pub(crate) fn visitor(program: &Program) -> (Browser<'_>, String) {
    let mut browser = Browser::new(program);
    let token = browser.get("/").token();
    (browser, token)
}

/// Sends a request that changes the session, as from another tab.
pub(crate) fn post(browser: &mut Browser<'_>, path: &str, token: &str) {
    assert_eq!(browser.post(path, &[("csrf_token", token)]).status, 303);
}

fn connect(program: &Program) -> TcpStream {
    let url = program.url("");
    let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    // Fail if the stream stays silent.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Parses the program's counters from its text.
pub(crate) fn numbers(words: &str) -> (u32, u32) {
    let (steps, rest) = words.split_once(" steps, ").unwrap();
    (steps.parse().unwrap(), rest.strip_suffix(" notes").unwrap().parse().unwrap())
}

/// Returns the counters on the page.
pub(crate) fn counts(browser: &mut Browser<'_>) -> (u32, u32) {
    let page = browser.get("/").body;
    let line = page.split(['<', '>']).find(|text| text.ends_with(" notes")).unwrap();
    numbers(line)
}

/// A stream of server-sent events.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) fn open(program: &Program, cookie: &str) -> Self {
        let mut stream = connect(program);
        write!(stream, "GET /events HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// Returns the data of the next event, or `None` if the program reports that the session has
    /// ended.
    pub(crate) fn next(&mut self) -> Option<(u32, u32)> {
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

/// A WebSocket.
pub(crate) struct Socket(WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn open(program: &Program, cookie: &str, site: &str) -> Result<Self, tungstenite::Error> {
        let mut request = program.url("/socket").replace("http://", "ws://").into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        match tungstenite::client(request, connect(program)) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
            Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("the handshake took too long"),
        }
    }

    pub(crate) fn say(&mut self, words: &str) -> (u32, u32) {
        self.0.send(Message::text(words)).unwrap();
        numbers(self.0.read().unwrap().to_text().unwrap())
    }

    /// Returns `true` if the next frame closes the socket.
    pub(crate) fn closes(mut self) -> bool {
        self.0.read().unwrap().is_close()
    }
}
