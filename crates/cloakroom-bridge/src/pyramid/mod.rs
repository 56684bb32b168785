//! Pyramid: its signed session cookie, and the one of `pyramid_nacl_session`.
//!
//! Both hold the JSON of `[accessed, created, state]`: the first a whole number of seconds, the
//! second one with a fraction, and the session's dictionary. Flash messages wait in it under `_f_`
//! and the queue's name, the CSRF token is `_csrft_`.

mod algorithm;
#[cfg(feature = "pyramid-nacl")]
mod nacl;
mod payload;
mod signed;

pub use algorithm::HashAlgorithm;
#[cfg(feature = "pyramid-nacl")]
pub use nacl::PyramidNaclCookie;
pub use signed::{PyramidCookie, PyramidCookieBuilder};
