//! The options of the CSRF checks, validated before the first request.

use super::origin::{Origin, OriginPattern};
use super::rules::{CsrfRules, OwnOrigin, TokenPolicy};
use crate::error::ConfigError;

/// Options for [`CsrfRules`]; whatever contradicts itself is an error of
/// [`CsrfRulesBuilder::build`].
///
/// # Examples
/// ```
/// use cloakroom_core::{CsrfRules, TokenPolicy};
///
/// let rules = CsrfRules::builder()
///     .own_origin("https://shop.example")
///     .trusted_origin("https://pay.example")
///     .token_policy(TokenPolicy::Always)
///     .build()?;
/// assert_eq!(rules.token_policy(), TokenPolicy::Always);
///
/// let error = CsrfRules::builder().header("X CSRF: Token").build().unwrap_err();
/// assert_eq!(error.option(), "header");
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CsrfRulesBuilder {
    own: Vec<String>,
    own_scheme_http: bool,
    trusted: Vec<String>,
    safe_methods: Vec<String>,
    header: Option<String>,
    field: Option<String>,
    body_limit: Option<usize>,
    token: Option<TokenPolicy>,
    token_only: bool,
    allow_no_origin: bool,
    report_only: bool,
}

impl CsrfRulesBuilder {
    /// The application's own origin, such as `https://shop.example`; call it again for another one.
    ///
    /// Without any, it is `https://` and the request's `Host`.
    pub fn own_origin(mut self, origin: impl Into<String>) -> Self {
        self.own.push(origin.into());
        self
    }

    /// Takes the own origin from the `Host` header under plain `http`, for development without TLS.
    pub const fn danger_own_scheme_http(mut self) -> Self {
        self.own_scheme_http = true;
        self
    }

    /// Trusts another origin, or all subdomains as `https://*.example.com`.
    ///
    /// # Security
    /// Whoever controls a trusted origin can act as the visitor. No list of public suffixes is
    /// asked: `https://*.co.uk` is accepted.
    pub fn trusted_origin(mut self, pattern: impl Into<String>) -> Self {
        self.trusted.push(pattern.into());
        self
    }

    /// When the token is asked for. The default is [`TokenPolicy::WhenUnsure`].
    pub const fn token_policy(mut self, policy: TokenPolicy) -> Self {
        self.token = Some(policy);
        self
    }

    /// Checks the origin only: short for [`TokenPolicy::Never`].
    pub const fn origin_only(self) -> Self {
        self.token_policy(TokenPolicy::Never)
    }

    /// Checks the token only, as Pyramid's `check_origin=False` does. WebSocket handshakes are then
    /// not checked at all.
    pub const fn danger_token_only(mut self) -> Self {
        self.token_only = true;
        self
    }

    /// Lets requests pass the origin check that have none of the headers. For clients that aren't
    /// browsers.
    ///
    /// They need the token still, unless the policy is [`TokenPolicy::Never`].
    pub const fn danger_allow_no_origin(mut self) -> Self {
        self.allow_no_origin = true;
        self
    }

    /// Refuses nothing, and reports what would have been refused: for the time before protection is
    /// switched on.
    ///
    /// A request passes even where the check is impossible, because the session's store is down. A
    /// handler that takes a `CheckedForm` asks for the check by itself, and gets it.
    pub const fn danger_report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Counts one more method as safe, which means that it changes nothing.
    pub fn danger_safe_method(mut self, method: impl Into<String>) -> Self {
        self.safe_methods.push(method.into());
        self
    }

    /// The header that carries the token. The default is `X-CSRF-Token`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// The form field that carries the token. The default is `csrf_token`.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// How many bytes of a form are read, and held in memory, in search of the token. The default
    /// is 1 MiB.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// The rules.
    ///
    /// # Errors
    /// A name that no header or field can have, an origin that no page can have, a method that
    /// never matches, a limit of nothing, or two options that contradict each other. The error
    /// names the option.
    pub fn build(self) -> Result<CsrfRules, ConfigError> {
        let rules = CsrfRules::default();
        let own = self.own()?;
        let trusted = self.trusted.iter().map(|it| OriginPattern::parse(it)).collect::<Result<_, _>>()?;
        let token = self.token()?;
        let mut safe_methods = rules.safe_methods;
        for method in self.safe_methods {
            safe_methods.push(valid_method(method)?);
        }
        Ok(CsrfRules {
            own,
            trusted,
            safe_methods,
            header: self.header.map_or(Ok(rules.header), |name| valid_header(&name))?,
            field: self.field.map_or(Ok(rules.field), valid_field)?,
            body_limit: self.body_limit.map_or(Ok(rules.body_limit), valid_limit)?,
            check_origin: !self.token_only,
            token,
            allow_no_origin: self.allow_no_origin,
            report_only: self.report_only,
        })
    }

    fn own(&self) -> Result<OwnOrigin, ConfigError> {
        match (self.own.is_empty(), self.own_scheme_http) {
            (true, true) => Ok(OwnOrigin::FromHost { scheme: "http" }),
            (true, false) => Ok(OwnOrigin::FromHost { scheme: "https" }),
            (false, true) => Err(ConfigError::new(
                "danger_own_scheme_http",
                "contradicts own_origin, which names its scheme: write own_origin(\"http://…\")",
            )),
            (false, false) => self.own.iter().map(|it| own_origin(it)).collect::<Result<_, _>>().map(OwnOrigin::Fixed),
        }
    }

    fn token(&self) -> Result<TokenPolicy, ConfigError> {
        match (self.token_only, self.token) {
            (false, policy) => Ok(policy.unwrap_or_default()),
            (true, None | Some(TokenPolicy::Always)) => Ok(TokenPolicy::Always),
            (true, Some(TokenPolicy::Never)) => {
                Err(ConfigError::new("danger_token_only", "contradicts origin_only: nothing would be checked"))
            }
            (true, Some(TokenPolicy::WhenUnsure)) => {
                Err(ConfigError::new("danger_token_only", "contradicts token_policy: the token is always asked for"))
            }
        }
    }
}

fn own_origin(text: &str) -> Result<Origin, ConfigError> {
    let wrong = |problem: &str| Err(ConfigError::new("own_origin", format!("{text:?} {problem}")));
    match Origin::parse(text) {
        None => wrong("isn't an origin like https://example.com"),
        Some(origin) if origin.has_wildcard() => {
            wrong("is a pattern, and an application has origins: name each one, or leave it to the Host header")
        }
        Some(origin) if !origin.is_of_the_web() => {
            wrong("isn't the origin of a web application: its scheme is https or http")
        }
        Some(origin) => Ok(origin),
    }
}

/// A token of RFC 9110 §5.6.2, of which names of headers and methods are made.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn valid_method(method: String) -> Result<String, ConfigError> {
    // Methods are compared exactly (RFC 9110 §9.1): "post" would never be the method of a request.
    if is_token(&method) && !method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(method);
    }
    Err(ConfigError::new("danger_safe_method", format!("{method:?} isn't a method in upper case, like \"REPORT\"")))
}

fn valid_header(name: &str) -> Result<String, ConfigError> {
    if is_token(name) {
        return Ok(name.to_ascii_lowercase());
    }
    Err(ConfigError::new("header", format!("{name:?} can't be the name of a header")))
}

fn valid_field(name: String) -> Result<String, ConfigError> {
    // Browsers write line breaks and quotes of a name in another way in multipart forms.
    if !name.is_empty() && !name.chars().any(|it| it.is_control() || it == '"') {
        return Ok(name);
    }
    Err(ConfigError::new("field", format!("{name:?} can't be the name of a form's field")))
}

fn valid_limit(bytes: usize) -> Result<usize, ConfigError> {
    if bytes > 0 {
        return Ok(bytes);
    }
    Err(ConfigError::new("body_limit", "is zero: no token in a form would ever be found"))
}
