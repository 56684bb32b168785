//! Plug and Phoenix: `Plug.Session.COOKIE` with a JSON serializer.
//!
//! The session is an object of strings to values. The CSRF token is under `_csrf_token`, and
//! Phoenix' flash messages are under `phoenix_flash`: one per name, and `info` is the default
//! queue.

mod cookie;
mod csrf;
mod keys;
mod seal;

pub use cookie::{PlugCookie, PlugCookieBuilder};
