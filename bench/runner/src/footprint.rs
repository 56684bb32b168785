//! The size of a session in its store.

use bench_harness::{Contents, Storage};
use cloakroom_servers::program;

use crate::client::Client;
use crate::contenders::{CONTENDERS, names, of};
use crate::fallible::Fallible;
use crate::served::Stage;
use crate::stores::Stores;
use crate::table::{Best, Table};

const SESSIONS: u32 = 20_000;
/// The number of sessions created concurrently. SQLite has one writer at a time, and not every
/// library waits for it.
const fn clients(storage: Storage) -> u32 {
    match storage {
        Storage::Sqlite => 1,
        _ => 16,
    }
}

/// Measures the growth of a store in bytes for each session of nine keys. Every contender starts
/// with an empty store.
pub async fn tables(programs: &std::path::Path) -> Fallible<Vec<Table>> {
    let mut table = Table::new("Bytes in the store per session of nine keys", "store", &names(), Best::Lowest);
    for storage in [Storage::Redis, Storage::Postgres, Storage::Sqlite] {
        let mut cells = vec![Vec::new(); CONTENDERS.len()];
        for (who, contender) in CONTENDERS.iter().enumerate() {
            let stores = Stores::start()?;
            let stage = Stage { programs, stores: &stores };
            let Some(served) = stage.one(contender, storage, None)? else { continue };
            let before = size(&stores, storage)?;
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..clients(storage) {
                tasks.spawn_local(begin(served.port, SESSIONS / clients(storage)));
            }
            while let Some(task) = tasks.join_next().await {
                task?.map_err(|why| of(who, storage)(why.into()))?;
            }
            cells[who] = vec![(size(&stores, storage)? - before) / f64::from(SESSIONS)];
        }
        table.push(storage.as_str(), cells);
    }
    Ok(table.by_framework())
}

async fn begin(port: u16, sessions: u32) -> Result<(), String> {
    let ask = async {
        let mut client = Client::connect(port).await?;
        for _ in 0..sessions {
            client.jar = bench_harness::Jar::default();
            client.expect_ok(Contents::Small.path()).await?;
        }
        Fallible::Ok(())
    };
    ask.await.map_err(|why| why.to_string())
}

fn size(stores: &Stores, storage: Storage) -> Fallible<f64> {
    match storage {
        Storage::Redis => {
            let info = stores.redis.cli(&["info", "memory"]);
            let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
            Ok(used.ok_or("Redis doesn't report its memory")?.trim().parse()?)
        }
        Storage::Postgres => {
            let mut command = std::process::Command::new(program("psql", &[], "postgresql-client"));
            let command =
                command.args(["-AtX", "-c", "SELECT pg_database_size(current_database())", &stores.postgres.url()]);
            Ok(String::from_utf8(command.output()?.stdout)?.trim().parse()?)
        }
        _ => stores.size_of_files(),
    }
}
