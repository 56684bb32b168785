//! CSRF protection: the code that adapters share.
//!
//! The steps of the check, in any framework:
//!
//! 1. [`CsrfSlot::check_head`] checks the method, the handshake and the origin. Most requests need
//!    no further step.
//! 2. [`CsrfSlot::check_token`] compares the token, if the rules require it: from the header, else
//!    from the form, which is read ahead through [`FormBody`].
//! 3. The decision is recorded in the slot. In report-only mode the request continues; a refused
//!    request commits nothing.

mod body;
#[cfg(feature = "form")]
mod checked;
mod compare;
mod form;
mod form_token;
mod guard;
mod multipart;
mod slot;

pub use body::{FormBody, Piece};
#[cfg(feature = "form")]
pub use checked::FormRejection;
pub use form::{BodyExtent, FormKind, find_token};
pub use form_token::FormToken;
pub use guard::CsrfGuard;
pub use slot::CsrfSlot;
