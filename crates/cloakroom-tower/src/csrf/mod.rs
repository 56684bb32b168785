//! CSRF protection as a layer.

mod layer;
mod replay;
mod service;

pub use layer::CsrfLayer;
pub use replay::ReplayBody;
pub use service::{CsrfFuture, CsrfService};
#[cfg(feature = "axum")]
pub(crate) use service::{facts, token_in_header};
