//! CSRF protection: the part that adapters share.
//!
//! A request's way through the check, whatever its framework:
//!
//! 1. [`CsrfSlot::check_head`]: method, handshake and origin, as the rules say. Most requests end
//!    here.
//! 2. [`CsrfSlot::check_token`], if the rules ask for the token: the header, else the form, read
//!    ahead through [`FormBody`].
//! 3. The decision is recorded in the slot. Report-only rules let the request go on; a refused one
//!    commits nothing.

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
