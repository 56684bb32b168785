//! One `Set-Cookie` header.

use std::fmt;

/// The value of one `Set-Cookie` header. Adapters must mark it sensitive.
///
/// # Security
/// `Debug` prints only the cookie's name; `Display` prints the header's value.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    pub(super) line: String,
    /// It removes a cookie with attributes from before a deployment.
    pub(super) is_former: bool,
}

impl SetCookie {
    pub(super) const fn new(line: String) -> Self {
        Self { line, is_former: false }
    }

    /// Returns the name of the cookie that it sets or removes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.line.split('=').next().unwrap_or_default()
    }

    /// Returns the value of the cookie. It is empty if the cookie is removed.
    #[must_use]
    pub fn value(&self) -> &str {
        let pair = self.line.split(';').next().unwrap_or_default();
        pair.split_once('=').map_or("", |(_, value)| value)
    }

    /// Returns the header that removes this cookie, with the same name, path and domain.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("session").build()?;
    /// assert_eq!(cookie.set("abc", None)?.removal(), cookie.remove());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn removal(&self) -> Self {
        let mut parts = self.line.split("; ");
        let name = parts.next().and_then(|pair| pair.split('=').next()).unwrap_or_default();
        let is_place = |part: &&str| part.starts_with("Path=") || part.starts_with("Domain=");
        let is_age = |part: &&str| part.starts_with("Max-Age=") || part.starts_with("Expires=");
        let (place, flags): (Vec<&str>, Vec<&str>) = parts.filter(|part| !is_age(part)).partition(is_place);
        let mut line = format!("{name}=");
        let age = ["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"];
        for part in place.into_iter().chain(age).chain(flags) {
            line.push_str("; ");
            line.push_str(part);
        }
        Self { line, is_former: self.is_former }
    }

    /// Returns the header for this domain and its subdomains.
    ///
    /// A cookie that has a domain is unchanged, and so is the removal of a
    /// [former](crate::CookieConfig::former) one. `domain` must be one that
    /// [`CookieConfig::domain`](crate::CookieConfig::domain) accepts.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("__Secure-sid").build()?.set("abc", None)?;
    /// let line = "__Secure-sid=abc; Path=/; Domain=shop.example; Secure; HttpOnly; SameSite=Lax";
    /// assert_eq!(cookie.with_domain("shop.example").as_str(), line);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        let mut parts = self.line.match_indices("; ").map(|(at, _)| at);
        let has_domain = self.line.split("; ").any(|part| part.starts_with("Domain="));
        if !has_domain && !self.is_former {
            // Behind the path, which is the first attribute.
            let at = parts.nth(1).unwrap_or(self.line.len());
            self.line.insert_str(at, &format!("; Domain={domain}"));
        }
        self
    }

    /// Returns the header's value, which is printable ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.line
    }

    /// Returns the header's value without copying it.
    #[must_use]
    pub fn into_string(self) -> String {
        self.line
    }
}

impl fmt::Display for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetCookie({}=…)", self.name())
    }
}
