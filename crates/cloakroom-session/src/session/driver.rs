//! Driving a commit to its end, whether or not its client still waits.
//!
//! A driver that is dropped early, because its client went away or a `select!` took another arm,
//! goes on in a task of its own. Without a runtime its commit is put back into the session, and the
//! next commit drives it first.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloakroom_core::Commit;
use tracing::Instrument as _;

use super::turn::Turn;
use crate::error::Error;
use crate::factory::{BoxFuture, Committed};

/// A commit that a factory carries out; it gives the commit back with the outcome.
pub(super) type Running = BoxFuture<'static, (Commit, Result<Committed, Error>)>;

/// The commit at the end of a request.
pub(crate) enum Ending {
    Done(Option<Result<(), Error>>),
    Driving(Driver),
    /// Another commit of the session is under way. `None` once it is done.
    Waiting(Option<BoxFuture<'static, Result<(), Error>>>),
}

impl Future for Ending {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(outcome) => Poll::Ready(outcome.take().unwrap_or(Ok(()))),
            Self::Driving(driver) => Pin::new(driver).poll(cx),
            Self::Waiting(waiting) => {
                let Some(future) = waiting else { return Poll::Ready(Ok(())) };
                let outcome = ready!(future.as_mut().poll(cx));
                *waiting = None;
                Poll::Ready(outcome)
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // The handler has returned, so its changes are committed, whether or not the client still
        // waits.
        if let Self::Waiting(waiting) = self
            && let Some(future) = waiting.take()
        {
            let task = async move {
                if let Err(error) = future.await {
                    lost(&error);
                }
            };
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(task.in_current_span());
            } else {
                tracing::error!("session changes lost: the response was dropped outside of a tokio runtime");
            }
        }
    }
}

/// Drives one commit to its end.
///
/// Polled to its end, it takes the result into the session. Dropped early, it goes on in a task.
pub(crate) struct Driver(Option<Drive>);

struct Drive {
    turn: Turn,
    /// `None` while it is polled: a factory that panics leaves nothing that could be polled again.
    running: Option<Running>,
}

impl Driver {
    pub(super) const fn new(turn: Turn, running: Running) -> Self {
        Self(Some(Drive { turn, running: Some(running) }))
    }
}

impl Future for Driver {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(drive) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let outcome = ready!(drive.poll(cx));
        self.0 = None;
        Poll::Ready(outcome)
    }
}

impl Drive {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(mut running) = self.running.take() else { return Poll::Ready(Err(Error::panicked())) };
        match running.as_mut().poll(cx) {
            Poll::Ready((commit, outcome)) => Poll::Ready(self.turn.session().conclude(commit, outcome)),
            Poll::Pending => {
                self.running = Some(running);
                Poll::Pending
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let Some(mut drive) = self.0.take() else { return };
        // Without a runtime, the drive goes back into the session as it is dropped.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let task = async move {
            if let Err(error) = std::future::poll_fn(|cx| drive.poll(cx)).await {
                lost(&error);
            }
        };
        // The span of the request, which is entered while its future is dropped.
        runtime.spawn(task.in_current_span());
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.turn.session().inner().under_way = Some(running);
        }
    }
}

/// A commit failed for which no response waits any more.
fn lost(error: &Error) {
    tracing::error!(error = error as &dyn std::error::Error, "session not committed after its client went away");
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
