//! The responses that the session layer makes itself, and the part shared by all requests.

use std::sync::Arc;

use bytes::Bytes;
use cloakroom_session::adapter::PlainResponse;
use cloakroom_session::{Engine, Error};
use http::Response;

use crate::body::response;

/// Makes the response for a failed commit.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> Response<Bytes> + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| response(PlainResponse::for_error(error)))
}

/// The part shared by all requests. It has one reference count, because axum clones a layer for
/// each request, and then its service.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) on_error: OnError,
}
