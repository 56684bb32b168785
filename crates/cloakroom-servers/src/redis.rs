//! Redis: one server, a master with its replica and three sentinels, and a Cluster of three masters.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::{PATIENCE, Server, free_port, program};

const STEP: Duration = Duration::from_millis(20);

/// One server, which writes what it acknowledges to its append-only file first.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    options: Vec<String>,
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
        let mut redis =
            Self { server: Server::prepare("redis"), options: options.iter().map(|it| (*it).to_owned()).collect() };
        redis.start_again();
        redis
    }

    /// Starts it after a [`Redis::kill`], with the data that its folder has.
    pub fn start_again(&mut self) {
        let port = self.port().to_string();
        let mut command = Command::new(redis_server());
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(self.server.folder());
        command.args(["--appendonly", "yes", "--appendfsync", "always"]).args(&self.options);
        let port = self.port();
        self.server.start(&mut command, || answers(port));
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

    /// What `redis-cli` prints for this command.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> String {
        cli(self.port(), words)
    }
}

/// A master with one replica, and three sentinels that watch over them under the name `mymaster`.
#[derive(Debug)]
pub struct Sentinels {
    /// The two servers; the first one is the master at the beginning.
    pub servers: [Redis; 2],
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// All five, once they know each other and the replica has what the master has.
    #[must_use]
    pub fn start() -> Self {
        // Replication is what these are for: a busy disk must not look like a master that is lost. And no delay for more replicas.
        let options = ["--appendfsync", "no", "--repl-diskless-sync-delay", "0"];
        let master = Redis::with(&options);
        let port = master.port().to_string();
        let replica = Redis::with(&[&options[..], &["--replicaof", "127.0.0.1", &port]].concat());
        until("the replica follows", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
        let sentinels: Vec<Server> = (0..3).map(|_| sentinel(master.port())).collect();
        for sentinel in &sentinels {
            until("the sentinels know each other", || {
                let known = cli(sentinel.port(), &["SENTINEL", "MASTER", "mymaster"]);
                let known: Vec<&str> = known.lines().collect();
                [["num-slaves", "1"], ["num-other-sentinels", "2"]]
                    .iter()
                    .all(|it| known.windows(2).any(|two| two == it))
            });
        }
        Self { servers: [master, replica], sentinels }
    }

    /// Where the sentinels are.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| url(sentinel.port())).collect()
    }
}

fn sentinel(master: u16) -> Server {
    let mut server = Server::prepare("sentinel");
    let (port, file) = (server.port(), server.folder().join("sentinel.conf"));
    let folder = server.folder().display();
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n"
    );
    std::fs::write(&file, text).unwrap();
    server.start(Command::new(redis_server()).arg(file).arg("--sentinel"), || answers(port));
    server
}

/// Three masters without replicas, with a third of the slots each.
#[derive(Debug)]
pub struct Cluster {
    /// Its servers.
    pub servers: Vec<Redis>,
}

impl Cluster {
    /// A Cluster that is up, and that goes on for the slots it still has when a master is lost.
    #[must_use]
    pub fn start() -> Self {
        let buses: Vec<String> = (0..3).map(|_| free_port().to_string()).collect();
        let options = |bus| {
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"]
                .into_iter()
                .chain(["--cluster-port", bus])
                .collect::<Vec<_>>()
        };
        let servers: Vec<Redis> = buses.iter().map(|bus| Redis::with(&options(bus))).collect();
        for (epoch, (server, slots)) in
            (1..).zip(servers.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]))
        {
            let epoch: i32 = epoch;
            let _ = server.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]);
            let _ = server.cli(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        }
        for (server, bus) in servers.iter().zip(&buses) {
            let port = server.port().to_string();
            let _ = servers[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
        }
        for server in &servers {
            until("the servers of the Cluster know each other", || {
                let info = server.cli(&["CLUSTER", "INFO"]);
                ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3"]
                    .iter()
                    .all(|it| info.contains(it))
            });
        }
        Self { servers }
    }

    /// Where the servers are.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Redis::url).collect()
    }
}

fn redis_server() -> PathBuf {
    match std::env::var_os("REDIS_SERVER").filter(|path| !path.is_empty()) {
        Some(path) => path.into(),
        None => program("redis-server", &[], "redis-server"),
    }
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

fn cli(port: u16, words: &[&str]) -> String {
    let mut command = Command::new(program("redis-cli", &[], "redis-tools"));
    let output = command.args(["-p", &port.to_string()]).args(words).output().unwrap();
    String::from_utf8_lossy(&output.stdout).replace('\r', "").trim_end().to_owned()
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
