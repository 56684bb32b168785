//! Cloakroom for poem: the layers of `cloakroom-tower` as middleware, and `Session` as an
//! extractor.
//!
//! poem's own adapter for tower takes layers for poem's requests. [`HttpLayer`] takes layers for
//! requests of `http`, which nearly all layers are.
//!
//! 1. **Order**: the middleware added last is the outermost. Add the CSRF layer first and the
//!    session layer last.
//! 2. **Errors become responses** at the layer, because a session is committed for a response. Put
//!    a `catch_error` inside the layer.
//! 3. For an unknown path, or a method that a route doesn't support, poem creates an error inside
//!    the layer. Its response passes through the layer.
//!
//! This crate enables the feature `poem` of `cloakroom-session`, which has the extractor. Handlers
//! use `cloakroom::Session` and return `cloakroom::Error` with `?`. For the token of a form use
//! [`FormToken`] or `session.masked_csrf_token()`.
//!
//! # Examples
//! ```
//! use cloakroom_poem::HttpLayer;
//! use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session};
//! use cloakroom_tower::{CsrfLayer, SessionLayer};
//! use poem::test::TestClient;
//! use poem::{EndpointExt, Route, get, handler};
//!
//! #[handler]
//! async fn visit(session: Session) -> Result<String, Error> {
//!     let visits = session.update("visits", |visits: &mut u32| { *visits += 1; *visits })?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let app = Route::new()
//!     .at("/", get(visit))
//!     .with(HttpLayer(CsrfLayer::new(CsrfRules::default())))
//!     .with(HttpLayer(SessionLayer::new(CookieSessions::encrypted(key).build()?)));
//!
//! let response = TestClient::new(app).get("/").send().await;
//! response.assert_header_exist("set-cookie");
//! response.assert_text("visit 1").await;
//! # Ok(())
//! # }
//! ```

mod body;
mod endpoint;

use std::convert::Infallible;
use std::error::Error as StdError;

use bytes::Bytes;
use http_body::Body;
use poem::{Endpoint, Middleware};
use tower_layer::Layer;
use tower_service::Service;

use body::BoxBody;
pub use endpoint::{Inner, Layered};

#[doc(no_inline)]
pub use cloakroom_session::adapter::FormToken;

/// A tower layer over requests of `http`, as middleware for poem.
///
/// The parts of a poem request that `http` doesn't have (path parameters, addresses, a WebSocket
/// upgrade) bypass the layer and are available again inside it.
///
/// # Examples
/// ```
/// use cloakroom_poem::HttpLayer;
/// use cloakroom_session::CsrfRules;
/// use cloakroom_tower::CsrfLayer;
/// use poem::{EndpointExt, Route, handler, post};
///
/// #[handler]
/// fn buy() {}
///
/// let shop = Route::new().at("/buy", post(buy)).with(HttpLayer(CsrfLayer::new(CsrfRules::default())));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HttpLayer<L>(pub L);

impl<E, L, B> Middleware<E> for HttpLayer<L>
where
    E: Endpoint + 'static,
    L: Layer<Inner<E>>,
    L::Service: Service<http::Request<BoxBody>, Response = http::Response<B>, Error = Infallible>,
    L::Service: Clone + Send + Sync + 'static,
    <L::Service as Service<http::Request<BoxBody>>>::Future: Send,
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Layered<L::Service>;

    fn transform(&self, endpoint: E) -> Self::Output {
        Layered(self.0.layer(Inner::new(endpoint)))
    }
}
