//! A probe in a separate process, and a client that keeps one cookie.

use std::net::SocketAddr;

use cloakroom_servers::Program;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Probe(Program);

impl Probe {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self(Program::start(env!("CARGO_BIN_EXE_cloakroom-probe"), &[&["--port", "0"], arguments].concat()))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Returns the sum of these counters.
    pub(crate) async fn counted(&self, names: &[&str]) -> u64 {
        let answer = Client::default().send(self.address(), &Request::get("/stats")).await;
        let stats: Value = serde_json::from_str(&answer.1).unwrap();
        names.iter().map(|name| stats[name].as_u64().unwrap()).sum()
    }
}

/// A request.
pub(crate) struct Request {
    line: String,
    headers: Vec<String>,
    body: String,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { line: format!("GET {path}"), headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn post(path: &str) -> Self {
        Self { line: format!("POST {path}"), ..Self::get(path) }
    }

    pub(crate) fn ops(operations: &Value) -> Self {
        Self { body: operations.to_string(), ..Self::post("/ops") }
    }

    pub(crate) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push(format!("{name}: {value}\r\n"));
        self
    }
}

#[derive(Clone, Default)]
pub(crate) struct Client {
    cookie: Option<String>,
}

impl Client {
    /// Runs operations, all of which must succeed, and returns their results.
    pub(crate) async fn ops(&mut self, probe: &Probe, operations: Value) -> Vec<Value> {
        let (status, body) = self.send(probe.address(), &Request::ops(&operations)).await;
        assert_eq!(status, 200, "{body}");
        results(&body)
    }

    /// Sends one request on a new connection. Returns the status and the body.
    pub(crate) async fn send(&mut self, address: SocketAddr, request: &Request) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let Request { line, headers, body } = request;
        let (headers, length) = (headers.concat(), body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{cookie}{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if let Some(line) = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")) {
            self.cookie = line.split(';').next().map(str::to_owned);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

pub(crate) fn results(body: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(body).unwrap();
    let results = answer["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["err"] == json!(null)), "{body}");
    results.iter().map(|result| result["ok"].clone()).collect()
}
