//! The configuration of a cookie.

use crate::error::ConfigError;

/// The default name. Browsers that know the prefix accept it only with Secure, HttpOnly, Path=/ and
/// without Domain, so that neither a script nor a sibling domain can plant the cookie. Older
/// browsers still enforce `__Host-`.
const DEFAULT_NAME: &str = "__Host-Http-session";

/// The maximum length of an attribute value that browsers accept, in bytes (RFC 6265bis §5.6).
const MAX_ATTRIBUTE: usize = 1024;

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
    pub(super) name: String,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
    pub(super) partitioned: bool,
    pub(super) former: Vec<Self>,
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

    /// Returns the attributes by which browsers tell cookies of one name apart.
    pub(super) fn identity(&self) -> (&str, Option<&str>, bool) {
        (&self.path, self.domain.as_deref(), self.partitioned)
    }

    pub(super) fn check_texts(&self) -> Result<(), ConfigError> {
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

    pub(super) fn check_prefix(&self) -> Result<(), ConfigError> {
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

    pub(super) fn place(&self) -> String {
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}"));
        format!("; Path={}{}", self.path, domain.unwrap_or_default())
    }

    pub(super) fn flags(&self) -> String {
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
