//! A connection borrowed from a pool, and the handling of one that still owes an answer.
//!
//! If a caller stops waiting, the driver closes its connection. The server doesn't notice while it
//! waits for a lock: the statement continues, and may be executed long after its caller was told
//! that it failed. So the statement is killed.
//!
//! Once the answer has begun, the driver would read the rest and lend the connection again. The
//! kill request could then reach another caller's statement. So the connection is disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_session::meter;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Pool};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::failure::to_failure;
use super::membership::Membership;
use crate::gate::{Gate, Pauses, Place};
use crate::query::{Failure, GRACE};
use crate::suspects::{SUSPICIOUS, Suspects, TEST};

/// The time limit for a kill request.
const KILL: Duration = Duration::from_secs(2);

/// `ER_CON_COUNT_ERROR`, `ER_TOO_MANY_USER_CONNECTIONS` and `ER_USER_LIMIT_REACHED`.
const TOO_MANY: [u16; 3] = [1040, 1203, 1226];

/// Lends connections.
pub(super) struct Lender {
    pool: Pool,
    meter: Arc<meter::Pool>,
    /// The number of leases.
    lent: AtomicUsize,
    gate: Gate,
    suspects: Suspects,
    /// Set for the store's own connections.
    membership: Option<Membership>,
}

impl Lender {
    /// Lends the store's own connections.
    pub(super) fn ours(pool: Pool, most: usize) -> Self {
        Self { membership: Some(Membership::default()), ..Self::given(pool, most) }
    }

    /// Lends the application's connections, with the settings that the application chose.
    pub(super) fn given(pool: Pool, most: usize) -> Self {
        let meter = Arc::new(meter::Pool::new("mysql"));
        let lent = AtomicUsize::new(0);
        Self { pool, meter, lent, gate: Gate::new(most), suspects: Suspects::default(), membership: None }
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
            let all = self.connections();
            // The driver takes a connection back some time after it was dropped. If all of them
            // are ours, the number of leases is exact.
            let in_use = match self.membership {
                Some(_) => self.lent.load(Ordering::Relaxed),
                None => all.saturating_sub(self.pool.metrics().connections_in_pool.load(Ordering::Relaxed)),
            };
            (in_use, all.saturating_sub(in_use))
        });
    }

    async fn lent(self: &Arc<Self>) -> Result<Lease, Failure> {
        let (mut place, mut pauses) = (self.gate.enter().await, Pauses::new());
        loop {
            let (get, size) = (|| self.pool.get_conn(), || self.connections());
            let connected = self.gate.connect(place, &mut pauses, get, is_crowded, size).await;
            let (connection, permit) = connected.map_err(to_failure)?;
            self.lent.fetch_add(1, Ordering::Relaxed);
            let (lender, counted) = (Arc::clone(self), Counted(Arc::clone(self)));
            let mut lease =
                Lease { connection: Some(connection), owes_since: None, place: permit, lender, _counted: counted };
            if self.is_trusted(&mut lease).await {
                self.see_to(&mut lease).await?;
                return Ok(lease);
            }
            place = lease.discarded();
            self.distrust();
        }
    }

    /// Sets up a connection to a cluster node, once.
    async fn see_to(&self, lease: &mut Lease) -> Result<(), Failure> {
        let Some(membership) = &self.membership else { return Ok(()) };
        let seen_to = membership.see_to(lease.owing()?).await;
        lease.answered();
        seen_to.map_err(to_failure)
    }

    fn connections(&self) -> usize {
        self.pool.metrics().connection_count.load(Ordering::Relaxed)
    }

    /// Tests a connection while some are suspected of being silent.
    async fn is_trusted(&self, lease: &mut Lease) -> bool {
        if !self.suspects.any() {
            return true;
        }
        let Ok(connection) = lease.owing() else { return false };
        let answers = is_alive(connection).await;
        if answers {
            lease.answered();
            self.suspects.cleared_one();
        }
        answers
    }

    /// Tests all idle connections at once after one was silent, and closes the silent ones.
    fn distrust(&self) {
        let idle = self.pool.metrics().connections_in_pool.load(Ordering::Relaxed);
        self.suspects.are(self.connections());
        for _ in 0..idle {
            let pool = self.pool.clone();
            drop(tokio::spawn(timeout(KILL, async move {
                if let Ok(mut connection) = pool.get_conn().await {
                    is_alive(&mut connection).await;
                }
            })));
        }
    }

    async fn kill(&self, connection: u32) -> Result<(), Error> {
        self.pool.get_conn().await?.query_drop(format!("KILL {connection}")).await
    }
}

/// Returns true if a connection answers. If it doesn't, the driver closes it.
async fn is_alive(connection: &mut Conn) -> bool {
    matches!(timeout(TEST, connection.ping()).await, Ok(Ok(())))
}

/// A borrowed connection.
pub(super) struct Lease {
    /// `None` once it was given back.
    connection: Option<Conn>,
    /// The time of a query that hasn't been answered yet.
    owes_since: Option<Instant>,
    place: Place,
    lender: Arc<Lender>,
    /// The last field: it is dropped when the connection has gone back.
    _counted: Counted,
}

/// A connection that is counted as lent until this is dropped.
struct Counted(Arc<Lender>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.lent.fetch_sub(1, Ordering::Relaxed);
        self.0.count();
    }
}

impl Lease {
    /// Returns the connection for a query. From here on it owes an answer, until
    /// [`answered`](Self::answered).
    pub(super) fn owing(&mut self) -> Result<&mut Conn, Failure> {
        self.owes_since = Some(Instant::now());
        self.connection.as_mut().ok_or_else(|| Failure::because("the connection is closed"))
    }

    /// Records that the complete answer has arrived; an error is an answer too.
    pub(super) const fn answered(&mut self) {
        self.owes_since = None;
    }

    /// Returns a connection to the driver, which closes it.
    fn discarded(mut self) -> Place {
        drop(self.connection.take());
        std::mem::take(&mut self.place)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(connection), Some(since)) = (self.connection.take(), self.owes_since) else { return };
        if since.elapsed() >= SUSPICIOUS {
            self.lender.suspects.are(self.lender.connections());
        }
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(settle(Arc::clone(&self.lender), connection)));
        }
    }
}

/// Ensures that an abandoned statement ends.
async fn settle(lender: Arc<Lender>, connection: Conn) {
    let number = connection.id();
    if connection.is_disconnected() {
        // No answer has begun. Most statements finish within a moment.
        drop(connection);
        sleep(GRACE).await;
    } else if matches!(timeout(GRACE, connection.disconnect()).await, Ok(Ok(()))) {
        return;
    }
    // A server never reuses a thread number, and this connection isn't lent again: no other
    // statement can be killed.
    let _through = timeout(KILL, lender.kill(number)).await;
}

/// Returns true if the server has no room for another connection.
fn is_crowded(error: &Error) -> bool {
    matches!(error, Error::Server(told) if TOO_MANY.contains(&told.code))
}
