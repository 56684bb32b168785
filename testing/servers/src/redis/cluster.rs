//! A Cluster of three masters.

use std::time::Duration;

use super::{APP, Redis, until, url};
use crate::{Delay, Proxy, free_port};

/// The slots of each master.
const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

/// Three masters, with a third of the slots each.
#[derive(Debug)]
pub struct Cluster {
    /// The masters, ordered by their slots, followed by their replicas in the same order, if any.
    pub servers: Vec<Redis>,
    ports: Vec<u16>,
}

impl Cluster {
    /// Starts a Cluster without replicas. When a master is lost, it keeps serving the remaining
    /// slots.
    #[must_use]
    pub fn start() -> Self {
        Self::build(3, |_| Vec::new(), |_, server| server.port())
    }

    /// Starts a Cluster with a replica for each master. Its servers don't wait for their disks,
    /// because it is used to test replication.
    #[must_use]
    pub fn with_replicas() -> Self {
        let cluster = Self::build(6, |_| Vec::new(), |_, server| server.port());
        let (masters, replicas) = cluster.servers.split_at(3);
        for (master, replica) in masters.iter().zip(replicas) {
            let id = master.cli(&["CLUSTER", "MYID"]);
            let _ = replica.cli(&["CLUSTER", "REPLICATE", &id]);
        }
        for replica in replicas {
            until("the replicas follow", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
        }
        for server in &cluster.servers {
            // An election needs masters that know all replicas.
            until("the replicas are known", || server.cli(&["CLUSTER", "NODES"]).matches("slave").count() == 3);
            // A master that has lost its replica refuses writes at once, instead of letting each of
            // them wait for a confirmation.
            assert_eq!(server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]), "OK");
        }
        cluster
    }

    /// Starts masters that clients reach only through a network with this delay for each request.
    #[must_use]
    pub fn far_away(delay: Duration) -> Self {
        Self::build(3, |_| Vec::new(), |_, server| announced(server, Delay::to(server.port(), delay).port()))
    }

    /// Starts masters with the user of [`APP`], each behind a proxy. The proxies are in the same
    /// order.
    #[must_use]
    pub fn on_wires() -> (Self, Vec<Proxy>) {
        // Announce the proxies from the first start on, so that a restart changes nothing.
        let wires: Vec<Proxy> = (0..3).map(|_| Proxy::to(0)).collect();
        let options = |index: usize| {
            let announced = ["--cluster-announce-port".to_owned(), wires[index].port().to_string()];
            APP.map(str::to_owned).into_iter().chain(announced).collect()
        };
        let cluster = Self::build(3, options, |index, server| {
            wires[index].lead_to(server.port());
            wires[index].port()
        });
        (cluster, wires)
    }

    fn build(count: usize, options: impl Fn(usize) -> Vec<String>, reached_at: impl Fn(usize, &Redis) -> u16) -> Self {
        let buses: Vec<String> = (0..count).map(|_| free_port().to_string()).collect();
        let server = |(index, bus): (usize, &String)| server(bus, count > 3, &options(index));
        let servers: Vec<Redis> = buses.iter().enumerate().map(server).collect();
        let ports: Vec<u16> = servers.iter().enumerate().map(|(index, server)| reached_at(index, server)).collect();
        for (epoch, (server, slots)) in (1..).zip(servers.iter().zip(SLOTS)) {
            let epoch: i32 = epoch;
            let _ = server.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]);
            let _ = server.cli(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        }
        for (server, bus) in servers.iter().zip(&buses) {
            let _ = servers[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &server.port().to_string(), bus]);
        }
        let cluster = Self { servers, ports };
        cluster.is_ready();
        cluster
    }

    /// Waits until all servers know each other and serve requests.
    pub fn is_ready(&self) {
        let known = format!("cluster_known_nodes:{}", self.servers.len());
        for server in &self.servers {
            until("the servers of the Cluster know each other", || {
                let info = server.cli(&["CLUSTER", "INFO"]);
                ["cluster_state:ok", "cluster_slots_ok:16384", &known].iter().all(|it| info.contains(it))
            });
        }
    }

    /// The URLs of the servers, for clients.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.ports.iter().map(|port| url(*port)).collect()
    }

    /// The master that holds a key initially.
    #[must_use]
    pub fn server_of(&self, key: &str) -> &Redis {
        &self.servers[self.master_of(key)]
    }

    /// The index of the master that holds a key initially.
    #[must_use]
    pub fn master_of(&self, key: &str) -> usize {
        // Every running server knows the slot.
        let slot = |server: &Redis| server.cli(&["CLUSTER", "KEYSLOT", key]).parse::<u16>().ok();
        let slot = self.servers.iter().find_map(slot).unwrap();
        SLOTS.iter().position(|[_, last]| slot <= last.parse().unwrap()).unwrap()
    }
}

fn server(bus: &str, replicated: bool, more: &[String]) -> Redis {
    let mut options = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", bus];
    options.extend(["--cluster-require-full-coverage", "no"]);
    if replicated {
        options.extend(["--appendfsync", "no", "--repl-diskless-sync-delay", "0"]);
        options.extend(["--cluster-replica-validity-factor", "0"]);
    }
    options.extend(more.iter().map(String::as_str));
    Redis::with(&options)
}

/// Tells clients to connect to this port.
fn announced(server: &Redis, port: u16) -> u16 {
    let _ = server.cli(&["CONFIG", "SET", "cluster-announce-port", &port.to_string()]);
    port
}
