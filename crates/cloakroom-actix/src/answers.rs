//! The responses that the session middleware makes itself.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use cloakroom_session::Error;
use cloakroom_session::adapter::{DeviceAnswer, PlainResponse};

/// Makes the response for a failed commit.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> HttpResponse + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| PlainResponse::for_error(error).into())
}

/// Converts the answer to a browser that registers its device or refreshes.
pub(crate) fn device_response(answer: &DeviceAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in answer.headers() {
        response.append_header(header);
    }
    response.body(answer.body().to_owned())
}
