//! A validated cookie, and its `Set-Cookie` lines.

use std::time::Duration;

use super::config::{CookieConfig, SameSite};
use super::set_cookie::SetCookie;
use crate::error::{ConfigError, Error};

/// The maximum time that browsers keep a cookie: 400 days (RFC 6265bis §5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

impl CookieConfig {
    /// Checks the options and builds the template.
    ///
    /// # Errors
    /// Returns an error for a name that isn't a token, an attribute that browsers would ignore, or
    /// attributes that contradict each other or the name's prefix (RFC 6265bis §5.6 and §4.1.3).
    /// The error names the option.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// assert!(CookieConfig::default().build().is_ok());
    /// let error = CookieConfig::default().path("/app").build().unwrap_err();
    /// assert_eq!(error.option(), "path", "the prefix __Host-Http- needs Path=/");
    /// ```
    pub fn build(self) -> Result<CookieTemplate, ConfigError> {
        self.check_texts()?;
        self.check_prefix()?;
        if self.same_site == SameSite::None && !self.secure {
            return Err(ConfigError::new("same_site", "None needs Secure: browsers ignore the cookie otherwise"));
        }
        if self.partitioned && !self.secure {
            return Err(ConfigError::new("partitioned", "needs Secure: browsers ignore the cookie otherwise"));
        }
        let former = self.removals_of_former()?;
        Ok(CookieTemplate { place: self.place(), flags: self.flags(), former, config: self })
    }

    /// Returns the headers that remove the former cookies.
    fn removals_of_former(&self) -> Result<Vec<SetCookie>, ConfigError> {
        let wrong = |problem: String| ConfigError::new("former", problem);
        let mut removals = Vec::new();
        for former in &self.former {
            if former.name != self.name {
                let problem = format!("is called {:?}: a Migration takes over cookies of another name", former.name);
                return Err(wrong(problem));
            }
            if former.identity() == self.identity() {
                return Err(wrong("has the domain and path of the cookie itself: browsers keep only one".to_owned()));
            }
            let built = former.clone().build().map_err(|why| wrong(why.to_string()))?;
            removals.extend(built.remove_all());
        }
        // A former configuration can have former ones, too. The cookie itself must stay.
        let own = CookieTemplate::removal_line(&self.name, &self.place(), &self.flags());
        removals.retain(|removal| removal.line != own);
        removals.iter_mut().for_each(|removal| removal.is_former = true);
        Ok(removals)
    }
}

/// A validated cookie: its name, and the text of its attributes.
///
/// Setting and removing use the same attributes. Browsers remove a cookie only under the same Path,
/// Domain and Partitioned, and ignore a removal without the flags that the prefix requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieTemplate {
    config: CookieConfig,
    place: String,
    flags: String,
    /// The removals of former cookies.
    former: Vec<SetCookie>,
}

impl CookieTemplate {
    /// Returns the cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Returns the value of `Path`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.config.path
    }

    /// Returns the value of `Domain`, if the cookie isn't limited to one host.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.config.domain.as_deref()
    }

    /// Returns the value of `SameSite`.
    #[must_use]
    pub const fn same_site(&self) -> SameSite {
        self.config.same_site
    }

    /// Returns `true` if the cookie is sent over HTTPS only.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.config.secure
    }

    /// Returns `true` if scripts can't read the cookie.
    #[must_use]
    pub const fn is_http_only(&self) -> bool {
        self.config.http_only
    }

    /// Returns `true` if each top-level site has its own cookie.
    #[must_use]
    pub const fn is_partitioned(&self) -> bool {
        self.config.partitioned
    }

    /// Returns the attributes as they are in the header, without an age.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().build()?;
    /// assert_eq!(cookie.attributes(), "Path=/; Secure; HttpOnly; SameSite=Lax");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn attributes(&self) -> String {
        let attributes = format!("{}{}", self.place, self.flags);
        attributes.strip_prefix("; ").unwrap_or(&attributes).to_owned()
    }

    /// Sets the cookie for the browser session, or for `max_age`.
    ///
    /// Browsers limit `max_age` to 400 days. A value consists of cookie-octets (RFC 6265bis
    /// §4.1.1), as base64url does.
    ///
    /// # Errors
    /// Returns an error with [`Error::is_cookie_value`] for a value with any other character, which
    /// could end the value or the header. The error names the cookie and the kind of character, but
    /// not the value.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().build()?;
    /// assert_eq!(cookie.set("abc", None)?.name(), "__Host-Http-session");
    /// let error = cookie.set("a b", None).unwrap_err();
    /// assert_eq!(error.to_string(), "the value of cookie \"__Host-Http-session\" holds a space");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set(&self, value: &str, max_age: Option<Duration>) -> Result<SetCookie, Error> {
        // Without an early return, so that the loop is vectorized. A sealed value is always valid.
        if !value.bytes().fold(true, |all, it| all & is_cookie_octet(it)) {
            return Err(Error::cookie_value(self.name(), fault_in(value)));
        }
        let age = max_age.map(|age| format!("; Max-Age={}", age.min(MAX_AGE).as_secs().max(1))).unwrap_or_default();
        // Exact, so that the header can take over the allocation.
        let length = self.name().len() + 1 + value.len() + self.place.len() + age.len() + self.flags.len();
        let mut line = String::with_capacity(length);
        line.push_str(self.name());
        line.push('=');
        line.push_str(value);
        line.push_str(&self.place);
        line.push_str(&age);
        line.push_str(&self.flags);
        Ok(SetCookie::new(line))
    }

    /// Removes the cookie.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("session").build()?;
    /// assert!(cookie.remove().as_str().starts_with("session=; Path=/; Max-Age=0;"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn remove(&self) -> SetCookie {
        SetCookie::new(Self::removal_line(self.name(), &self.place, &self.flags))
    }

    fn removal_line(name: &str, place: &str, flags: &str) -> String {
        // Also Expires, for agents that predate Max-Age.
        format!("{name}={place}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{flags}")
    }

    /// Sets the cookie like [`CookieTemplate::set`], and removes its [former](CookieConfig::former)
    /// ones.
    ///
    /// # Errors
    /// Returns the error of [`CookieTemplate::set`].
    pub fn set_all(&self, value: &str, max_age: Option<Duration>) -> Result<Vec<SetCookie>, Error> {
        let cookie = self.set(value, max_age)?;
        Ok(self.former.iter().cloned().chain([cookie]).collect())
    }

    /// Removes the cookie and its [former](CookieConfig::former) ones.
    #[must_use]
    pub fn remove_all(&self) -> Vec<SetCookie> {
        self.former.iter().cloned().chain([self.remove()]).collect()
    }

    /// Returns `true` if the cookie has former ones.
    #[must_use]
    pub const fn has_former(&self) -> bool {
        !self.former.is_empty()
    }
}

const fn is_cookie_octet(it: u8) -> bool {
    it.is_ascii_graphic() && !matches!(it, b'"' | b',' | b';' | b'\\')
}

/// Returns the kind of the first character that isn't a cookie-octet.
fn fault_in(value: &str) -> &'static str {
    match value.bytes().find(|it| !is_cookie_octet(*it)) {
        Some(b' ') => "a space",
        Some(b'"') => "a quotation mark",
        Some(b',') => "a comma",
        Some(b';') => "a semicolon",
        Some(b'\\') => "a backslash",
        Some(it) if it.is_ascii() => "a control character",
        Some(_) | None => "a character that isn't ASCII",
    }
}
