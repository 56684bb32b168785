//! The configuration of a cookie, and its `Set-Cookie` lines.

use std::fmt;
use std::time::Duration;

use crate::error::{ConfigError, Error};

/// The default name. Browsers that know the prefix accept it only with Secure, HttpOnly, Path=/ and
/// without Domain, so that neither a script nor a sibling domain can plant the cookie. Older
/// browsers still enforce `__Host-`.
const DEFAULT_NAME: &str = "__Host-Http-session";

/// The maximum length of an attribute value that browsers accept, in bytes (RFC 6265bis §5.6).
const MAX_ATTRIBUTE: usize = 1024;

/// The maximum time that browsers keep a cookie: 400 days (RFC 6265bis §5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The sites from which a browser sends the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// Only from our own site.
    Strict,
    /// Also when the user follows a link to our site. The default.
    Lax,
    /// From any site. Needs Secure.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// The name and attributes of a cookie. The defaults are safe.
///
/// The default is `__Host-Http-session; Path=/; Secure; HttpOnly; SameSite=Lax`. Chromium and
/// Firefox accept a Secure cookie on `http://localhost` and `http://127.0.0.1`, so development
/// needs no other settings.
///
/// # Examples
/// ```
/// use cloakroom_core::{CookieConfig, SameSite};
///
/// let cookie = CookieConfig::default().name("__Host-shop").same_site(SameSite::Strict).build()?;
/// assert_eq!(cookie.set("v", None)?.to_string(), "__Host-shop=v; Path=/; Secure; HttpOnly; SameSite=Strict");
///
/// let error = CookieConfig::default().domain("example.com").build().unwrap_err();
/// assert_eq!(error.option(), "domain");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieConfig {
    name: String,
    path: String,
    domain: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partitioned: bool,
    former: Vec<Self>,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            path: "/".to_owned(),
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            partitioned: false,
            former: Vec::new(),
        }
    }
}

impl CookieConfig {
    /// Sets the cookie's name.
    ///
    /// The prefixes `__Host-`, `__Secure-`, `__Http-` and `__Host-Http-` are promises that the
    /// attributes must keep.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("__Host-cart").build()?;
    /// assert_eq!(cookie.name(), "__Host-cart");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the path below which the browser sends the cookie. The default is `/`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("admin").path("/admin").build()?;
    /// assert!(cookie.remove().as_str().contains("; Path=/admin;"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sends the cookie to all subdomains of `domain`.
    ///
    /// Needs a name without a `__Host-` prefix.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("__Secure-session").domain("example.com").build()?;
    /// assert!(cookie.remove().as_str().contains("; Domain=example.com;"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sets the sites from which the browser sends the cookie.
    ///
    /// The default is [`SameSite::Lax`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CookieConfig, SameSite};
    ///
    /// let cookie = CookieConfig::default().same_site(SameSite::Strict).build()?;
    /// assert!(cookie.remove().as_str().ends_with("; SameSite=Strict"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Keeps a separate cookie for each site that embeds this one (CHIPS).
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CookieConfig, SameSite};
    ///
    /// let cookie = CookieConfig::default().same_site(SameSite::None).partitioned().build()?;
    /// assert!(cookie.remove().as_str().ends_with("; SameSite=None; Partitioned"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn partitioned(mut self) -> Self {
        self.partitioned = true;
        self
    }

    /// Names a configuration that this cookie had before, with another domain or path.
    ///
    /// Browsers keep a cookie with another `Domain`, `Path` or `Partitioned` next to the new one,
    /// so that a sign-out would leave the former one behind. With this option each response that
    /// sets or removes the cookie also removes the former one. Drop the option when the former
    /// cookies have expired. Repeat it for further ones.
    ///
    /// The name stays the same. A cookie with another name is taken over by a `Migration`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let before = CookieConfig::default().name("__Secure-session");
    /// let cookie = before.clone().domain("example.com").former(before).build()?;
    /// let lines: Vec<_> = cookie.set_all("v", None)?.iter().map(|it| it.to_string()).collect();
    /// assert!(lines[0].starts_with("__Secure-session=; Path=/; Max-Age=0;"));
    /// assert!(lines[1].starts_with("__Secure-session=v; Path=/; Domain=example.com;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn former(mut self, former: Self) -> Self {
        self.former.push(former);
        self
    }

    /// Returns the configuration of a second cookie whose name ends with `suffix`.
    ///
    /// For formats that need two cookies.
    #[must_use]
    pub fn suffixed(&self, suffix: &str) -> Self {
        let former = self.former.iter().map(|former| former.suffixed(suffix)).collect();
        Self { name: format!("{}{suffix}", self.name), former, ..self.clone() }
    }

    /// Sends the cookie without TLS too. Needs a name without a prefix.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("session").danger_insecure().build()?;
    /// assert!(!cookie.remove().as_str().contains("Secure"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn danger_insecure(mut self) -> Self {
        self.secure = false;
        self
    }

    /// Lets scripts read the cookie (no HttpOnly). Needs a name without an `Http-` prefix.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieConfig;
    ///
    /// let cookie = CookieConfig::default().name("__Host-csrf").danger_readable_by_scripts().build()?;
    /// assert!(!cookie.remove().as_str().contains("HttpOnly"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn danger_readable_by_scripts(mut self) -> Self {
        self.http_only = false;
        self
    }

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
        Ok(removals)
    }

    /// Returns the attributes by which browsers tell cookies of one name apart.
    fn identity(&self) -> (&str, Option<&str>, bool) {
        (&self.path, self.domain.as_deref(), self.partitioned)
    }

    fn check_texts(&self) -> Result<(), ConfigError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(is_token) {
            return Err(ConfigError::new("name", format!("{:?} isn't a cookie name (a token of RFC 9110)", self.name)));
        }
        if self.name.len() > MAX_ATTRIBUTE {
            return Err(ConfigError::new(
                "name",
                format!("has {} bytes, at most {MAX_ATTRIBUTE} are sensible", self.name.len()),
            ));
        }
        if !self.path.starts_with('/') {
            return Err(ConfigError::new("path", format!("{:?} doesn't start with a slash", self.path)));
        }
        let domain = self.domain.as_deref();
        if domain.is_some_and(|domain| domain.is_empty() || domain.starts_with('.') || domain.ends_with('.')) {
            return Err(ConfigError::new("domain", "is empty, or starts or ends with a dot"));
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if let Some(domain) = domain.filter(|domain| !domain.bytes().all(is_host)) {
            let problem = format!(
                "{domain:?} isn't a domain: it has no scheme, port or path, and is written in ASCII (punycode)"
            );
            return Err(ConfigError::new("domain", problem));
        }
        for (option, value) in [("path", Some(self.path.as_str())), ("domain", domain)] {
            let value = value.unwrap_or_default();
            if value.len() > MAX_ATTRIBUTE {
                let problem = format!("has {} bytes, browsers ignore more than {MAX_ATTRIBUTE}", value.len());
                return Err(ConfigError::new(option, problem));
            }
            if value.bytes().any(|byte| byte == b';' || byte == b',' || !byte.is_ascii_graphic()) {
                return Err(ConfigError::new(option, format!("{value:?} has a character that ends an attribute")));
            }
        }
        Ok(())
    }

    fn check_prefix(&self) -> Result<(), ConfigError> {
        // Browsers compare prefixes case-insensitively (RFC 6265bis §5.4).
        let name = self.name.to_ascii_lowercase();
        // The longer prefix first: every "__Host-Http-" is a "__Host-" too.
        let (prefix, host, http) = if name.starts_with("__host-http-") {
            ("__Host-Http-", true, true)
        } else if name.starts_with("__host-") {
            ("__Host-", true, false)
        } else if name.starts_with("__http-") {
            ("__Http-", false, true)
        } else if name.starts_with("__secure-") {
            ("__Secure-", false, false)
        } else {
            return Ok(());
        };
        let needs = |option, what: &str| {
            Err(ConfigError::new(
                option,
                format!("the name's prefix {prefix} needs {what}; choose another name or drop the option"),
            ))
        };
        if !self.secure {
            return needs("danger_insecure", "Secure");
        }
        if http && !self.http_only {
            return needs("danger_readable_by_scripts", "HttpOnly");
        }
        if host && self.domain.is_some() {
            return needs("domain", "no Domain");
        }
        if host && self.path != "/" {
            return needs("path", "Path=/");
        }
        Ok(())
    }

    fn place(&self) -> String {
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}"));
        format!("; Path={}{}", self.path, domain.unwrap_or_default())
    }

    fn flags(&self) -> String {
        let mut flags = String::new();
        for (on, flag) in [(self.secure, "; Secure"), (self.http_only, "; HttpOnly")] {
            if on {
                flags.push_str(flag);
            }
        }
        flags.push_str("; SameSite=");
        flags.push_str(self.same_site.as_str());
        if self.partitioned {
            flags.push_str("; Partitioned");
        }
        flags
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
        Ok(SetCookie { line })
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
        SetCookie { line: Self::removal_line(self.name(), &self.place, &self.flags) }
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

/// The value of one `Set-Cookie` header. Adapters must mark it sensitive.
///
/// # Security
/// `Debug` prints only the cookie's name; `Display` prints the header's value.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    line: String,
}

impl SetCookie {
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
        Self { line }
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
