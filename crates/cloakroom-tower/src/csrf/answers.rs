//! The responses that the CSRF layer makes itself.

use std::sync::Arc;

use bytes::Bytes;
use cloakroom_session::Refusal;
use http::Response;
use http::request::Parts;

use crate::answers::OnError;

/// Makes the response for a refused request.
pub(crate) type OnRefusal = Arc<dyn Fn(Refusal, &Parts) -> Response<Bytes> + Send + Sync>;

/// The functions that make responses instead of the handler.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) on_refusal: OnRefusal,
    pub(crate) on_error: OnError,
}
