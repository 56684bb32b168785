//! The token that goes into a page's forms.

use std::fmt;

/// The CSRF token for the forms of this page, masked anew for each request; `Display` is its text.
///
/// Handlers take it as an argument. Where tokens live in the session, asking for it opens the
/// session, and keeps a new one. With several session layers it is the session that the CSRF layer
/// looks at: the innermost one around that layer.
///
/// # Errors
/// As an extractor: 500 when no CSRF or session layer is installed around the handler, 503 when the
/// session's store couldn't answer.
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
    pub(super) const fn new(field: String, masked: String) -> Self {
        Self { field, masked }
    }

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
