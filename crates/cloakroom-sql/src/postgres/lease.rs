//! A connection borrowed from a pool, and the handling of one that still owes an answer.
//!
//! A caller may stop waiting at any moment: its deadline passes, or its client disconnects. Its
//! statement continues, and everything else sent on that connection waits behind it. So such a
//! connection isn't lent again before it has answered:
//!
//! 1. It has a short time ([`GRACE`]) to answer. Most statements finish by then, and the connection
//!    goes back.
//! 2. It leaves the pool, and the server is asked to cancel the statement.
//! 3. If no answer comes even then, its network connection is silent. The idle ones may be silent
//!    too, so they leave the pool as well.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::meter;
use deadpool_postgres::{Object, Pool, PoolError};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_postgres::error::SqlState;

use super::cancel::Canceller;
use super::failure::to_failure;
use crate::gate::{Gate, Pauses, Place};
use crate::query::{Failure, GRACE};
use crate::suspects::{SUSPICIOUS, Suspects, TEST};

/// The time limit for a cancel request and the answer to it.
const CANCEL: Duration = Duration::from_secs(2);

/// Lends connections.
pub(super) struct Lender {
    pub(super) pool: Pool,
    meter: Arc<meter::Pool>,
    gate: Gate,
    canceller: Canceller,
    suspects: Suspects,
}

impl Lender {
    pub(super) fn new(pool: Pool, canceller: Canceller) -> Self {
        let gate = Gate::new(pool.status().max_size);
        let meter = Arc::new(meter::Pool::new("postgres"));
        Self { pool, meter, gate, canceller, suspects: Suspects::default() }
    }

    /// Lends a connection that doesn't owe an answer.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lease, Failure> {
        let wait = self.meter.wait();
        let lease = self.lent().await?;
        wait.done();
        self.count();
        Ok(lease)
    }

    /// Reports the connections of the pool.
    fn count(&self) {
        self.meter.holds(|| {
            let status = self.pool.status();
            (status.size.saturating_sub(status.available), status.available)
        });
    }

    async fn lent(self: &Arc<Self>) -> Result<Lease, Failure> {
        let (mut place, mut pauses) = (self.gate.enter().await, Pauses::new());
        loop {
            let size = || self.pool.status().size;
            let connected = self.gate.connect(place, &mut pauses, || self.pool.get(), is_crowded, size).await;
            let (object, permit) = connected.map_err(failure)?;
            let (lender, counted) = (Arc::clone(self), Counted(Arc::clone(self)));
            let mut lease = Lease { object: Some(object), owes_since: None, place: permit, lender, _counted: counted };
            if self.is_trusted(&mut lease).await {
                return Ok(lease);
            }
            place = lease.discarded();
            self.distrust();
        }
    }

    /// Tests a connection while some are suspected of being silent.
    async fn is_trusted(&self, lease: &mut Lease) -> bool {
        if !self.suspects.any() {
            return true;
        }
        let Ok(client) = lease.owing() else { return false };
        let answers = matches!(timeout(TEST, client.simple_query("")).await, Ok(Ok(_)));
        if answers {
            lease.answered();
            self.suspects.cleared_one();
        }
        answers
    }

    fn suspect(&self) {
        self.suspects.are(self.pool.status().size);
    }

    /// Removes all idle connections from the pool after one was silent.
    fn distrust(&self) {
        let gone = self.pool.retain(|_, _| false);
        drop(gone);
        self.suspect();
    }
}

/// A borrowed connection.
pub(super) struct Lease {
    /// `None` once it has left the pool.
    object: Option<Object>,
    /// The time of a query that hasn't been answered yet.
    owes_since: Option<Instant>,
    place: Place,
    lender: Arc<Lender>,
    /// The last field: it is dropped when the connection has gone back.
    _counted: Counted,
}

/// Counts the connections of a pool when it is dropped.
struct Counted(Arc<Lender>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count();
    }
}

impl Lease {
    /// Returns the connection for a query. From here on it owes an answer, until
    /// [`answered`](Self::answered).
    pub(super) fn owing(&mut self) -> Result<&Object, Failure> {
        self.owes_since = Some(Instant::now());
        self.object.as_ref().ok_or_else(|| Failure::because("the connection is closed"))
    }

    /// Records that the complete answer has arrived; an error is an answer too.
    pub(super) const fn answered(&mut self) {
        self.owes_since = None;
    }

    /// Closes the connection.
    fn discarded(mut self) -> Place {
        drop(self.object.take().map(Object::take));
        std::mem::take(&mut self.place)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(object), Some(since)) = (self.object.take(), self.owes_since) else { return };
        if since.elapsed() >= SUSPICIOUS {
            self.lender.suspect();
        }
        match Handle::try_current() {
            Ok(runtime) => {
                drop(runtime.spawn(settle(Arc::clone(&self.lender), object, std::mem::take(&mut self.place))));
            }
            // Without a runtime, no caller is waiting: close the connection.
            Err(_) => drop(Object::take(object)),
        }
    }
}

/// Cleans up a connection that owes an answer.
async fn settle(lender: Arc<Lender>, object: Object, place: Place) {
    if timeout(GRACE, object.simple_query("")).await.is_ok() {
        return;
    }
    // Don't lend it again: the cancel request may arrive late, and would cancel another statement.
    let client = Object::take(object);
    drop(place);
    let token = client.cancel_token();
    let mut answer = pin!(client.simple_query(""));
    let answered = timeout(CANCEL, async {
        for way in lender.canceller.ways().await {
            way.cancel(&token).await;
            if timeout(GRACE, &mut answer).await.is_ok() {
                return;
            }
        }
        let _ = answer.await;
    });
    if answered.await.is_err() {
        lender.distrust();
    }
}

fn failure(error: PoolError) -> Failure {
    if let PoolError::Backend(why) = error { to_failure(why) } else { Failure::because(error) }
}

/// Returns true if the server has no room for another connection.
fn is_crowded(error: &PoolError) -> bool {
    matches!(error, PoolError::Backend(why) if why.code() == Some(&SqlState::TOO_MANY_CONNECTIONS))
}
