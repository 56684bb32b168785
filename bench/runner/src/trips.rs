//! Round trips to the store.

use bench_harness::Storage;

use crate::client::Client;
use crate::contenders::{CONTENDERS, names, of};
use crate::fallible::Fallible;
use crate::served::{Served, Stage};
use crate::table::{Best, Table};

/// The requests of a visit, with the names of their rows.
const VISIT: [(&str, &str); 6] = [
    ("/new", "a new session"),
    ("/untouched", "untouched, with a cookie"),
    ("/read", "read"),
    ("/write", "read and write"),
    ("/login", "sign-in, with a new id"),
    ("/logout", "sign-out"),
];
/// Visits that aren't counted, during which connections are opened and scripts and statements are
/// prepared.
const FIRST: usize = 5;
const VISITS: usize = 20;

/// Counts round trips with proxies in front of the stores.
pub async fn tables(stage: &Stage<'_>) -> Fallible<Vec<Table>> {
    let mut table =
        Table::new("Round trips to the store per request", "request", &names(), Best::Lowest).with_decimals(1);
    for storage in [Storage::Redis, Storage::Valkey, Storage::Postgres] {
        let mut cells = vec![vec![Vec::new(); CONTENDERS.len()]; VISIT.len()];
        for (who, served) in stage.all(storage, None)? {
            for (row, trips) in visits(stage, storage, &served).await.map_err(of(who, storage))?.into_iter().enumerate()
            {
                cells[row][who] = vec![trips];
            }
        }
        for ((_, name), cells) in VISIT.iter().zip(cells) {
            table.push(format!("{}: {name}", storage.as_str()), cells);
        }
    }
    Ok(table.by_framework())
}

async fn visits(stage: &Stage<'_>, storage: Storage, served: &Served) -> Fallible<[f64; VISIT.len()]> {
    let mut trips = [0.0; VISIT.len()];
    for visit in 0..FIRST + VISITS {
        let mut client = Client::connect(served.port).await?;
        for (trips, (path, _)) in trips.iter_mut().zip(VISIT) {
            let before = stage.stores.trips(storage);
            client.expect_ok(path).await?;
            if visit >= FIRST {
                *trips += (stage.stores.trips(storage) - before) as f64 / VISITS as f64;
            }
        }
    }
    Ok(trips)
}
