//! The CSRF check of one request, limited to the data that Rocket exposes.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_session::CsrfGuard;
use cloakroom_session::adapter::{
    CsrfDecision, CsrfSlot, FormBody, Piece, PlainResponse, RequestHead, RocketCsrf, RocketSessions,
};
use rocket::{Data, Request};

/// The number of bytes of a body that Rocket allows to peek at.
const PEEK: usize = 512;

/// Checks a request. Returns the answer that replaces the handler's if it is refused.
pub(crate) async fn check(
    guard: &Arc<CsrfGuard>,
    request: &Request<'_>,
    data: &mut Data<'_>,
) -> Result<(), PlainResponse> {
    let head = Head::of(request);
    let slot = CsrfSlot::new(Arc::clone(guard), RocketSessions::slot(request).cloned());
    // For `FormToken`. The slot of an earlier route has no effect here.
    RocketCsrf::leave(request, slot.clone());
    let mut decision = Ok(slot.check_head(&head, None));
    if matches!(decision, Ok(CsrfDecision::TokenNeeded)) {
        decision = slot.check_token(&head, &mut Beginning { data, shown: false }).await;
    }
    match decision.map(CsrfDecision::refusal) {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => Err(PlainResponse::for_refusal(refusal)),
        Err(error) => Err(PlainResponse::for_error(&error)),
    }
}

/// The beginning of a body, as far as Rocket shows it. Nothing is consumed.
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
        // Rocket's local client reports a body of any length as complete.
        let all = beginning.len() < PEEK && self.data.peek_complete();
        Poll::Ready(if all { Piece::End } else { Piece::Hidden })
    }

    fn replay(&mut self, _: Bytes) {}
}

/// The head of a request, with the host that Rocket knows when HTTP/2 has no header for it.
pub(crate) struct Head<'a, 'r> {
    request: &'a Request<'r>,
    host: Option<String>,
}

impl<'a, 'r> Head<'a, 'r> {
    pub(crate) fn of(request: &'a Request<'r>) -> Self {
        let has_header = request.headers().contains("host");
        let host = if has_header { None } else { request.host().map(ToString::to_string) };
        Head { request, host }
    }
}

impl RequestHead for Head<'_, '_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn target(&self) -> Cow<'_, str> {
        self.request.uri().to_string().into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.request.headers().get(name).map(str::as_bytes)
    }
}
