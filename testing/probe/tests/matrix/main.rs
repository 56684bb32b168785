//! The fault matrix: every store under every fault, with the same small load.
//!
//! | file | content |
//! |---|---|
//! | `stores`, `pooler` | the stores, each with its servers and the wires to them |
//! | `fault` | the faults, and the reasons why a store can't have one |
//! | `node`, `load` | an application, and visitors, and the acknowledged changes that they remember |
//! | `cell` | a fault that begins and ends under load |
//! | `outage`, `wires`, `busy`, `answers`, `time`, `rights` | the faults, group by group |
//! | `lossy`, `hooked` | a store whose answers are lost |
//! | `known` | cells that are known to fail |
//! | `table` | the printed table |
//! | `soak` | random faults for minutes: `cargo xtask soak` |
//!
//! `CLOAKROOM_MATRIX="redis killed"` runs only the cells of these stores and faults. A cell decides
//! by counts: every acknowledged change is stored once, and an ended session opens nothing. Times
//! are printed, and have an upper bound.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod answers;
mod busy;
mod cell;
mod fault;
#[path = "../../src/hooked.rs"]
mod hooked;
mod known;
mod load;
mod lossy;
mod node;
mod outage;
mod pooler;
mod rights;
mod soak;
mod stores;
mod table;
mod time;
mod wires;

use std::thread;

use cell::{Bench, Cell};
use fault::Fault;
use stores::Kind;

/// The stores and faults of `CLOAKROOM_MATRIX`, or all of them.
fn chosen() -> (Vec<Kind>, Vec<Fault>) {
    let words = std::env::var("CLOAKROOM_MATRIX").unwrap_or_default();
    let words: Vec<&str> = words.split_whitespace().collect();
    let stores: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| words.contains(&kind.name())).collect();
    let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| words.contains(&fault.name())).collect();
    let known = stores.len() + faults.len();
    assert_eq!(known, words.len(), "CLOAKROOM_MATRIX names stores and faults: {words:?}");
    let all = |chosen: Vec<Kind>| if chosen.is_empty() { Kind::ALL.to_vec() } else { chosen };
    (all(stores), if faults.is_empty() { Fault::ALL.to_vec() } else { faults })
}

/// Makes a runtime for one store, so that the blocking steps of a fault don't delay other stores.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The cells of one store, in the order of the faults. They share its servers, and nothing is
/// restarted in between.
fn row(kind: Kind, faults: &[Fault]) -> Vec<(Kind, Fault, Cell)> {
    let runtime = runtime();
    let mut bench = None;
    let mut cells = Vec::new();
    for fault in faults {
        let cell = match fault.senseless(kind) {
            Some(why) => Cell::Senseless(why),
            None => runtime.block_on(async {
                let bench = match &mut bench {
                    Some(bench) => bench,
                    none => none.insert(Bench::start(kind).await),
                };
                bench.run(*fault).await
            }),
        };
        cells.push((kind, *fault, cell));
    }
    runtime.shutdown_background();
    cells
}

#[test]
fn every_store_under_every_fault() {
    let (stores, faults) = chosen();
    let rows: Vec<_> = thread::scope(|scope| {
        let faults = &faults;
        let rows: Vec<_> = stores.into_iter().map(|kind| scope.spawn(move || row(kind, faults))).collect();
        rows.into_iter().flat_map(|row| row.join().unwrap()).collect()
    });
    let wrong = known::unexpected(&rows);
    // First: a log that is cut off after some lines still shows which cells failed.
    for cell in &wrong {
        println!("FAILED: {cell}");
    }
    println!("{}", table::of(&rows));
    assert!(wrong.is_empty(), "{} cells failed", wrong.len());
}

#[test]
fn soak() {
    soak::run();
}
