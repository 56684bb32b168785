//! Redis: a single server, a master with a replica and three sentinels, and a Cluster of three
//! masters.

mod cluster;
mod sentinels;

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::{PATIENCE, Server, listens, program};

pub use cluster::Cluster;
pub use sentinels::Sentinels;

/// Options that create the user `app` with the password `app` and all rights.
pub const APP: [&str; 7] = ["--user", "app", "on", ">app", "~*", "&*", "+@all"];

const STEP: Duration = Duration::from_millis(20);

/// A server that writes to its append-only file before it acknowledges.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    program: PathBuf,
    options: Vec<String>,
    tls: bool,
}

impl Redis {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with additional options.
    #[must_use]
    pub fn with(options: &[&str]) -> Self {
        Self::of(redis_server(), options.iter().copied(), false)
    }

    /// Starts Valkey, in a version that supports `SET … IFEQ`, with additional options.
    #[must_use]
    pub fn valkey(options: &[&str]) -> Self {
        Self::of(valkey_server(), options.iter().copied(), false)
    }

    fn of<'a>(program: PathBuf, options: impl Iterator<Item = &'a str>, tls: bool) -> Self {
        let options = options.map(str::to_owned).collect();
        let mut redis = Self { server: Server::prepare("redis"), program, options, tls };
        redis.start_again();
        redis
    }

    /// Starts a server that accepts only TLS, with these PEM files.
    #[must_use]
    pub fn with_tls(ca: &Path, certificate: &Path, key: &Path, options: &[&str]) -> Self {
        let [ca, certificate, key] = [ca, certificate, key].map(|path| path.to_str().unwrap());
        let files = ["--tls-ca-cert-file", ca, "--tls-cert-file", certificate, "--tls-key-file", key];
        Self::of(redis_server(), files.iter().chain(options).copied(), true)
    }

    /// Restarts it after [`Redis::kill`], with the data in its folder.
    pub fn start_again(&mut self) {
        let port = self.port().to_string();
        let mut command = Command::new(&self.program);
        if self.tls {
            command.args(["--port", "0", "--tls-port", &port]);
        } else {
            command.args(["--port", &port]);
        }
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]).arg(self.server.folder());
        command.args(["--appendonly", "yes", "--appendfsync", "always"]).args(&self.options);
        let port = self.port();
        let tls = self.tls;
        self.server.start(&mut command, || if tls { listens(port) } else { answers(port) });
    }

    /// Kills it, like `kill -9`.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Suspends or resumes it.
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// The `redis://` URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port())
    }

    /// The folder with its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.server.folder().join("appendonlydir")
    }

    /// Opens a connection for several commands.
    #[must_use]
    pub fn talk(&self) -> Talk {
        Talk(BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).unwrap()))
    }

    /// Runs a command with `redis-cli` and returns its output.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> String {
        cli(self.port(), words)
    }
}

/// A connection to a server, for commands whose answer is one line.
#[derive(Debug)]
pub struct Talk(BufReader<TcpStream>);

impl Talk {
    /// Sends a command and returns the line of its answer.
    pub fn say(&mut self, words: &str) -> String {
        self.0.get_mut().write_all(format!("{words}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        let _ = self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

fn redis_server() -> PathBuf {
    told("REDIS_SERVER").unwrap_or_else(|| program("redis-server", &[], "redis-server"))
}

fn valkey_server() -> PathBuf {
    told("VALKEY_SERVER").unwrap_or_else(|| program("valkey-server", &[], "valkey-server"))
}

fn told(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

/// If any word is [`quoted`], all are passed in quoted form.
fn cli(port: u16, words: &[&str]) -> String {
    let mut command = Command::new(program("redis-cli", &[], "redis-tools"));
    command.args(["-p", &port.to_string()]);
    let is_quoted = |word: &str| word.len() > 1 && word.starts_with('"') && word.ends_with('"');
    if words.iter().any(|word| is_quoted(word)) {
        let quote = |word: &&str| if is_quoted(word) { (*word).to_owned() } else { quoted(word.as_bytes()) };
        command.arg("--quoted-input").args(words.iter().map(quote));
    } else {
        command.args(words);
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).replace('\r', "").trim_end().to_owned()
}

/// Encodes a word of arbitrary bytes for [`Redis::cli`]: a command line can't contain them all.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{bytes}\"")
}

/// Returns whether it is up and has loaded its data.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut answer = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // A server with a password answers that authentication is required.
    let asked = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer));
    asked.is_ok() && [*b"+PONG", *b"-NOAU"].contains(&answer)
}

fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if done() {
            return;
        }
        sleep(STEP);
    }
    panic!("timed out after {PATIENCE:?} waiting until {what}");
}
