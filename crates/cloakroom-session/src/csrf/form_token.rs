//! The token that goes into a page's forms.

use std::fmt;

use cloakroom_core::CookieHeader;

use super::guard::CsrfSlot;
use crate::adapter::RequestHead;
use crate::error::Error;
use crate::slot::SessionSlot;

/// The CSRF token for the forms of this page, masked anew for each request; `Display` is its text.
///
/// Handlers take it as an argument. Where tokens live in the session, asking for it opens the session, and keeps a new one.
///
/// # Errors
/// As an extractor: 500 when no CSRF or session layer is installed around the handler, 503 when the session's store couldn't answer.
///
/// # Examples
/// ```
/// use cloakroom_session::FormToken;
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

impl CsrfSlot {
    /// The token for this request's pages, under a fresh mask. Where tokens live in the session, this keeps a new session.
    ///
    /// # Errors
    /// When the session's store couldn't answer, no session layer is installed, or the system has no random bytes to give.
    pub async fn form_token(&self, head: &impl RequestHead, session: Option<&SessionSlot>) -> Result<FormToken, Error> {
        self.form_token_with(session, head.cookies()).await
    }

    pub(crate) async fn form_token_with(
        &self,
        session: Option<&SessionSlot>,
        cookies: CookieHeader<'_>,
    ) -> Result<FormToken, Error> {
        let masked = self.masked_token(session, cookies).await?;
        Ok(FormToken { field: self.guard().rules().field_name().to_owned(), masked })
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
