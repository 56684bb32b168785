//! Sessions and CSRF protection as tower layers.
//!
//! They work around any [`tower_service::Service`] that takes an `http::Request` and returns an
//! `http::Response`; with the feature `axum` there are extractors. What is decided is decided in
//! `cloakroom-session`; here requests and responses are carried there and back.
//!
//! | module | what it is about |
//! |---|---|
//! | `layer`, `service` | the session layer: its options, and a request's way through it |
//! | `csrf` | the same for the CSRF layer, and the body that is read and handed on |
//! | `body` | the bodies of responses |
//! | `open` | the way to the session without an extractor |
//! | `axum` | extractors and rejections |
//!
//! # Examples
//! Without a framework, a service finds its session through the request's [`SessionSlot`]:
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

#[cfg(feature = "axum")]
pub mod axum;
mod body;
mod csrf;
mod layer;
mod open;
mod service;

pub use body::ResponseBody;
pub use csrf::{CsrfFuture, CsrfLayer, CsrfService, ReplayBody};
pub use layer::SessionLayer;
pub use open::open_session;
pub use service::{SessionFuture, SessionService};

#[doc(no_inline)]
pub use cloakroom_session::SessionSlot;
