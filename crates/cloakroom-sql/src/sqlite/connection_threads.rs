//! Connections, each on its own thread, and the queue of steps for them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use cloakroom_session::meter;
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::query::Failure;

type Step = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs as many steps at a time as there are connections; the others wait without occupying a
/// thread.
///
/// A busy thread takes the next step without sleeping, and a caller wakes a thread only if one
/// sleeps. With many callers, a hand-over per step would otherwise cost several times as much as
/// SQLite's work.
#[derive(Clone)]
pub(super) struct ConnectionThreads(Arc<Threads>);

impl ConnectionThreads {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let (steps, queue) = crossbeam_channel::unbounded();
        let threads: Vec<_> =
            connections.into_iter().filter_map(|connection| start(connection, queue.clone())).collect();
        let counts = Arc::new(Counts {
            meter: Arc::new(meter::Pool::new("sqlite")),
            all: threads.len(),
            busy: AtomicUsize::new(0),
        });
        counts.tell();
        Self(Arc::new(Threads { steps: Some(steps), threads, counts }))
    }

    /// Runs a step on a connection, on a thread that may block on the disk.
    ///
    /// If the caller stops waiting before the step begins, the step isn't run. A step that has
    /// begun is completed.
    pub(super) async fn run<T, F>(&self, step: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let (wait, busy) = (self.0.counts.meter.wait(), Arc::clone(&self.0.counts));
        let step: Step = Box::new(move |connection| {
            if !answer.is_closed() {
                wait.done();
                let _busy = Busy::begin(busy);
                let _nobody_waits = answer.send(step(connection));
            }
        });
        let sent = self.0.steps.as_ref().map(|steps| steps.send(step));
        if !matches!(sent, Some(Ok(()))) {
            return Err(Failure::because("no thread could be started for the file"));
        }
        answered.await.unwrap_or_else(|_| Err(Failure::because("a step panicked")))
    }
}

struct Threads {
    /// `None` once the threads must end.
    steps: Option<Sender<Step>>,
    threads: Vec<JoinHandle<Connection>>,
    counts: Arc<Counts>,
}

/// The connections, and those among them that are busy with a step.
struct Counts {
    meter: Arc<meter::Pool>,
    all: usize,
    busy: AtomicUsize,
}

impl Counts {
    fn tell(&self) {
        self.meter.holds(|| {
            let busy = self.busy.load(Ordering::Relaxed);
            (busy, self.all.saturating_sub(busy))
        });
    }
}

/// A connection that is busy, also if its step panics.
struct Busy(Arc<Counts>);

impl Busy {
    fn begin(counts: Arc<Counts>) -> Self {
        counts.busy.fetch_add(1, Ordering::Relaxed);
        counts.tell();
        Self(counts)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.tell();
    }
}

/// Starts a thread that returns its connection when it ends.
///
/// Threads that the system refuses to start are omitted. If it starts none, every step fails.
fn start(mut connection: Connection, queue: Receiver<Step>) -> Option<JoinHandle<Connection>> {
    let work = move || {
        for step in queue {
            // SQLite rolls back the step that panicked; the connection stays usable.
            let _ = catch_unwind(AssertUnwindSafe(|| step(&mut connection)));
        }
        connection
    };
    thread::Builder::new().name("sessions-sqlite".to_owned()).spawn(work).ok()
}

impl Drop for Threads {
    /// Closes the connections one after the other: closing the last one leaves a complete file
    /// without a `-wal` next to it. If two were closed at the same moment, neither would be the
    /// last.
    fn drop(&mut self) {
        drop(self.steps.take());
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for ConnectionThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.0.steps.as_ref().map_or(0, Sender::len);
        f.debug_struct("ConnectionThreads")
            .field("connections", &self.0.threads.len())
            .field("waiting", &waiting)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use rusqlite::Connection;

    use super::ConnectionThreads;
    use crate::query::Failure;

    fn threads() -> ConnectionThreads {
        ConnectionThreads::new(vec![Connection::open_in_memory().unwrap()])
    }

    #[tokio::test]
    async fn a_step_that_panics_fails_and_the_next_one_runs() {
        let threads = threads();
        let failed = threads.run(|_| -> Result<(), Failure> { panic!("a step that goes wrong") }).await;
        assert!(matches!(failed, Err(Failure::Refused(_))), "{failed:?}");
        assert!(matches!(threads.run(|connection| Ok(connection.is_autocommit())).await, Ok(true)));
    }

    #[tokio::test]
    async fn a_step_given_up_before_it_began_is_not_run() {
        let threads = threads();
        let (begun, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let busy = tokio::spawn({
            let threads = threads.clone();
            async move {
                let wait = move |_: &mut Connection| {
                    begun.send(()).unwrap();
                    goes_on.recv().unwrap();
                    Ok(())
                };
                threads.run(wait).await
            }
        });
        tokio::task::yield_now().await;
        begins.recv().unwrap();

        let (ran, runs) = mpsc::channel();
        let given_up = threads.run(move |_| ran.send(()).map_err(Failure::because));
        // Polled once, then dropped.
        assert!(tokio::time::timeout(Duration::ZERO, given_up).await.is_err());
        go_on.send(()).unwrap();
        assert!(matches!(busy.await, Ok(Ok(()))));
        // A later step has run, so this one was skipped.
        assert!(matches!(threads.run(|_| Ok(())).await, Ok(())));
        assert_eq!(runs.recv(), Err(mpsc::RecvError));
    }

    #[tokio::test]
    async fn dropping_the_last_clone_closes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, wal) = (folder.path().join("it.db"), folder.path().join("it.db-wal"));
        let connection = Connection::open(&file).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let threads = ConnectionThreads::new(vec![connection]);
        let write =
            |connection: &mut Connection| connection.execute_batch("CREATE TABLE it (a)").map_err(Failure::because);
        assert!(matches!(threads.run(write).await, Ok(())));
        assert!(wal.exists());
        drop(threads);
        assert!(!wal.exists());
    }

    /// SQLite leaves the log if two connections are closed at the same moment: each sees the other.
    #[tokio::test]
    async fn several_connections_close_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, wal) = (folder.path().join("it.db"), folder.path().join("it.db-wal"));
        for round in 0..200 {
            let open = || {
                let connection = Connection::open(&file).unwrap();
                connection.pragma_update(None, "journal_mode", "WAL").unwrap();
                connection
            };
            let threads = ConnectionThreads::new((0..8).map(|_| open()).collect());
            let write = |connection: &mut Connection| {
                connection
                    .execute_batch("CREATE TABLE IF NOT EXISTS it (a); INSERT INTO it VALUES (1)")
                    .map_err(Failure::because)
            };
            assert!(matches!(threads.run(write).await, Ok(())));
            drop(threads);
            assert!(!wal.exists(), "round {round}");
        }
    }
}
