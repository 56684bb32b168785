//! Running a commit to completion, whether or not its client still waits.
//!
//! A driver that is dropped early, because the client disconnected or a `select!` took another
//! branch, continues in a separate task. Without a runtime, its commit is put back into the
//! session, and the next commit drives it first.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloakroom_core::Commit;
use tracing::Instrument as _;

use super::turn::Turn;
use crate::error::Error;
use crate::factory::{BoxFuture, Committed};

/// A commit that a factory carries out. It returns the commit with its outcome.
pub(super) type Running = BoxFuture<'static, (Commit, Result<Committed, Error>)>;

/// The commit at the end of a request.
pub(crate) enum Ending {
    Done(Option<Result<(), Error>>),
    Driving(Driver),
    /// Another commit of the session is running. `None` after completion.
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
        // The handler has returned, so its changes are committed even if the client has
        // disconnected.
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

/// Drives one commit to completion and merges the result into the session.
///
/// If it is dropped early, it continues in a task.
pub(crate) struct Driver(Option<Drive>);

struct Drive {
    turn: Turn,
    /// `None` during a poll, so that a future that panicked is never polled again.
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
        // Without a runtime, dropping `drive` puts the commit back into the session.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let task = async move {
            if let Err(error) = std::future::poll_fn(|cx| drive.poll(cx)).await {
                lost(&error);
            }
        };
        // The request's span is entered while its future is dropped, so the task inherits it.
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

/// Logs the failure of a commit whose client has disconnected.
fn lost(error: &Error) {
    tracing::error!(error = error as &dyn std::error::Error, "session not committed after its client went away");
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
