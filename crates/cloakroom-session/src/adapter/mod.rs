//! What adapters for web frameworks share, so that they carry requests and responses and decide
//! nothing.
//!
//! An adapter says how its framework's requests and responses are read and written
//! ([`RequestHead`], [`ResponseHeaders`]); what is read from them and written to them is decided
//! here and in [`SessionSlot`](crate::SessionSlot) and [`CsrfSlot`](crate::CsrfSlot). What is
//! decided names no type of a framework, nor of `http`, of which frameworks use different versions.
//!
//! Rust lets only the crate of a type or of a trait implement one for the other. Handlers name
//! [`Session`](crate::Session), [`FormToken`](crate::FormToken) and [`Error`](crate::Error), so
//! their framework traits are implemented here, behind a feature each; everything else that belongs
//! to a framework is in its adapter crate.

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

pub use answer::Answer;
pub use request::RequestHead;
pub use response::ResponseHeaders;
#[cfg(feature = "rocket")]
pub use rocket::{RocketCsrf, RocketSessions};
