//! The CSRF check of one request, on what Rocket shows of it.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_session::adapter::{Answer, RequestHead, RocketCsrf, RocketSessions};
use cloakroom_session::{CsrfDecision, CsrfGuard, CsrfSlot, FormBody, Piece};
use rocket::{Data, Request};

/// As much of a body as Rocket lets anybody look at before it is read, in bytes.
const PEEK: usize = 512;

/// Checks a request; the answer that replaces the handler's if it is refused.
pub(crate) async fn check(guard: &Arc<CsrfGuard>, request: &Request<'_>, data: &mut Data<'_>) -> Result<(), Answer> {
    let head = Head::of(request);
    let slot = CsrfSlot::new(Arc::clone(guard), RocketSessions::slot(request).cloned());
    // For `FormToken`. A slot of an earlier route decides nothing here.
    RocketCsrf::leave(request, slot.clone());
    let mut decision = Ok(slot.check_head(&head, None));
    if matches!(decision, Ok(CsrfDecision::TokenNeeded)) {
        decision = slot.check_token(&head, &mut Beginning { data, shown: false }).await;
    }
    match decision.map(CsrfDecision::refusal) {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => Err(Answer::refusing(refusal)),
        Err(error) => Err(Answer::sorry(&error)),
    }
}

/// As much of a body as Rocket shows, which stays where it is.
struct Beginning<'a, 'r> {
    data: &'a mut Data<'r>,
    shown: bool,
}

impl FormBody for Beginning<'_, '_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        let beginning = ready!(pin!(self.data.peek(PEEK)).poll(cx));
        if !self.shown {
            self.shown = true;
            return Poll::Ready(Piece::Data(Bytes::copy_from_slice(beginning)));
        }
        // Rocket's local client says that a body is complete however long it is.
        let all = beginning.len() < PEEK && self.data.peek_complete();
        Poll::Ready(if all { Piece::End } else { Piece::Hidden })
    }

    fn replay(&mut self, _: Bytes) {}
}

/// A request's head, with the host that Rocket knows where HTTP/2 has no header for it.
struct Head<'r> {
    request: &'r Request<'r>,
    host: Option<String>,
}

impl<'r> Head<'r> {
    fn of(request: &'r Request<'_>) -> Self {
        let has_header = request.headers().contains("host");
        let host = if has_header { None } else { request.host().map(ToString::to_string) };
        Head { request, host }
    }
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.request.headers().get(name).map(str::as_bytes)
    }
}
