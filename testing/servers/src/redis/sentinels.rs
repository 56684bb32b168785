//! A master with its replica, under three sentinels.

use std::process::Command;
use std::time::Duration;

use super::{APP, Redis, answers, cli, redis_server, until, url};
use crate::{Proxy, Server};

/// A master with one replica, and three sentinels that monitor them under the name `mymaster`.
#[derive(Debug)]
pub struct Sentinels {
    /// The two servers; the first one is the initial master.
    pub servers: [Redis; 2],
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts all five, and waits until they know each other and the replica is in sync.
    #[must_use]
    pub fn start() -> Self {
        Self::build(Redis::port, &[])
    }

    /// Starts all five, with a proxy in front of the master for the replica, the sentinels and
    /// clients.
    #[must_use]
    pub fn on_wire() -> (Self, Proxy) {
        let mut wire = None;
        let sentinels = Self::build(|master| wire.insert(Proxy::to(master.port())).port(), &[]);
        (sentinels, wire.unwrap())
    }

    /// Starts all five with the user of [`APP`], and proxies in front of both servers for the
    /// replica, the sentinels and clients. The proxies are in the order of the servers.
    #[must_use]
    pub fn on_wires() -> (Self, Vec<Proxy>) {
        // The replica must know the port of its proxy before it starts.
        let replica = Proxy::to(0);
        let announced = ["--replica-announce-port", &replica.port().to_string()];
        let mut master = None;
        let sentinels = Self::build(|server| master.insert(Proxy::to(server.port())).port(), &announced);
        replica.lead_to(sentinels.servers[1].port());
        sentinels.are_ready();
        let wires = master.into_iter().chain([replica]).collect();
        (sentinels, wires)
    }

    fn build(reached_at: impl FnOnce(&Redis) -> u16, announced: &[&str]) -> Self {
        // Don't sync to disk: these servers are used to test replication, and a busy disk must not
        // look like a lost master. Don't wait for more replicas before a sync.
        let options = ["--appendfsync", "no", "--repl-diskless-sync-delay", "0"];
        let user = if announced.is_empty() { &[][..] } else { &APP[..] };
        let master = Redis::with(&[&options, user].concat());
        let port = reached_at(&master);
        let following = ["--replicaof", "127.0.0.1", &port.to_string()];
        let replica = Redis::with(&[&options, user, &following, announced].concat());
        until("the replica follows", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
        let sentinels = (0..3).map(|_| sentinel(port)).collect();
        let all = Self { servers: [master, replica], sentinels };
        if announced.is_empty() {
            all.are_ready();
        }
        all
    }

    fn are_ready(&self) {
        for sentinel in &self.sentinels {
            until("the sentinels know each other", || {
                let known = cli(sentinel.port(), &["SENTINEL", "MASTER", "mymaster"]);
                let known: Vec<&str> = known.lines().collect();
                [["num-slaves", "1"], ["num-other-sentinels", "2"]]
                    .iter()
                    .all(|it| known.windows(2).any(|two| two == it))
            });
        }
    }

    /// Treats a master as lost after this time of silence. The default is a minute, because a busy
    /// machine may take that long.
    pub fn notice_after(&self, silence: Duration) {
        let silence = silence.as_millis().to_string();
        for sentinel in &self.sentinels {
            let set = ["SENTINEL", "SET", "mymaster", "down-after-milliseconds", &silence];
            assert_eq!(cli(sentinel.port(), &set), "OK");
        }
    }

    /// The URLs of the sentinels.
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
         sentinel down-after-milliseconds mymaster 60000\nsentinel failover-timeout mymaster 3000\n"
    );
    std::fs::write(&file, text).unwrap();
    server.start(Command::new(redis_server()).arg(file).arg("--sentinel"), || answers(port));
    server
}
