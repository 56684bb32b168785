//! CSRF protection as a layer.

mod answers;
mod layer;
mod replay;
mod service;

pub use layer::CsrfLayer;
pub use replay::ReplayBody;
pub use service::{CsrfFuture, CsrfService};
