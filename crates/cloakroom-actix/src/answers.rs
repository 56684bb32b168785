//! The responses that the session middleware makes itself.

use std::sync::Arc;

use actix_web::HttpResponse;
use cloakroom_session::Error;
use cloakroom_session::adapter::PlainResponse;

/// Makes the response for a failed commit.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> HttpResponse + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| PlainResponse::for_error(error).into())
}
