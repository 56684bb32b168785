//! Extractors for axum, in addition to [`Session`](cloakroom_session::Session) itself.

#[cfg(feature = "aide")]
mod aide;
mod checked_form;

pub use checked_form::{CheckedForm, CheckedFormRejection};
pub use cloakroom_session::adapter::FormToken;
