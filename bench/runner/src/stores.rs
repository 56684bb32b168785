//! Private stores for the served contenders.

use bench_harness::Storage;
use cloakroom_servers::redis::Redis;
use cloakroom_servers::{Postgres, Proxy};
use tempfile::TempDir;

use crate::fallible::Fallible;

/// Redis and Valkey without persistence, PostgreSQL with asynchronous commits, and a folder for
/// SQLite files: otherwise disks would dominate the measurement.
pub struct Stores {
    pub redis: Redis,
    pub valkey: Redis,
    pub postgres: Postgres,
    folder: TempDir,
    wires: Option<Wires>,
}

/// Proxies that count round trips.
struct Wires {
    redis: Proxy,
    valkey: Proxy,
    postgres: Proxy,
}

const NO_FILE: [&str; 4] = ["--appendonly", "no", "--appendfsync", "no"];

impl Stores {
    pub fn start() -> Fallible<Self> {
        Ok(Self {
            redis: Redis::with(&NO_FILE),
            valkey: Redis::valkey(&NO_FILE),
            postgres: Postgres::start_with(|_| {
                vec!["synchronous_commit=off".to_owned(), "max_connections=300".to_owned()]
            }),
            folder: tempfile::tempdir()?,
            wires: None,
        })
    }

    /// Starts the stores with proxies that count round trips.
    pub fn watched() -> Fallible<Self> {
        let mut stores = Self::start()?;
        stores.wires = Some(Wires {
            redis: Proxy::to(stores.redis.port()),
            valkey: Proxy::to(stores.valkey.port()),
            postgres: Proxy::to(stores.postgres.server().port()),
        });
        Ok(stores)
    }

    fn wire(&self, storage: Storage) -> Option<&Proxy> {
        let wires = self.wires.as_ref()?;
        match storage {
            Storage::Redis => Some(&wires.redis),
            Storage::Valkey => Some(&wires.valkey),
            Storage::Postgres => Some(&wires.postgres),
            Storage::Nothing
            | Storage::EmptyLayer
            | Storage::Memory
            | Storage::Signed
            | Storage::Encrypted
            | Storage::Sqlite => None,
        }
    }

    /// The number of round trips to that server.
    pub fn trips(&self, storage: Storage) -> usize {
        self.wire(storage).map_or(0, Proxy::trips)
    }

    /// The store's address for a program; each program has a separate SQLite file.
    pub fn address(&self, storage: Storage, program: &str) -> String {
        let watched = self.wire(storage).map(Proxy::port);
        match storage {
            Storage::Redis => watched.map_or_else(|| self.redis.url(), |port| format!("redis://127.0.0.1:{port}/")),
            Storage::Valkey => watched.map_or_else(|| self.valkey.url(), |port| format!("redis://127.0.0.1:{port}/")),
            Storage::Postgres => watched
                .map_or_else(|| self.postgres.url(), |port| format!("postgres://postgres@127.0.0.1:{port}/postgres")),
            Storage::Sqlite => self.folder.path().join(format!("{program}.sqlite")).display().to_string(),
            Storage::Nothing | Storage::EmptyLayer | Storage::Memory | Storage::Signed | Storage::Encrypted => {
                String::new()
            }
        }
    }

    /// The size of all SQLite files in bytes, including their logs.
    pub fn size_of_files(&self) -> Fallible<f64> {
        let mut size = 0.0;
        for file in std::fs::read_dir(self.folder.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == "sqlite") {
                let connection = rusqlite::Connection::open(path)?;
                let pages = "SELECT CAST(page_count * page_size AS REAL) FROM pragma_page_count, pragma_page_size";
                size += connection.query_row(pages, [], |row| row.get::<_, f64>(0))?;
            }
        }
        Ok(size)
    }
}
