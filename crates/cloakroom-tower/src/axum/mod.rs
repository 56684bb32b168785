//! Extractors for axum, in addition to [`Session`](cloakroom_session::Session) itself.

mod checked_form;

pub use checked_form::{CheckedForm, CheckedFormRejection};
pub use cloakroom_session::adapter::FormToken;
