//! The token for the forms of a page.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// The CSRF token for the forms of a page, masked for each request.
///
/// `Display` prints its text. Handlers take it as an argument. If tokens are kept in the session,
/// this extractor opens the session, and a new session is stored. With several session layers, the
/// session is the one that the CSRF layer uses: that of the innermost session layer around it.
///
/// # Errors
/// As an extractor, it responds with 500 if no CSRF or session layer is installed around the
/// handler, and with 503 if the session's store couldn't answer.
///
/// # Examples
/// ```
/// use cloakroom_session::adapter::FormToken;
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

    /// Returns the token's text, in base64url characters.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::FormToken;
    ///
    /// fn meta(token: &FormToken) -> String {
    ///     format!("<meta name=\"csrf-token\" content=\"{}\">", token.as_str())
    /// }
    /// # let _ = meta;
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.masked
    }

    /// Returns the name of the form field.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::FormToken;
    ///
    /// fn input(token: &FormToken) -> String {
    ///     format!("<input type=hidden name={} value={token}>", token.field())
    /// }
    /// # let _ = input;
    /// ```
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns a hidden input with the token, as HTML.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::FormToken;
    ///
    /// fn form(token: &FormToken) -> String {
    ///     format!("<form method=post action=/buy>{}<button>Buy</button></form>", token.input())
    /// }
    /// # let _ = form;
    /// ```
    #[must_use]
    pub fn input(&self) -> String {
        let field = self.field.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        format!("<input type=\"hidden\" name=\"{field}\" value=\"{}\">", self.masked)
    }
}

/// A map with `field`, `value` and `input`, for template engines.
///
/// A minijinja or tera template writes `{{ token.input | safe }}`.
impl Serialize for FormToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("FormToken", 3)?;
        map.serialize_field("field", &self.field)?;
        map.serialize_field("value", &self.masked)?;
        map.serialize_field("input", &self.input())?;
        map.end()
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
