//! The errors of this application, as responses.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::Error;
use webauthn_rs::prelude::WebauthnError;

pub(crate) enum Failure {
    Session(Error),
    /// The passkey, its answer or the name is wrong. The page doesn't learn which.
    Refused,
    Taken,
    NoCeremony,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

impl From<WebauthnError> for Failure {
    fn from(_: WebauthnError) -> Self {
        Self::Refused
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Refused => (StatusCode::UNAUTHORIZED, "This passkey isn't valid here.").into_response(),
            Self::Taken => (StatusCode::CONFLICT, "This name is taken.").into_response(),
            Self::NoCeremony => (StatusCode::BAD_REQUEST, "Begin again.").into_response(),
        }
    }
}
