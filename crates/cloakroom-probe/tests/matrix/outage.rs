//! Servers that are gone, or hang.

use crate::cell::{Bench, Cell};
use crate::stores::Place;

/// `kill -9`, and a new start with the data that is there.
pub(crate) async fn killed(bench: &mut Bench) -> Cell {
    bench.outage(Place::kill, Place::restart).await
}

/// SIGSTOP and SIGCONT: requests are taken, and answered late if at all.
pub(crate) async fn frozen(bench: &mut Bench) -> Cell {
    bench.outage(|place| place.freeze(true), |place| place.freeze(false)).await
}
