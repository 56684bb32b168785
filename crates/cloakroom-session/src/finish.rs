//! The end of a request, as futures with a name: an adapter keeps one in its own without a box around it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloakroom_core::SetCookie;

use crate::error::Error;
use crate::factory::BoxFuture;
use crate::slot::ResponseEffects;

/// The future of [`SessionSlot::finish`](crate::SessionSlot::finish).
///
/// A request that leaves nothing to commit, as most do, is finished before it is polled, and allocates nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Finish {
    opened: bool,
    private: bool,
    work: Work,
}

enum Work {
    Done(Option<Result<Vec<SetCookie>, Error>>),
    Commit(BoxFuture<'static, Result<Vec<SetCookie>, Error>>),
}

impl Finish {
    pub(crate) const fn untouched() -> Self {
        Self { opened: false, private: false, work: Work::Done(Some(Ok(Vec::new()))) }
    }

    pub(crate) const fn done(outcome: Result<Vec<SetCookie>, Error>, private: bool) -> Self {
        Self { opened: true, private, work: Work::Done(Some(outcome)) }
    }

    pub(crate) const fn commit(commit: BoxFuture<'static, Result<Vec<SetCookie>, Error>>, private: bool) -> Self {
        Self { opened: true, private, work: Work::Commit(commit) }
    }
}

impl Future for Finish {
    type Output = Result<ResponseEffects, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (opened, private) = (self.opened, self.private);
        let outcome = match &mut self.work {
            // A future isn't polled again after it was ready.
            Work::Done(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
            Work::Commit(commit) => commit.as_mut().poll(cx),
        };
        outcome.map_ok(|cookies| ResponseEffects { opened, private, cookies })
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").field("opened", &self.opened).finish_non_exhaustive()
    }
}
