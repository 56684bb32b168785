//! Access to the session for frameworks without an extractor.

use std::borrow::Cow;

use cloakroom_session::adapter::{RequestHead, SessionSlot};
use cloakroom_session::{Error, Session};
use http::{HeaderMap, HeaderValue};

/// Opens the session of a request, for frameworks without an extractor.
///
/// The [`SessionLayer`](crate::SessionLayer) puts the `slot` into the request's extensions. The
/// first caller opens the session; later callers within the request get the same one.
///
/// # Errors
/// Fails if the store fails, or if there is no slot because no session layer wraps the caller.
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
    SessionSlot::require(slot, "SessionLayer")?.open_for(&Headers(headers)).await
}

/// A request head with nothing but headers.
struct Headers<'a>(&'a HeaderMap);

impl RequestHead for Headers<'_> {
    fn method(&self) -> &str {
        ""
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn target(&self) -> Cow<'_, str> {
        "".into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}
