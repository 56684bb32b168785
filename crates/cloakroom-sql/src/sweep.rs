//! A sweep: rounds that each visit some rows, delete the expired ones and reschedule the others.

use std::time::Duration;

use cloakroom_store::store::StoreError;
use tokio::time::Instant;

/// The time limit of a sweep that visits mostly live sessions. The next sweep continues from there.
const LONGEST: Duration = Duration::from_secs(10);

/// Sweeps until at least `limit` rows are deleted, or a round visits fewer than that.
///
/// A round takes the most that it may delete, and returns the number of rows deleted and visited.
pub(crate) async fn sweep<F>(limit: usize, mut round: impl FnMut(usize) -> F) -> Result<usize, StoreError>
where
    F: Future<Output = Result<(usize, usize), StoreError>>,
{
    let (begun, mut total) = (Instant::now(), 0);
    loop {
        let (removed, met) = round(limit - total).await?;
        total += removed;
        if total >= limit || met < limit || begun.elapsed() >= LONGEST {
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sweep;

    #[tokio::test]
    async fn a_sweep_continues_while_rounds_are_full() {
        let table = [
            ("nothing is there", vec![(0, 0)], 0),
            ("fewer than a round", vec![(3, 7)], 3),
            ("live sessions before expired ones", vec![(0, 10), (4, 10), (1, 9)], 5),
            ("as many as were asked for", vec![(4, 10), (6, 10)], 10),
        ];
        for (row, rounds, expected) in table {
            let mut left = rounds.into_iter();
            let swept = sweep(10, |_| std::future::ready(Ok(left.next().expect("no further round"))));
            assert_eq!(swept.await.unwrap(), expected, "{row}");
            assert_eq!(left.next(), None, "{row}");
        }
    }
}
