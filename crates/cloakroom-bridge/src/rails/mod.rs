//! Rails: the encrypted and the signed session cookie, with the JSON serializer.
//!
//! The session is an object with its own id (`session_id`, hidden from handlers), the CSRF token
//! under `_csrf_token`, and flash messages under `flash`: one value per name, and `notice` is the
//! default queue.

mod cookie;
mod csrf;
mod envelope;
mod keys;
mod legacy;
mod seal;

pub use cookie::{RailsCookie, RailsCookieBuilder};
pub use seal::RailsDigest;
