//! The responses that a middleware makes itself.

use std::sync::Arc;

use cloakroom_session::adapter::{DeviceAnswer, PlainResponse};
use cloakroom_session::{Error, Refusal};
use poem::http::{HeaderValue, StatusCode};
use poem::{Request, Response};

/// Makes the response for an error: a failed commit, or a check that couldn't be made.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> Response + Send + Sync>;

/// Makes the response for a refused request.
pub(crate) type OnRefusal = Arc<dyn Fn(Refusal, &Request) -> Response + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error| PlainResponse::for_error(error).into())
}

pub(crate) fn refused() -> OnRefusal {
    Arc::new(|refusal, _| PlainResponse::for_refusal(refusal).into())
}

/// Converts the answer to a browser that registers its device or refreshes.
pub(crate) fn device_response(answer: &DeviceAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status).body(answer.body().to_owned());
    for (name, value) in answer.headers() {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            response.headers_mut().append(name, value);
        }
    }
    response
}
