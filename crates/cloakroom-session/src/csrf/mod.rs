//! CSRF protection: the part that adapters share.

mod check;
#[cfg(feature = "form")]
mod checked;
mod form;
mod form_token;
mod guard;

pub use check::{Admission, CsrfMode, FormSearch, TokenCheck};
#[cfg(feature = "form")]
pub use checked::FormRejection;
pub use form::{Extent, FormKind, find_token};
pub use form_token::FormToken;
pub use guard::{CsrfGuard, CsrfSlot, Stage, Verdict};
