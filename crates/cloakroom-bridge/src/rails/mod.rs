//! Rails: the encrypted and the signed session cookie, with the JSON serializer.
//!
//! The session is an object with an id of its own (`session_id`, which handlers don't see), the
//! CSRF token under `_csrf_token`, and flash messages under `flash`: one value for each name, of
//! which `notice` is the queue that has no name here.

mod cookie;
mod csrf;
mod envelope;
mod keys;
mod legacy;
mod seal;

pub use cookie::{RailsCookie, RailsCookieBuilder};
pub use seal::RailsDigest;
