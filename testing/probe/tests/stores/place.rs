//! One store of each kind, started for one test.

use std::any::Any;
use std::sync::Mutex;

use cloakroom_servers::redis::{Cluster, Redis, Sentinels};
use cloakroom_servers::{MariaDb, Monitor, Postgres, Proxy};

/// A store's URL, with the resources that must outlive it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// Counts the round trips so far, outside the probe.
    trips: Option<Box<dyn Fn() -> usize>>,
    held: Box<dyn Any + Send + Sync>,
}

impl Place {
    pub(crate) fn start(name: &'static str) -> Self {
        let in_folder = |scheme: &str| {
            let folder = tempfile::tempdir().unwrap();
            Self::held(name, format!("{scheme}:{}/sessions", folder.path().display()), folder)
        };
        match name {
            "memory" => Self::held(name, "memory:".to_owned(), ()),
            "file" | "sqlite" => in_folder(name),
            "postgres" => {
                let server = Postgres::start();
                Self::held(name, server.url(), server)
            }
            "mariadb" => {
                let server = MariaDb::start();
                Self::held(name, server.url(), server)
            }
            "redis" => {
                let server = Redis::start();
                Self::held(name, server.url(), server)
            }
            "valkey" => {
                let server = Redis::valkey(&[]);
                Self::held(name, server.url(), server)
            }
            "sentinel" => {
                let servers = Sentinels::start();
                let url = format!("redis+sentinel://{}/mymaster", hosts(&servers.urls()));
                let monitors = Mutex::new(vec![Monitor::of(&servers.servers[0])]);
                Self { trips: Some(watched(monitors)), ..Self::held(name, url, servers) }
            }
            "cluster" => {
                let servers = Cluster::start();
                let url = format!("redis+cluster://{}", hosts(&servers.urls()));
                let monitors = Mutex::new(servers.servers.iter().map(Monitor::of).collect());
                Self { trips: Some(watched(monitors)), ..Self::held(name, url, servers) }
            }
            unknown => panic!("{unknown}"),
        }
    }

    fn held(name: &'static str, url: String, held: impl Any + Send + Sync) -> Self {
        Self { name, url, trips: None, held: Box::new(held) }
    }

    /// Puts a counting proxy in front of the store, if it is a single server.
    pub(crate) fn on_a_wire(mut self) -> Self {
        if let Some(port) = self.url.split("127.0.0.1:").nth(1).filter(|_| self.trips.is_none()) {
            let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
            let proxy = Proxy::to(digits.parse().unwrap());
            self.url = self.url.replace(&format!(":{digits}"), &format!(":{}", proxy.port()));
            if self.name == "mariadb" {
                // Otherwise the driver would switch to a Unix socket, because the server is on the
                // same machine.
                self.url.push_str("?prefer_socket=false");
            }
            self.trips = Some(Box::new(move || proxy.trips()));
        }
        self
    }

    /// The Redis server, if there is one.
    pub(crate) fn redis(&self) -> Option<&Redis> {
        self.held.downcast_ref()
    }

    /// The round trips so far; `None` without a network.
    pub(crate) fn trips(&self) -> Option<usize> {
        self.trips.as_ref().map(|trips| trips())
    }
}

fn hosts(urls: &[String]) -> String {
    let hosts = urls.iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/'));
    hosts.collect::<Vec<_>>().join(",")
}

/// Counts the commands about sessions; these servers receive other commands as well.
fn watched(monitors: Mutex<Vec<Monitor>>) -> Box<dyn Fn() -> usize> {
    let seen = Mutex::new(0);
    Box::new(move || {
        let mut seen = seen.lock().unwrap();
        for monitor in &mut *monitors.lock().unwrap() {
            *seen += monitor.commands().iter().filter(|line| line.contains("cloakroom:")).count();
        }
        *seen
    })
}
