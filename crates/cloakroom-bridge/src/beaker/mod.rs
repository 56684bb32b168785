//! Beaker, which `pyramid_beaker`, TurboGears and Bottle use: sessions in cookies, and the cookies
//! that hold an id.
//!
//! What Beaker keeps of its own is in the session's dictionary, under names with an underscore.
//! Flash messages and the token are those of `pyramid_beaker`, which has them where Pyramid has
//! them.

mod body;
mod cookie;
mod id;
mod record;

pub use body::BeakerCipher;
pub use cookie::{BeakerCookie, BeakerCookieBuilder};
pub use id::BeakerId;
pub use record::BeakerRecord;
