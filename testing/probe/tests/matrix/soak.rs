//! Random faults on every store, for the number of minutes in `CLOAKROOM_SOAK`: `cargo xtask soak`.
//!
//! The seed determines each store's sequence of faults. In addition to the visitors of each cell
//! there are *keepers*, whose sessions live through all faults.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::thread;
use std::time::Duration;

use cloakroom_servers::scrambled;
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::cell::{Bench, Cell};
use crate::fault::Fault;
use crate::load::add;
use crate::stores::Kind;
use crate::{chosen, known, runtime, table};

/// The number of sessions that live through all faults.
const KEEPERS: usize = 8;

/// The pause between two faults.
const BREATH: Duration = Duration::from_millis(500);

pub(crate) fn run() {
    let minutes = std::env::var("CLOAKROOM_SOAK").ok().and_then(|minutes| minutes.parse::<u64>().ok());
    let Some(minutes) = minutes else {
        println!("the soak is run by `cargo xtask soak`");
        return;
    };
    let told = std::env::var("CLOAKROOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = told.unwrap_or_else(|| RandomState::new().hash_one(minutes));
    let (stores, faults) = chosen();
    println!("{minutes} minutes, seed {seed}: `cargo xtask soak --seed {seed}` does the same faults again");
    let rows: Vec<_> = thread::scope(|scope| {
        let faults = &faults;
        let span = Duration::from_secs(60 * minutes);
        let rows: Vec<_> = stores.into_iter().map(|kind| scope.spawn(move || row(kind, faults, seed, span))).collect();
        rows.into_iter().map(|row| row.join().unwrap()).collect()
    });
    println!(
        "\n| store | faults | requests | failed | acknowledged / there | moves lost | keepers: acknowledged / there |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Row { kind, cells, kept } in rows {
        let ran =
            || cells.iter().filter_map(|(.., cell)| if let Cell::Ran(ran) = cell { Some(&ran.tally) } else { None });
        let sum = |of: fn(&crate::load::Tally) -> usize| ran().map(of).sum::<usize>();
        println!(
            "| {:15} | {} | {} | {} | {} / {} | {} | {} / {} |",
            kind.name(),
            cells.len(),
            sum(|tally| tally.requests),
            sum(|tally| tally.failed),
            sum(|tally| tally.acknowledged),
            sum(|tally| tally.there),
            sum(|tally| tally.stranded),
            kept.acknowledged,
            kept.there,
        );
        wrong.extend(known::wrong(&cells));
        wrong.extend(kept.findings.into_iter().map(|finding| format!("{}: keepers: {finding}", kind.name())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Row {
    kind: Kind,
    cells: Vec<(Kind, Fault, Cell)>,
    kept: Kept,
}

#[derive(Default)]
struct Kept {
    acknowledged: usize,
    there: usize,
    findings: Vec<String>,
}

impl Kept {
    async fn of(keepers: Vec<(String, BTreeSet<usize>)>, bench: &Bench) -> Self {
        let mut kept = Self::default();
        for (cookie, acknowledged) in keepers {
            let found = bench.nodes[1].found(&cookie, |session| session.get::<Vec<usize>>("items")).await.flatten();
            let there = found.unwrap_or_default();
            let distinct: BTreeSet<usize> = there.iter().copied().collect();
            kept.acknowledged += acknowledged.len();
            kept.there += there.len();
            let missing: Vec<_> = acknowledged.difference(&distinct).collect();
            if !missing.is_empty() || distinct.len() != there.len() {
                kept.findings.push(format!("missing {missing:?}, {} twice", there.len() - distinct.len()));
            }
        }
        kept
    }
}

fn row(kind: Kind, faults: &[Fault], seed: u64, span: Duration) -> Row {
    let faults: Vec<Fault> = faults.iter().copied().filter(|fault| fault.senseless(kind).is_none()).collect();
    let runtime = runtime();
    let row = runtime.block_on(async {
        let mut bench = Bench::start(kind).await;
        let mut keepers = Vec::new();
        for _ in 0..KEEPERS {
            keepers.push((bench.nodes[0].begin().await.unwrap(), BTreeSet::new()));
        }
        let (mut cells, began) = (Vec::new(), Instant::now());
        for round in 0.. {
            if began.elapsed() >= span || faults.is_empty() {
                break;
            }
            bench.seed = scrambled(seed ^ scrambled(round + 1000 * kind as u64));
            let fault = faults[usize::try_from(bench.seed % faults.len() as u64).unwrap()];
            let cell = bench.run(fault).await;
            println!("{round:3} {}", table::line(kind, fault, &cell));
            cells.push((kind, fault, cell));
            // Embedded stores would otherwise use all CPU time.
            tokio::time::sleep(BREATH).await;
            for (number, (cookie, acknowledged)) in keepers.iter_mut().enumerate() {
                let item = usize::try_from(round).unwrap();
                if matches!(bench.nodes[number % 2].visit(cookie, |session| add(session, item)).await, Ok((true, _))) {
                    acknowledged.insert(item);
                }
            }
        }
        let kept = AssertUnwindSafe(Kept::of(keepers, &bench)).catch_unwind().await;
        let kept = kept.unwrap_or_else(|why| match Cell::panicked(&*why) {
            Cell::Ran(ran) => Kept { findings: ran.findings, ..Kept::default() },
            Cell::Senseless(_) => Kept::default(),
        });
        Row { kind, cells, kept }
    });
    runtime.shutdown_background();
    row
}
