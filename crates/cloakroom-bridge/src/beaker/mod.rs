//! Beaker, used by `pyramid_beaker`, TurboGears and Bottle: sessions in cookies, and cookies that
//! hold an id.
//!
//! Beaker keeps its own data in the session's dictionary, under names with an underscore. Flash
//! messages and the token follow `pyramid_beaker`, which uses Pyramid's keys.

mod body;
mod cookie;
mod id;
mod record;

pub use body::BeakerCipher;
pub use cookie::{BeakerCookie, BeakerCookieBuilder};
pub use id::BeakerId;
pub use record::BeakerRecord;
