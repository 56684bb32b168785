//! Private stores for the contenders that are served.

use bench_harness::Keep;
use cloakroom_servers::redis::Redis;
use cloakroom_servers::{Postgres, Proxy};
use tempfile::TempDir;

use crate::Fallible;

/// A Redis that writes no file, a PostgreSQL that answers before its disk has it, and a folder for SQLite's files: what is measured
/// is the libraries, and a disk would be most of it.
pub struct Stores {
    pub redis: Redis,
    pub postgres: Postgres,
    folder: TempDir,
    wires: Option<(Proxy, Proxy)>,
}

impl Stores {
    pub fn start() -> Fallible<Self> {
        Ok(Self {
            redis: Redis::with(&["--appendonly", "no", "--appendfsync", "no"]),
            postgres: Postgres::start_with(|_| {
                vec!["synchronous_commit=off".to_owned(), "max_connections=300".to_owned()]
            }),
            folder: tempfile::tempdir()?,
            wires: None,
        })
    }

    /// The same, and each conversation with a server is watched.
    pub fn watched() -> Fallible<Self> {
        let mut stores = Self::start()?;
        stores.wires = Some((Proxy::to(stores.redis.port()), Proxy::to(stores.postgres.server().port())));
        Ok(stores)
    }

    /// How often somebody waited for an answer of that server.
    pub fn trips(&self, keep: Keep) -> usize {
        match (&self.wires, keep) {
            (Some((redis, _)), Keep::Redis) => redis.trips(),
            (Some((_, postgres)), Keep::Postgres) => postgres.trips(),
            _ => 0,
        }
    }

    /// What a program is told as its store; each has an SQLite file of its own.
    pub fn address(&self, keep: Keep, program: &str) -> String {
        match (keep, &self.wires) {
            (Keep::Redis, None) => self.redis.url(),
            (Keep::Redis, Some((redis, _))) => format!("redis://127.0.0.1:{}/", redis.port()),
            (Keep::Postgres, None) => self.postgres.url(),
            (Keep::Postgres, Some((_, postgres))) => {
                format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port())
            }
            (Keep::Sqlite, _) => self.folder.path().join(format!("{program}.sqlite")).display().to_string(),
            _ => String::new(),
        }
    }

    /// Bytes of all SQLite files, what stands in their logs included.
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
