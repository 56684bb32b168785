//! Redis: one server, a master with its replica and three sentinels, and a Cluster of three
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

/// Options that make a user `app` whose password is `app`, and who may do everything until a right
/// is taken away.
pub const APP: [&str; 7] = ["--user", "app", "on", ">app", "~*", "&*", "+@all"];

const STEP: Duration = Duration::from_millis(20);

/// One server, which writes what it acknowledges to its append-only file first.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    program: PathBuf,
    options: Vec<String>,
    tls: bool,
}

impl Redis {
    /// A server that is up.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with these options beside ours.
    #[must_use]
    pub fn with(options: &[&str]) -> Self {
        Self::of(redis_server(), options.iter().copied(), false)
    }

    /// Valkey, in a version that has `SET … IFEQ`, with these options beside ours.
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

    /// A server that speaks TLS and nothing else, with these files in PEM.
    #[must_use]
    pub fn with_tls(ca: &Path, certificate: &Path, key: &Path, options: &[&str]) -> Self {
        let [ca, certificate, key] = [ca, certificate, key].map(|path| path.to_str().unwrap());
        let files = ["--tls-ca-cert-file", ca, "--tls-cert-file", certificate, "--tls-key-file", key];
        Self::of(redis_server(), files.iter().chain(options).copied(), true)
    }

    /// Starts it after a [`Redis::kill`], with the data that its folder has.
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

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Stops it in mid-work, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// `redis://` and where it is.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port())
    }

    /// The folder in which it keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.server.folder().join("appendonlydir")
    }

    /// A connection that stays.
    #[must_use]
    pub fn talk(&self) -> Talk {
        Talk(BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).unwrap()))
    }

    /// What `redis-cli` prints for this command.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> String {
        cli(self.port(), words)
    }
}

/// A connection to a server, for commands whose answer is one line.
#[derive(Debug)]
pub struct Talk(BufReader<TcpStream>);

impl Talk {
    /// Sends a command, and returns the line that answers it.
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

/// Words may be [`quoted`]: then all of them are handed over like that.
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

/// A word of any bytes, as [`Redis::cli`] takes it: a command line can't hold them all.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{bytes}\"")
}

/// Whether it is up, and has read what it had written.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut answer = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // One with a password says that it wants it.
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
    panic!("waited for {PATIENCE:?}, in vain: {what}");
}
