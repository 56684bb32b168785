//! CSRF protection as a middleware.

mod answers;
mod middleware;
mod replay;
mod service;

pub use middleware::CsrfMiddleware;
pub use service::{CsrfFuture, CsrfService};
