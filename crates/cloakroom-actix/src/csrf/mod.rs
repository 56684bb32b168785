//! CSRF protection as a middleware.

mod middleware;
mod replay;
mod service;

pub use middleware::CsrfMiddleware;
pub use service::{CsrfFuture, CsrfService};
