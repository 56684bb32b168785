//! The CSRF check of one request, on what Rocket shows of it.

use std::sync::Arc;

use bytes::Bytes;
use cloakroom_session::adapter::{Answer, RequestHead};
use cloakroom_session::{Admission, CsrfGuard, CsrfMode, CsrfSlot, Extent, FormSearch, Refusal, TokenCheck};
use rocket::{Data, Request};

use crate::sessions::slot;

/// As much of a body as Rocket lets anybody look at before it is read, in bytes.
const PEEK: usize = 512;

/// Both stages; the answer that takes the handler's place if one fails.
pub(crate) async fn check(guard: &Arc<CsrfGuard>, request: &Request<'_>, data: &mut Data<'_>) -> Result<(), Answer> {
    let (head, session) = (Head::of(request), slot(request));
    let csrf = CsrfSlot::new(Arc::clone(guard));
    // Left in the request, where `FormToken` finds it. What is left there already decides nothing here.
    request.local_cache(|| Some(csrf.clone()));
    let verdict = match csrf.admit(CsrfMode::Enforce, &head, session, None) {
        Admission::Passed => Ok(()),
        Admission::Refused(refusal) => Err(refusal),
        Admission::TokenNeeded => match csrf.check(&head, session).await {
            Ok(TokenCheck::Decided(verdict)) => verdict,
            Ok(TokenCheck::InForm(search)) => csrf.settle(in_beginning(search, data).await, &head, session),
            Err(error) => return Err(Answer::sorry(&error)),
        },
    };
    verdict.map_err(Answer::refusing)
}

/// Looks for the token in as much of a form as Rocket shows.
async fn in_beginning(mut search: FormSearch, data: &mut Data<'_>) -> Result<(), Refusal> {
    let beginning = Bytes::copy_from_slice(data.peek(PEEK).await);
    // Rocket's local client says that a body is complete however long it is.
    let complete = data.peek_complete() && beginning.len() < PEEK;
    let within = search.push(beginning);
    search.verdict(if complete && within { Extent::Whole } else { Extent::Prefix }).await
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
