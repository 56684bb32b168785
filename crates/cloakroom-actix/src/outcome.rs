//! The outcome of a handler: a response, or an error that becomes one.

use actix_web::Error;
use actix_web::HttpResponse;
use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;
use cloakroom_session::adapter::{NotCommitted, ResponseEffects};

use crate::answers::OnError;

/// The outcome of a service around a handler. An `Err` comes from an inner middleware, and has no
/// request any more.
pub(crate) type Outcome<B> = Result<ServiceResponse<B>, Error>;

/// Returns the status that the client will see.
pub(crate) fn status<B>(outcome: &Outcome<B>) -> u16 {
    match outcome {
        Ok(response) => response.status(),
        // Ask for the status only: some errors can make their response just once.
        Err(error) => error.as_response_error().status_code(),
    }
    .as_u16()
}

/// Applies the effects to the response.
pub(crate) fn carry<B>(outcome: Outcome<B>, effects: ResponseEffects) -> Outcome<B> {
    match outcome {
        Ok(mut response) => {
            effects.apply(response.headers_mut());
            Ok(response)
        }
        Err(error) if !effects.opened && effects.cookies.is_empty() => Err(error),
        // Keep the original error, so that outer middleware can still inspect it.
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                effects.clone().apply(response.headers_mut());
                response
            });
            Err(error)
        }
    }
}

/// Replaces the handler's response by that of a failed commit.
pub(crate) fn replace<B>(
    outcome: Outcome<EitherBody<B>>,
    failure: NotCommitted,
    on_error: OnError,
) -> Outcome<EitherBody<B>> {
    match outcome {
        Ok(response) => carry(Ok(answer(response, on_error(&failure.error))), failure.effects),
        Err(mut error) => {
            let NotCommitted { error: why, effects, .. } = failure;
            error.add_response_mapper(move |_| on_error(&why));
            carry(Err(error), effects)
        }
    }
}

fn answer<B>(response: ServiceResponse<EitherBody<B>>, words: HttpResponse) -> ServiceResponse<EitherBody<B>> {
    response.into_response(words.map_into_right_body())
}
