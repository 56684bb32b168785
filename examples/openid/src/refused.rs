//! Refusals of a sign-in or a logout, with their reason.

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A refusal, or an error of the session.
#[derive(Debug)]
pub(crate) enum Refused {
    Session(cloakroom::Error),
    Because(String),
}

impl From<cloakroom::Error> for Refused {
    fn from(error: cloakroom::Error) -> Self {
        Self::Session(error)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Self::Because(reason.to_owned())
    }
}

/// Errors of the provider and of its tokens.
macro_rules! refused_because {
    ($($error:ty),+) => {
        $(impl From<$error> for Refused {
            fn from(error: $error) -> Self {
                let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
                Self::Because(format!("{error}{source}"))
            }
        })+
    };
}
refused_because!(
    serde_json::Error,
    openidconnect::ConfigurationError,
    openidconnect::ClaimsVerificationError,
    openidconnect::RequestTokenError<reqwest::Error, openidconnect::StandardErrorResponse<openidconnect::core::CoreErrorResponseType>>
);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Because(reason) => (StatusCode::BAD_REQUEST, format!("Refused: {reason}.\n")).into_response(),
        }
    }
}
