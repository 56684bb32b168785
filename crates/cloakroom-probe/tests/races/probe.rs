//! A probe in a process of its own, and a client that keeps one cookie.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Probe {
    child: Child,
    address: SocketAddr,
}

impl Probe {
    pub(crate) fn start(backend: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cloakroom-probe"))
            .args(["--backend", backend, "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("the address").parse().unwrap();
        Self { child, address }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Default)]
pub(crate) struct Client {
    cookie: Option<String>,
}

impl Client {
    pub(crate) async fn ops(&mut self, probe: &Probe, operations: Value) -> Vec<Value> {
        let (status, body) = self.post(probe.address(), &operations.to_string()).await;
        assert_eq!(status, 200, "{body}");
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value(answer["results"].take()).unwrap()
    }

    /// One request on a connection of its own; the status and the body.
    pub(crate) async fn post(&mut self, address: SocketAddr, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "POST /ops HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{cookie}\r\n{body}"
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
