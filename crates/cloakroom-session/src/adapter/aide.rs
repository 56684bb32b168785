//! aide: the extractors and the error document themselves.

use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use aide::{OperationInput, OperationOutput};

use crate::csrf::FormToken;
use crate::error::Error;
use crate::named::NamedSession;
use crate::session::Session;

fn documented(status: u16, description: &str) -> (Option<u16>, Response) {
    (Some(status), Response { description: description.to_owned(), ..Response::default() })
}

/// Documents the response to a request whose session can't be opened.
fn unavailable() -> Vec<(Option<u16>, Response)> {
    vec![documented(503, "The sessions are unavailable; `Retry-After` says when to try again.")]
}

/// Documents the status 503. Who may call the operation is the application's to document, with a
/// security requirement.
impl OperationInput for Session {
    fn inferred_early_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        unavailable()
    }
}

impl<N> OperationInput for NamedSession<N> {
    fn inferred_early_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        unavailable()
    }
}

impl OperationInput for FormToken {
    fn inferred_early_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        unavailable()
    }
}

/// Documents 403, the status of [`require_owner`](Session::require_owner) and
/// [`require_recent`](Session::require_recent), 409 and 503.
impl OperationOutput for Error {
    type Inner = String;

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        let mut responses = unavailable();
        responses.push(documented(403, "The user must sign in, for the first time or again."));
        responses.push(documented(409, "Another request has changed the session; send the request again."));
        responses
    }
}
