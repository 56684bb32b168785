//! Express: the two cookies of `cookie-session`, and the id cookie and records of
//! `express-session`.
//!
//! Both keep a JavaScript object. Flash messages follow `connect-flash`: an object of lists under
//! `flash`, in which `info` is the default queue. The CSRF token follows `csrf-sync`: text under
//! `csrfToken`, which forms contain unmasked.

mod cookie;
mod keys;
mod record;
mod session_id;

pub use cookie::{ExpressCookie, ExpressCookieBuilder};
pub use record::{ExpressRecord, ExpressRecordBuilder};
