//! The end of a request: the commit, and what the response must say.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::Error;
use crate::session::{Ending, Session};
use crate::slot::ResponseEffects;

/// The future of [`SessionSlot::finish`](crate::SessionSlot::finish).
///
/// A request that leaves nothing to commit, as most do, is finished before it is polled, and
/// allocates nothing. Dropped while it commits, the commit goes on in a task.
#[must_use = "futures do nothing unless polled"]
pub struct Finish(Option<(Session, Ending)>);

/// A session that couldn't be committed: its response must be replaced.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotCommitted {
    /// The reason.
    pub error: Error,
    /// What the replacing response must still say: the cookies of earlier commits of the request.
    pub effects: ResponseEffects,
}

impl fmt::Display for NotCommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session was not committed")
    }
}

impl std::error::Error for NotCommitted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<NotCommitted> for Error {
    fn from(failure: NotCommitted) -> Self {
        failure.error
    }
}

impl Finish {
    pub(crate) fn new(session: Option<Session>, status: u16) -> Self {
        Self(session.map(|session| {
            let ending = session.finish(status);
            (session, ending)
        }))
    }

    /// Whether nothing opened the session: the response goes as it is.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Finish {
    type Output = Result<ResponseEffects, NotCommitted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((session, ending)) = &mut self.0 else { return Poll::Ready(Ok(ResponseEffects::default())) };
        let outcome = ready!(Pin::new(ending).poll(cx));
        let effects = ResponseEffects { opened: true, private: session.token_given(), cookies: session.take_cookies() };
        Poll::Ready(match outcome {
            Ok(()) => Ok(effects),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "session not committed");
                Err(NotCommitted { error, effects })
            }
        })
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").field("is_untouched", &self.is_untouched()).finish_non_exhaustive()
    }
}
