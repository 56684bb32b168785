//! Express: the two cookies of `cookie-session`, and the id cookie and records of
//! `express-session`.
//!
//! Both keep a JavaScript object. Flash messages are those of `connect-flash`: an object of lists
//! under `flash`, of which `info` is the queue that has no name here. The CSRF token is that of
//! `csrf-sync`: text under `csrfToken`, which forms carry as it is.

mod cookie;
mod keys;
mod record;
mod session_id;

pub use cookie::{ExpressCookie, ExpressCookieBuilder};
pub use record::{ExpressRecord, ExpressRecordBuilder};
