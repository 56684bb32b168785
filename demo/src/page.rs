//! The frame of all pages, and responses made from templates.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use cloakroom::for_axum::FormToken;
use cloakroom::{Error, Message, Session};

use crate::assets::STYLE_URL;
use crate::keys::{CART, VISITOR};

/// The frame around a page. As an extractor, it opens the session and takes the pending flash
/// messages.
#[derive(Debug)]
pub(crate) struct Frame {
    path: String,
    pub(crate) visit: Option<Visit>,
}

/// The data of the session that the frame shows.
#[derive(Debug)]
pub(crate) struct Visit {
    visitor: Option<String>,
    pub(crate) pieces: u32,
    pub(crate) messages: Vec<Message>,
    token: FormToken,
}

impl Frame {
    /// Creates a frame for a page without a session.
    pub(crate) const fn bare() -> Self {
        Self { path: String::new(), visit: None }
    }

    /// Returns the user's name.
    pub(crate) fn visitor(&self) -> Option<&str> {
        self.visit.as_ref()?.visitor.as_deref()
    }

    /// Returns the attribute that marks the link to the current page.
    pub(crate) fn current(&self, path: &str) -> &'static str {
        if self.path == path { r#" aria-current="page""# } else { "" }
    }

    /// Returns the hidden input for forms.
    pub(crate) fn token(&self) -> String {
        self.visit.as_ref().map(|visit| visit.token.input()).unwrap_or_default()
    }

    pub(crate) fn style(&self) -> &'static str {
        &STYLE_URL
    }
}

impl<S: Sync> FromRequestParts<S> for Frame {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let session = Session::from_request_parts(parts, state).await?;
        let visit = Visit {
            visitor: session.get(VISITOR)?,
            pieces: session.get(CART)?.unwrap_or_default().pieces(),
            messages: session.pop_flash(),
            token: FormToken::from_request_parts(parts, state).await?,
        };
        Ok(Self { path: parts.uri.path().to_owned(), visit: Some(visit) })
    }
}

/// A page made from a template.
#[derive(Debug)]
pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(text) => {
                let mut response = Html(text).into_response();
                // Every page contains a name, a cart or a token.
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
                response
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "page not rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
