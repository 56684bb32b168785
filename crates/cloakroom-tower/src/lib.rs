//! Sessions and CSRF protection as tower layers.
//!
//! The layers work with every [`tower_service::Service`] that takes an `http::Request` and returns
//! an `http::Response`. The feature `axum` adds extractors. All decisions are made in
//! `cloakroom-session`; this crate converts requests and responses.
//!
//! | module | content |
//! |---|---|
//! | `layer`, `service` | the session layer: its options, and the handling of a request |
//! | `csrf` | the same for the CSRF layer |
//! | `answers` | the responses that a layer makes itself |
//! | `body` | response bodies |
//! | `open` | access to the session without an extractor |
//! | `axum` | extractors and rejections |
//!
//! # Examples
//! Without a framework, a service opens its session through the request's [`SessionSlot`]:
//! ```
//! use cloakroom_session::{CookieSessions, Key};
//! use cloakroom_tower::{SessionLayer, open_session};
//! use http::{Request, Response, header};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let layer = SessionLayer::new(CookieSessions::signed(key).build()?);
//! let service = layer.layer(service_fn(|request: Request<String>| async move {
//!     let session = open_session(request.extensions().get(), request.headers()).await?;
//!     session.insert("greeted", true)?;
//!     Ok::<_, cloakroom_session::Error>(Response::new(http_body_util::Full::from("hello")))
//! }));
//!
//! let response = service.oneshot(Request::new(String::new())).await?;
//! assert!(response.headers().contains_key(header::SET_COOKIE));
//! # Ok(())
//! # }
//! ```

mod answers;
#[cfg(feature = "axum")]
pub mod axum;
mod body;
mod csrf;
mod layer;
mod open;
mod service;

pub use body::ResponseBody;
pub use csrf::{CsrfFuture, CsrfLayer, CsrfService};
pub use layer::SessionLayer;
pub use open::open_session;
pub use service::{SessionFuture, SessionService};

#[doc(no_inline)]
pub use cloakroom_session::adapter::{ReplayBody, SessionSlot};
