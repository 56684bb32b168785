//! The token in a cookie that scripts may read.

use axum::extract::Request;
use axum::http::{HeaderValue, header::SET_COOKIE};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cloakroom::Session;

/// Sends the session's token with each response of the application.
///
/// It is read after the handler: a sign-in has changed it.
pub(crate) async fn send(session: Session, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // `__Host-` keeps sibling domains from planting a cookie. Scripts read it: it isn't HttpOnly.
    let line =
        session.masked_csrf_token().map(|token| format!("__Host-XSRF-TOKEN={token}; Path=/; Secure; SameSite=Strict"));
    match line {
        Ok(line) => {
            // A token has only letters, digits, `-` and `_`.
            response.headers_mut().extend(HeaderValue::from_str(&line).map(|value| (SET_COOKIE, value)));
            response
        }
        Err(error) => error.into_response(),
    }
}
