//! CSRF protection as a layer.

mod answers;
mod layer;
mod service;

pub use layer::CsrfLayer;
pub use service::{CsrfFuture, CsrfService};
