//! The frame of all pages, the signed-in user, and errors.

use askama::Template;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{Html, IntoResponse, Redirect, Response};
use cloakroom::for_axum::FormToken;
use cloakroom::{Message, Refusal, Session};

use crate::state::AppState;
use crate::users::User;

/// Everything that the layout of a page shows. It takes the pending flash messages.
pub struct Frame {
    pub user: Option<User>,
    pub messages: Vec<Message>,
    pub token: FormToken,
}

impl FromRequestParts<AppState> for Frame {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, AppError> {
        let session = Session::from_request_parts(parts, state).await?;
        let token = FormToken::from_request_parts(parts, state).await?;
        Ok(Self {
            user: user_of(&session, state)?,
            messages: session.pop_flash(),
            token,
        })
    }
}

/// The user who is signed in. Without one, the response leads to the sign-in page.
pub struct SignedIn(pub User);

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, AppError> {
        let session = Session::from_request_parts(parts, state).await?;
        let is_htmx = parts.headers.contains_key("hx-request");
        user_of(&session, state)?
            .map(Self)
            .ok_or(AppError::SignInFirst { is_htmx })
    }
}

/// Returns the owner of the session, unless the account was deleted.
fn user_of(session: &Session, state: &AppState) -> Result<Option<User>, AppError> {
    match session.owner().and_then(|owner| owner.parse().ok()) {
        Some(id) => Ok(state.users.by_id(id)?),
        None => Ok(None),
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
}

pub async fn home(frame: Frame) -> Result<Html<String>, AppError> {
    page(&Home { frame })
}

pub fn page(template: &impl Template) -> Result<Html<String>, AppError> {
    Ok(Html(template.render()?))
}

/// The error of a handler, and its response.
#[derive(Debug)]
pub enum AppError {
    Session(cloakroom::Error),
    SignInFirst { is_htmx: bool },
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl From<cloakroom::Error> for AppError {
    fn from(error: cloakroom::Error) -> Self {
        Self::Session(error)
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for AppError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Internal(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::SignInFirst { is_htmx: false } => Redirect::to("/sign-in").into_response(),
            // htmx would put the page of a redirect into its target.
            Self::SignInFirst { is_htmx: true } => [("hx-redirect", "/sign-in")].into_response(),
            Self::Internal(error) => {
                tracing::error!(%error, "a handler failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The page of a request that the CSRF layer refuses, for example from a form that stayed open over
/// night.
#[derive(Template)]
#[template(path = "refused.html")]
pub struct Refused;

impl Refused {
    pub fn response(_: Refusal) -> Response<Bytes> {
        let mut response = Response::new(Self.render().unwrap_or_default().into());
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        response
    }
}
