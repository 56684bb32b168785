//! Errors that lead to the sign-in page.

use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::{Error, ReturnPath};

/// The error of a page: of the session, or because the user must sign in first.
pub(crate) enum Failure {
    Session(Error),
    SignInFirst(String),
}

impl Failure {
    /// Creates the error of a page with this address, to which the sign-in returns.
    pub(crate) fn new(error: Error, uri: &Uri) -> Self {
        if !error.is_signed_out() && !error.is_not_recent() {
            return Self::Session(error);
        }
        let here = uri.path_and_query().and_then(|here| ReturnPath::parse(here.as_str()).ok());
        Self::SignInFirst(here.unwrap_or_default().after("/sign-in"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::SignInFirst(page) => Redirect::to(&page).into_response(),
        }
    }
}
