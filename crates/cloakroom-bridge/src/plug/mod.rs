//! Plug and Phoenix: `Plug.Session.COOKIE` with a JSON serializer.
//!
//! The session is an object of strings to values. The CSRF token is under `_csrf_token`, and
//! Phoenix' flash messages under `phoenix_flash`: one for each name, of which `info` is the queue
//! that has no name here.

mod cookie;
mod csrf;
mod keys;
mod seal;

pub use cookie::{PlugCookie, PlugCookieBuilder};
