//! The way to the session for frameworks that have no extractor here.

use cloakroom_session::{CookieHeader, Error, Session, SessionSlot};
use http::{HeaderMap, HeaderValue, header};

/// The session of a request, for frameworks that have no extractor here.
///
/// The [`SessionLayer`](crate::SessionLayer) leaves the `slot` in the request's extensions. Whoever asks first opens the session; all of
/// one request get the same one.
///
/// # Errors
/// When the store couldn't answer, or there is no slot, because no session layer is installed around the caller.
///
/// # Examples
/// ```
/// use cloakroom_session::{Error, Session};
/// use cloakroom_tower::open_session;
///
/// async fn greet<B: Sync>(request: &http::Request<B>) -> Result<String, Error> {
///     let session = open_session(request.extensions().get(), request.headers()).await?;
///     Ok(format!("Hello, {}.", session.get::<String>("name")?.unwrap_or_default()))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # assert!(greet(&http::Request::new(())).await.unwrap_err().is_missing_layer());
/// # }
/// ```
pub async fn open_session(slot: Option<&SessionSlot>, headers: &HeaderMap) -> Result<Session, Error> {
    let slot = slot.ok_or_else(|| Error::missing_layer("SessionLayer"))?;
    let lines = headers.get_all(header::COOKIE);
    slot.open(CookieHeader::new(lines.iter().map(HeaderValue::as_bytes))).await
}
