//! The path of a request through the layer, for any version of tower-sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom_session::adapter::{PlainResponse, SessionSlot};
use http::{HeaderValue, Request, Response, StatusCode};

use crate::failure::Failure;
use crate::foreign::ForeignSession;
use crate::head::Head;
use crate::request::RequestSession;

/// The warnings that a layer has logged. It logs each of them once.
#[derive(Debug, Default)]
pub(crate) struct Warned {
    other_session: AtomicBool,
}

/// The sessions of a request.
pub(crate) struct Both<S> {
    /// Kept alive while the handler runs, because the request's session asks it for the expiry.
    foreign: Arc<S>,
    request: Arc<RequestSession>,
}

/// Puts a foreign session into the request.
pub(crate) fn begin<S: ForeignSession, Q>(request: &mut Request<Q>, warned: &Warned) -> Both<S> {
    let slot = request.extensions().get::<SessionSlot>().cloned();
    let session = Arc::new(RequestSession::new(slot, Head::new(request.headers())));
    let foreign = S::new(session.first_id(), Arc::clone(&session));
    let both = Both { foreign: Arc::new(foreign.clone()), request: session };
    let weak = Arc::downgrade(&both.foreign);
    both.request.set_foreign(weak);
    let replaced = request.extensions_mut().insert(foreign);
    if replaced.is_some() && !warned.other_session.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "a tower-sessions `Session` is already in the request, and is replaced: remove `SessionManagerLayer`"
        );
    }
    both
}

impl<S: ForeignSession> Both<S> {
    /// Saves the session for a response, or replaces the response if that fails.
    pub(crate) async fn finish<B: Default>(self, response: Response<B>) -> Response<B> {
        let saved = self.save().await;
        self.request.answered();
        match saved {
            Ok(()) => response,
            Err(reason) => {
                tracing::error!(error = reason, "the tower-sessions session was not saved");
                let error = self.request.refuse();
                let answer = error.as_ref().map(PlainResponse::for_error);
                let mut response = Response::<B>::default();
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                if let Some(answer) = answer {
                    apply(&answer, &mut response);
                }
                response
            }
        }
    }

    async fn save(&self) -> Result<(), String> {
        let (foreign, request) = (&*self.foreign, &*self.request);
        request.handler_returned();
        let text = |failure: Failure| failure.to_string();
        if foreign.is_modified() && !foreign.is_empty().await {
            foreign.save().await?;
        }
        request.settle().await.map_err(text)?;
        // A visitor without a session was recognized as one, so the response depends on the cookie.
        if !foreign.has_id() && !request.is_open() && foreign.may_be_touched() {
            request.open().await.map_err(text)?;
        }
        Ok(())
    }
}

/// Copies the status and the headers. The body stays empty, as in tower-sessions.
fn apply<B>(answer: &PlainResponse, response: &mut Response<B>) {
    if let Ok(status) = StatusCode::from_u16(answer.status) {
        *response.status_mut() = status;
    }
    for (name, value) in answer.headers() {
        if let Ok(value) = HeaderValue::try_from(value.as_ref()) {
            response.headers_mut().insert(name, value);
        }
    }
}
