//! Pyramid: its signed session cookie, and the one of `pyramid_nacl_session`.
//!
//! Both hold the JSON of `[accessed, created, state]`: whole seconds, seconds with a fraction, and
//! the session's dictionary. In the dictionary, flash messages are under `_f_` plus the queue's
//! name, and the CSRF token is under `_csrft_`.

mod algorithm;
#[cfg(feature = "pyramid-nacl")]
mod nacl;
mod payload;
mod signed;

pub use algorithm::HashAlgorithm;
#[cfg(feature = "pyramid-nacl")]
pub use nacl::PyramidNaclCookie;
pub use signed::{PyramidCookie, PyramidCookieBuilder};
