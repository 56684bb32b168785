//! What a handler leaves: a response, or an error that will become one.

use actix_web::Error;
use actix_web::HttpResponse;
use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;
use cloakroom_session::NotCommitted;
use cloakroom_session::ResponseEffects;

use crate::middleware::OnError;

/// What a service around a handler leaves. An `Err` comes from a middleware in between, and has no
/// request any more.
pub(crate) type Outcome<B> = Result<ServiceResponse<B>, Error>;

/// The status that the client will see.
pub(crate) fn status<B>(outcome: &Outcome<B>) -> u16 {
    match outcome {
        Ok(response) => response.status(),
        // Not by making the response, which some errors can do only once.
        Err(error) => error.as_response_error().status_code(),
    }
    .as_u16()
}

/// Carries out what was asked of the response.
pub(crate) fn carry<B>(outcome: Outcome<B>, effects: ResponseEffects) -> Outcome<B> {
    match outcome {
        Ok(mut response) => {
            effects.apply(response.headers_mut());
            Ok(response)
        }
        Err(error) if !effects.opened && effects.cookies.is_empty() => Err(error),
        // It stays what it is, so that whoever is outside of us can still ask what it was.
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                effects.clone().apply(response.headers_mut());
                response
            });
            Err(error)
        }
    }
}

/// Puts the response for a failed commit in the place of the handler's.
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
