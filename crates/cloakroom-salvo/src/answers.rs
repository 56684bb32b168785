//! The responses that a hoop makes itself.

use std::sync::Arc;

use cloakroom_session::adapter::{DeviceAnswer, PlainResponse};
use cloakroom_session::{Error, Refusal};
use salvo_core::http::{HeaderMap, HeaderValue, StatusCode};
use salvo_core::writing::Scribe as _;
use salvo_core::{Request, Response};

/// Writes the response for an error: a failed commit, or a check that couldn't be made.
pub(crate) type OnError = Arc<dyn Fn(&Error, &mut Response) + Send + Sync>;

/// Writes the response for a refused request.
pub(crate) type OnRefusal = Arc<dyn Fn(Refusal, &Request, &mut Response) + Send + Sync>;

pub(crate) fn sorry() -> OnError {
    Arc::new(|error, response| PlainResponse::for_error(error).render(response))
}

pub(crate) fn refused() -> OnRefusal {
    Arc::new(|refusal, _, response| PlainResponse::for_refusal(refusal).render(response))
}

/// Sets the status for a function of the application that may render only a page.
pub(crate) fn set_status(response: &mut Response, status: u16) {
    response.status_code(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
}

/// Removes the response of a handler, with its cookies. `headers` are those that the response had
/// before the handler ran.
pub(crate) fn clear(response: &mut Response, headers: HeaderMap) {
    let version = response.version();
    *response = Response::new();
    *response.version_mut() = version;
    response.set_headers(headers);
}

/// Writes the answer to a browser that registers its device or refreshes.
pub(crate) fn write_device_answer(answer: &DeviceAnswer, response: &mut Response) {
    set_status(response, answer.status());
    for (name, value) in answer.headers() {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            response.headers_mut().append(name, value);
        }
    }
    response.body(answer.body().to_owned());
}
