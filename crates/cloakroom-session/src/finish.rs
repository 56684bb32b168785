//! The end of a request: the commit and the effects on the response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::effects::ResponseEffects;
use crate::error::Error;
use crate::session::{Ending, Session};

/// The future of [`SessionSlot::finish`](crate::adapter::SessionSlot::finish).
///
/// For a request with nothing to commit, the usual case, it is ready before the first poll and
/// allocates nothing. If it is dropped during a commit, the commit continues in a task.
#[must_use = "futures do nothing unless polled"]
pub struct CommitFuture(Option<Finishing>);

struct Finishing {
    session: Session,
    ending: Ending,
    effects: ResponseEffects,
    /// The place of the request's host in the list of cookie domains.
    domain: Option<u16>,
    /// A response with this status commits the changes.
    commits: bool,
}

/// The error of a failed commit. The adapter must replace the response.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotCommitted {
    /// The reason.
    pub error: Error,
    /// The effects for the replacing response: cookies of earlier commits of the request.
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

impl CommitFuture {
    /// `effects` are those that are known before the commit.
    pub(crate) fn new(session: Option<Session>, status: u16, effects: ResponseEffects, domain: Option<u16>) -> Self {
        Self(session.map(|session| {
            let commits = session.commits(status);
            let ending = session.finish(status);
            Finishing { session, ending, effects, domain, commits }
        }))
    }

    /// The end of a layer whose session another layer commits.
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }

    /// Returns `true` if the session was never opened. The response is then sent unchanged.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for CommitFuture {
    type Output = Result<ResponseEffects, NotCommitted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(Finishing { session, ending, effects, domain, commits }) = &mut self.0 else {
            return Poll::Ready(Ok(ResponseEffects::default()));
        };
        let outcome = ready!(Pin::new(ending).poll(cx));
        let mut effects = ResponseEffects {
            opened: true,
            private: session.token_given(),
            cookies: session.take_cookies(*domain),
            ..std::mem::take(effects)
        };
        Poll::Ready(match outcome {
            Ok(()) => {
                session.committed_effects(&mut effects, *domain, *commits);
                Ok(effects)
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "session not committed");
                Err(NotCommitted { error, effects })
            }
        })
    }
}

impl fmt::Debug for CommitFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitFuture").field("is_untouched", &self.is_untouched()).finish_non_exhaustive()
    }
}
