//! Servers that are killed or hang.

use crate::cell::{Bench, Cell};
use crate::stores::Place;

/// `kill -9`, and a restart with the existing data.
pub(crate) async fn killed(bench: &mut Bench) -> Cell {
    bench.outage(Place::kill, Place::restart).await
}

/// SIGSTOP and SIGCONT: the server accepts requests and answers them late or never.
pub(crate) async fn frozen(bench: &mut Bench) -> Cell {
    bench.outage(|place| place.freeze(true), |place| place.freeze(false)).await
}
