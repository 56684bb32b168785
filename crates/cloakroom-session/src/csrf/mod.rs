//! CSRF protection: the part that adapters share.

mod form;
mod guard;

pub use form::{Extent, FormKind, find_token};
pub use guard::{CsrfGuard, CsrfSlot, Stage, Verdict};
