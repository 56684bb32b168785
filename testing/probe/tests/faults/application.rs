//! An application in a separate process, and a client that tolerates its absence.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cloakroom_servers::Program;
use serde_json::Value;

/// A generous timeout for every action of the application.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Application(Program);

impl Application {
    pub(crate) fn start(backend: &str) -> Self {
        Self(Program::start(env!("CARGO_BIN_EXE_cloakroom-probe"), &["--backend", backend, "--port", "0"]))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Kills the process, like `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.0.kill();
    }

    /// Returns the number of its open files and sockets.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }
}

/// A browser with one cookie.
#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) cookie: Option<String>,
}

impl Client {
    /// Runs operations. Returns their results, or the status of the response that refused them.
    pub(crate) fn ops(&mut self, address: SocketAddr, operations: &Value) -> io::Result<Result<Vec<Value>, u16>> {
        let (status, body) = self.request(address, "POST /ops", &operations.to_string())?;
        if status != 200 {
            return Ok(Err(status));
        }
        let mut answer: Value = serde_json::from_str(&body)?;
        let results: Vec<Value> = serde_json::from_value(answer["results"].take())?;
        Ok(Ok(results.into_iter().map(|mut result| result["ok"].take()).collect()))
    }

    /// Sends one request on a new connection. Returns the status and the body.
    pub(crate) fn request(&mut self, address: SocketAddr, line: &str, body: &str) -> io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n");
        stream.write_all(format!("{head}{cookie}\r\n{body}").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        // A truncated response, from an application that was killed, acknowledges nothing.
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
        if let Some(line) = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")) {
            self.cookie = line.split(';').next().map(str::to_owned);
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        Ok((status, body.to_owned()))
    }
}
