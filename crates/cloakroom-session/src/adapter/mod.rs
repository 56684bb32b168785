//! The code that adapters for web frameworks share, so that adapters contain no decisions.
//!
//! An adapter implements access to its framework's requests and responses ([`RequestHead`],
//! [`ResponseHeaders`]). The decisions are made here, in [`SessionSlot`](crate::SessionSlot) and in
//! [`CsrfSlot`](crate::CsrfSlot), without types of a framework or of `http`, of which frameworks
//! use different versions.
//!
//! Because of the orphan rule, only the crate of a type or of a trait can implement the trait for
//! the type. Handlers use [`Session`](crate::Session), [`FormToken`](crate::FormToken) and
//! [`Error`](crate::Error), so their framework traits are implemented here, each behind a feature.
//! All other code for a framework is in its adapter crate.

#[cfg(feature = "actix")]
mod actix;
mod answer;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "poem")]
mod poem;
mod request;
mod response;
#[cfg(feature = "rocket")]
mod rocket;

pub use answer::PlainResponse;
pub use request::RequestHead;
pub(crate) use request::text;
pub use response::ResponseHeaders;
#[cfg(feature = "rocket")]
pub use rocket::{RocketCsrf, RocketSessions};
