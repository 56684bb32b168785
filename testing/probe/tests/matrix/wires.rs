//! Networks that lose data or break connections.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cell::{Bench, Cell, Ran, SOME};
use crate::load::Load;

/// A visitor may hit a silent connection on a read, on a write, and once more in the pool of each.
const MISSES: usize = 3;

/// The largest number of bytes before a connection is cut: a few requests.
const CUT_WITHIN: u64 = 12_000;

/// The time that a client may need to notice a closed connection.
const A_MOMENT: Duration = Duration::from_secs(2);

/// All connections go silent and stay silent; new ones work.
pub(crate) async fn silent(bench: &mut Bench) -> Cell {
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    load.mark();
    bench.place.wires.iter().for_each(cloakroom_servers::Proxy::silence);
    load.until_failed(1).await;
    let control = bench.control().await;
    load.until_all_go_on().await;
    load.until_done(SOME).await;
    let recovery = load.recovery();
    let mut ran = Ran::of(load.stop().await, recovery);
    ran.is_soon_enough(control);
    let worst = ran.tally.in_a_row;
    ran.check(worst <= MISSES, || format!("a visitor missed {worst} deadlines in a row"));
    Cell::Ran(ran.noted(format_args!("at most {worst} in a row")))
}

/// Connections are cut after a random number of bytes, in either direction.
pub(crate) async fn cut(bench: &mut Bench) -> Cell {
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    let before: usize = bench.place.wires.iter().map(cloakroom_servers::Proxy::opened).sum();
    for wire in &bench.place.wires {
        wire.cut_within(CUT_WITHIN, bench.seed);
    }
    load.until_answered(8 * SOME).await;
    for wire in &bench.place.wires {
        wire.mend();
    }
    let opened: usize = bench.place.wires.iter().map(cloakroom_servers::Proxy::opened).sum();
    let cell = bench.goes_on(load).await;
    let Cell::Ran(mut ran) = cell else { return cell };
    let cuts = opened - before;
    ran.check(cuts > 5, || format!("only {cuts} connections were cut"));
    Cell::Ran(ran.noted(format_args!("{cuts} connections cut")))
}

/// The server closes idle connections; the next requests succeed.
pub(crate) async fn idle_closed(bench: &mut Bench) -> Cell {
    let load = Load::start(&bench.patient()).await;
    load.until_done(SOME).await;
    for _ in 0..3 {
        load.pause().await;
        let wires = &bench.place.wires;
        wires.iter().for_each(cloakroom_servers::Proxy::hang_up);
        // A client that listens closes its side; any other notices on the next request.
        let closed = async {
            while wires.iter().any(|wire| wire.open() > 0) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(A_MOMENT, closed).await;
        load.resume();
        load.until_all_go_on().await;
    }
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    Cell::Ran(ran)
}
