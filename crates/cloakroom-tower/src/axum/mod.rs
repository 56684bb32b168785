//! What axum's handlers take as arguments, beside the [`Session`](cloakroom_session::Session) itself.

mod checked_form;
mod form_token;

pub use checked_form::{CheckedForm, CheckedFormRejection};
pub use form_token::FormToken;
