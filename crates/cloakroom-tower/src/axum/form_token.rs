//! The token that goes into a page's forms.

use std::fmt;

use axum_core::extract::FromRequestParts;
use cloakroom_session::{CsrfSlot, Error, SessionSlot};
use http::request::Parts;

use crate::headers;

/// The CSRF token for the forms of this page, masked anew for each request; `Display` is its text.
///
/// Where tokens live in the session, asking for it opens the session, and keeps a new one.
///
/// # Errors
/// 500 when no [`CsrfLayer`](crate::CsrfLayer) or [`SessionLayer`](crate::SessionLayer) is installed around the handler, 503 when the
/// session's store couldn't answer.
///
/// # Examples
/// ```
/// use cloakroom_tower::axum::FormToken;
///
/// async fn form(token: FormToken) -> String {
///     format!("<form method=post>{}<button>Buy</button></form>", token.input())
/// }
/// ```
#[derive(Clone)]
pub struct FormToken {
    field: String,
    masked: String,
}

impl FormToken {
    /// The token's text: base64url characters only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.masked
    }

    /// The name of the form field.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// A hidden input with the token, as HTML.
    #[must_use]
    pub fn input(&self) -> String {
        let field = self.field.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        format!("<input type=\"hidden\" name=\"{field}\" value=\"{}\">", self.masked)
    }
}

impl fmt::Display for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormToken({}=…)", self.field)
    }
}

impl<S: Sync> FromRequestParts<S> for FormToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = parts.extensions.get::<CsrfSlot>().ok_or_else(|| Error::missing_layer("CsrfLayer"))?;
        let session = parts.extensions.get::<SessionSlot>();
        let masked = slot.masked_token(session, headers::cookies(&parts.headers)).await?;
        Ok(Self { field: slot.guard().rules().field_name().to_owned(), masked })
    }
}
