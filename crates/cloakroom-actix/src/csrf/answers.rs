//! The responses that the CSRF middleware makes itself.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use cloakroom_session::Refusal;

use crate::answers::OnError;

/// Makes the response for a refused request.
pub(crate) type OnRefusal = Arc<dyn Fn(Refusal, &HttpRequest) -> HttpResponse + Send + Sync>;

/// The functions that make responses instead of the handler.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) on_refusal: OnRefusal,
    pub(crate) on_error: OnError,
}
