//! Starlette and FastAPI: the cookie of `SessionMiddleware`.

mod cookie;
mod keys;

pub use cookie::{StarletteCookie, StarletteCookieBuilder};
