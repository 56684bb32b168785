//! A pool with its meter, and the connections borrowed from it.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::meter;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::pool::Pool;
use crate::lent::{Asked, LentPool, Reader};
use crate::query::{Failure, GRACE, Value};

/// A pool and its meter.
#[derive(Clone)]
pub(super) struct Metered<P> {
    pool: P,
    meter: Arc<meter::Pool>,
}

impl<P: Pool> Metered<P> {
    pub(super) fn new(pool: P) -> Self {
        Self { pool, meter: Arc::new(meter::Pool::new(P::STORE)) }
    }

    async fn lend(&self) -> Result<Lease<P>, Failure> {
        let wait = self.meter.wait();
        let connection = self.pool.acquire().await?;
        wait.done();
        self.count();
        Ok(Lease::new(connection, self.clone()))
    }

    /// Reports the connections of the pool.
    fn count(&self) {
        self.meter.holds(|| {
            let (all, idle) = self.pool.connections();
            (all.saturating_sub(idle), idle)
        });
    }
}

impl<P: Pool> LentPool for Metered<P> {
    fn rows<'a>(&'a self, text: &'a Arc<str>, values: Vec<&'a Value>, read: Reader<'a>) -> Asked<'a, ()> {
        Box::pin(async move {
            let mut lease = self.lend().await?;
            let answer = P::rows(lease.owing()?, text, values, read).await;
            lease.answered();
            answer
        })
    }

    fn changed<'a>(&'a self, text: &'a Arc<str>, values: Vec<&'a Value>) -> Asked<'a, u64> {
        Box::pin(async move {
            let mut lease = self.lend().await?;
            let answer = P::changed(lease.owing()?, text, values).await;
            lease.answered();
            answer
        })
    }

    fn migrate<'a>(&'a self, schema: &'a str) -> Asked<'a, ()> {
        Box::pin(self.pool.migrate(schema))
    }

    #[cfg(feature = "_postgres")]
    fn connections(&self) -> usize {
        self.pool.connections().0
    }
}

impl<P: Pool> fmt::Debug for Metered<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

/// A borrowed connection.
struct Lease<P: Pool> {
    connection: Option<P::Connection>,
    owes: bool,
    /// The last field: it is dropped when the connection has gone back.
    counted: Option<Counted<P>>,
}

/// Counts the connections of a pool when it is dropped.
struct Counted<P: Pool>(Metered<P>);

impl<P: Pool> Lease<P> {
    const fn new(connection: P::Connection, pool: Metered<P>) -> Self {
        Self { connection: Some(connection), owes: false, counted: Some(Counted(pool)) }
    }

    /// Returns the connection for a query. From here on it owes an answer, until
    /// [`answered`](Self::answered).
    fn owing(&mut self) -> Result<&mut P::Connection, Failure> {
        self.owes = P::IS_NETWORK;
        self.connection.as_mut().ok_or_else(|| Failure::because("the connection is closed"))
    }

    const fn answered(&mut self) {
        self.owes = false;
    }
}

impl<P: Pool> Drop for Lease<P> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take_if(|_| self.owes) else { return };
        let counted = self.counted.take();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if !matches!(timeout(GRACE, P::ping(&mut connection)).await, Ok(true)) {
                    P::close(connection);
                }
                drop(counted);
            })),
            Err(_) => P::close(connection),
        }
    }
}

impl<P: Pool> Drop for Counted<P> {
    fn drop(&mut self) {
        self.0.count();
    }
}
