//! The stores, each with its servers and the proxies in front of them.
//!
//! Applications log in as `app`, a user with exactly the rights that a store needs, so that a right
//! can be revoked.

use std::path::PathBuf;
use std::process::Command;

use cloakroom_servers::redis::{APP, Cluster, Redis, Sentinels};
use cloakroom_servers::{Disk, MariaDb, PgBouncer, Postgres, Proxy};

use crate::pooler::Supervised;

/// The kinds of stores, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Memory,
    File,
    Sqlite,
    Postgres,
    PgBouncer,
    PgBouncerNewer,
    MariaDb,
    Redis,
    Valkey,
    Sentinel,
    Cluster,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Memory,
        Self::File,
        Self::Sqlite,
        Self::Postgres,
        Self::PgBouncer,
        Self::PgBouncerNewer,
        Self::MariaDb,
        Self::Redis,
        Self::Valkey,
        Self::Sentinel,
        Self::Cluster,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::PgBouncer => "pgbouncer-1.18",
            Self::PgBouncerNewer => "pgbouncer-newer",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
        }
    }

    /// The group of stores that are administered like this one.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Memory | Self::File | Self::Sqlite => Family::Embedded,
            Self::Postgres | Self::PgBouncer | Self::PgBouncerNewer => Family::Postgres,
            Self::MariaDb => Family::MariaDb,
            Self::Redis | Self::Valkey | Self::Sentinel | Self::Cluster => Family::Redis,
        }
    }

    /// Returns whether it runs in the application's process, without a server and a network.
    pub(crate) const fn is_embedded(self) -> bool {
        matches!(self.family(), Family::Embedded)
    }

    pub(crate) const fn is_redis(self) -> bool {
        matches!(self.family(), Family::Redis)
    }
}

/// Stores that are administered alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Embedded,
    Postgres,
    MariaDb,
    Redis,
}

/// The servers behind a store.
pub(crate) enum Servers {
    None,
    Disk(Disk),
    Postgres(Postgres, Disk),
    Pooled(Postgres, Supervised, Disk),
    MariaDb(MariaDb, Disk),
    Redis(Redis),
    Sentinel(Box<Sentinels>),
    Cluster(Cluster),
}

/// A store's URL, with its servers.
pub(crate) struct Place {
    pub(crate) url: String,
    /// The proxies in front of the store; none for an embedded store.
    pub(crate) wires: Vec<Proxy>,
    pub(crate) servers: Servers,
}

impl Place {
    pub(crate) async fn start(kind: Kind) -> Self {
        match kind {
            Kind::Memory => Self { url: "memory:".to_owned(), wires: Vec::new(), servers: Servers::None },
            Kind::File | Kind::Sqlite => {
                let disk = Disk::mount(32 << 10);
                let url = format!("{}:{}", kind.name(), disk.path().join("sessions").display());
                Self { url, wires: Vec::new(), servers: Servers::Disk(disk) }
            }
            Kind::Postgres => {
                let (mut server, disk) = postgres().await;
                let wire = Proxy::to(server.server().port());
                let url = format!("postgres://app@127.0.0.1:{}/postgres", wire.port());
                Self { url, wires: vec![wire], servers: Servers::Postgres(server, disk) }
            }
            Kind::PgBouncer | Kind::PgBouncerNewer => {
                let (mut server, disk) = postgres().await;
                let newer = kind == Kind::PgBouncerNewer;
                let start = if newer { PgBouncer::newer_before_as } else { PgBouncer::before_as };
                let bouncer = Supervised::new(start(&mut server, "app"));
                let wire = Proxy::to(bouncer.port());
                let url = format!("postgres://app@127.0.0.1:{}/postgres", wire.port());
                Self { url, wires: vec![wire], servers: Servers::Pooled(server, bouncer, disk) }
            }
            Kind::MariaDb => {
                let (mut server, disk) = mariadb().await;
                let wire = Proxy::to(server.server().port());
                // Otherwise the driver would switch to a Unix socket, because the server is on the
                // same machine.
                let url = format!("mysql://app@127.0.0.1:{}/test?prefer_socket=false", wire.port());
                Self { url, wires: vec![wire], servers: Servers::MariaDb(server, disk) }
            }
            Kind::Redis | Kind::Valkey => {
                let server = if kind == Kind::Redis { Redis::with(&APP) } else { Redis::valkey(&APP) };
                let wire = Proxy::to(server.port());
                let url = format!("redis://app:app@127.0.0.1:{}/", wire.port());
                Self { url, wires: vec![wire], servers: Servers::Redis(server) }
            }
            Kind::Sentinel => {
                let (servers, wires) = Sentinels::on_wires();
                let url = format!("redis+sentinel://app:app@{}/mymaster", hosts(&servers.urls()));
                Self { url, wires, servers: Servers::Sentinel(Box::new(servers)) }
            }
            Kind::Cluster => {
                let (servers, wires) = Cluster::on_wires();
                let url = format!("redis+cluster://app:app@{}", hosts(&servers.urls()));
                Self { url, wires, servers: Servers::Cluster(servers) }
            }
        }
    }

    pub(crate) fn kill(&mut self) {
        match &mut self.servers {
            Servers::None | Servers::Disk(_) => {}
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => server.server().kill(),
            Servers::MariaDb(server, _) => server.server().kill(),
            Servers::Redis(server) => server.kill(),
            // Only the master. It is back before the sentinels miss it.
            Servers::Sentinel(servers) => servers.servers[0].kill(),
            Servers::Cluster(cluster) => cluster.servers.iter_mut().for_each(Redis::kill),
        }
    }

    /// Restarts the killed servers.
    pub(crate) fn restart(&mut self) {
        match &mut self.servers {
            Servers::None | Servers::Disk(_) => {}
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => server.restart(),
            Servers::MariaDb(server, _) => server.restart(),
            Servers::Redis(server) => server.start_again(),
            Servers::Sentinel(servers) => servers.servers[0].start_again(),
            Servers::Cluster(cluster) => {
                cluster.servers.iter_mut().for_each(Redis::start_again);
                cluster.is_ready();
            }
        }
    }

    /// The logs of poolers that have died unexpectedly since the last call.
    pub(crate) fn deaths(&self) -> Vec<String> {
        if let Servers::Pooled(_, pooler, _) = &self.servers { pooler.deaths() } else { Vec::new() }
    }

    /// Restarts a server that has died unexpectedly, as a supervisor would. Returns whether it had
    /// died.
    pub(crate) fn revive(&mut self) -> bool {
        let died = match &mut self.servers {
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => !server.server().is_up(),
            Servers::MariaDb(server, _) => !server.server().is_up(),
            Servers::None | Servers::Disk(_) | Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => false,
        };
        if died {
            self.kill();
            self.restart();
        }
        died
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        match &self.servers {
            Servers::None | Servers::Disk(_) => {}
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => server.freeze(frozen),
            Servers::MariaDb(server, _) => server.freeze(frozen),
            Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => {
                self.masters().iter().for_each(|server| server.freeze(frozen));
            }
        }
    }

    /// The Redis servers that accept writes.
    pub(crate) fn masters(&self) -> Vec<&Redis> {
        match &self.servers {
            Servers::Redis(server) => vec![server],
            Servers::Sentinel(servers) => vec![&servers.servers[0]],
            Servers::Cluster(cluster) => cluster.servers.iter().collect(),
            Servers::None | Servers::Disk(_) | Servers::Postgres(..) | Servers::Pooled(..) | Servers::MariaDb(..) => {
                Vec::new()
            }
        }
    }

    /// Sends a command to each of them.
    pub(crate) fn redis(&self, words: &[&str]) {
        for server in self.masters() {
            let said = server.cli(words);
            assert!(!said.starts_with("ERR"), "{words:?}: {said}");
        }
    }

    /// Runs statements as the administrator of a database.
    pub(crate) fn sql(&self, statements: &str) -> String {
        match &self.servers {
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => server.sql(statements),
            Servers::MariaDb(server, _) => server.sql(statements),
            Servers::None | Servers::Disk(_) | Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => {
                panic!("no database: {statements}")
            }
        }
    }

    /// The small disk with the sessions, if there is one.
    pub(crate) const fn disk(&self) -> Option<&Disk> {
        match &self.servers {
            Servers::Disk(disk)
            | Servers::Postgres(_, disk)
            | Servers::Pooled(_, _, disk)
            | Servers::MariaDb(_, disk) => Some(disk),
            Servers::None | Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => None,
        }
    }

    /// The file or folder of an embedded store.
    pub(crate) fn path(&self) -> PathBuf {
        self.disk().expect("an embedded store has one").path().join("sessions")
    }

    /// Grants or revokes the right of `app` to write. Reading remains allowed.
    pub(crate) fn allow_writes(&self, allowed: bool) {
        match &self.servers {
            Servers::None | Servers::Disk(_) => {}
            Servers::Postgres(..) | Servers::Pooled(..) => {
                let (verb, whom) = if allowed { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
                self.sql(&format!("{verb} INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public {whom} app"));
            }
            Servers::MariaDb(..) => {
                let (verb, whom) = if allowed { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
                // Rights on a table are checked for each statement, rights on a database only for
                // each connection.
                for table in self.sql("SHOW TABLES LIKE 'cloakroom%'").lines() {
                    self.sql(&format!("{verb} INSERT, UPDATE, DELETE ON {table} {whom} app"));
                }
            }
            Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => {
                let rights = if allowed { "+@all" } else { "-@write" };
                let mut servers = self.masters();
                if let Servers::Sentinel(all) = &self.servers {
                    servers.push(&all.servers[1]);
                }
                for server in servers {
                    assert_eq!(server.cli(&["ACL", "SETUSER", "app", rights]), "OK");
                }
            }
        }
    }
}

fn hosts(urls: &[String]) -> String {
    let hosts = urls.iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/'));
    hosts.collect::<Vec<_>>().join(",")
}

/// Starts a server whose sessions are on a small disk.
async fn postgres() -> (Postgres, Disk) {
    let (server, disk) = (Postgres::start(), Disk::mount(64 << 10));
    let owned = Command::new("chown").arg("postgres").arg(disk.path()).status();
    assert!(owned.is_ok_and(|status| status.success()), "the disk must be the server's");
    // The administrator creates the table.
    cloakroom::connect(&server.url()).await.unwrap();
    server.sql("CREATE ROLE app LOGIN");
    server.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display()));
    server.sql("ALTER TABLE cloakroom_sessions SET TABLESPACE small");
    server.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app");
    (server, disk)
}

async fn mariadb() -> (MariaDb, Disk) {
    let (server, disk) = (MariaDb::start(), Disk::mount(64 << 10));
    cloakroom::connect(&server.url()).await.unwrap();
    // A table's location is fixed when it is created.
    let made = server.sql("SHOW CREATE TABLE cloakroom_sessions").replace("\\n", "\n");
    let (_, statement) = made.split_once('\t').unwrap();
    server.sql(&format!("DROP TABLE cloakroom_sessions; {statement} DATA DIRECTORY = '{}'", disk.path().display()));
    // A new server grants all users all rights on its database `test`.
    server.sql("DELETE FROM mysql.db WHERE db LIKE 'test%'; FLUSH PRIVILEGES; CREATE USER app");
    for table in server.sql("SHOW TABLES").lines() {
        server.sql(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO app"));
    }
    (server, disk)
}
