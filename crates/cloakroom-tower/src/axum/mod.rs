//! What axum's handlers take as arguments, beside the [`Session`](cloakroom_session::Session)
//! itself.

mod checked_form;

pub use checked_form::{CheckedForm, CheckedFormRejection};
pub use cloakroom_session::FormToken;
