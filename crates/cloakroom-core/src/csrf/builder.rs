//! The options of the CSRF check, validated before the first request.

use super::origin::{Origin, OriginPattern};
use super::rules::{CsrfRules, OwnOrigin, TokenPolicy};
use crate::error::ConfigError;

/// A builder of [`CsrfRules`].
///
/// Contradictory options are an error of [`CsrfRulesBuilder::build`].
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
    exempt_schemes: Vec<String>,
}

/// The schemes that browsers send by themselves once the user has signed in with them.
const AMBIENT_SCHEMES: [&str; 5] = ["Basic", "Digest", "Negotiate", "NTLM", "HOBA"];

// Next to the builder, so that the rules don't import a file that imports them.
impl CsrfRules {
    /// Starts building rules with other options than the defaults.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::builder().own_origin("https://shop.example").build()?;
    /// assert!(rules.covers("POST"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn builder() -> CsrfRulesBuilder {
        CsrfRulesBuilder::default()
    }
}

impl CsrfRulesBuilder {
    /// Sets the application's own origin, such as `https://shop.example`.
    ///
    /// Repeat it for further ones. Without this option, the own origin is `https://` and the
    /// request's `Host`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().own_origin("https://shop.example").build()?;
    /// assert!(rules.check_origin(&RequestFacts::new("POST").origin("https://shop.example")).is_ok());
    /// assert!(rules.check_origin(&RequestFacts::new("POST").origin("https://evil.example")).is_err());
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn own_origin(mut self, origin: impl Into<String>) -> Self {
        self.own.push(origin.into());
        self
    }

    /// Uses `http` and the `Host` header as the own origin, for development without TLS.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().danger_own_scheme_http().build()?;
    /// let facts = RequestFacts::new("POST").host("localhost:3000").origin("http://localhost:3000");
    /// assert!(rules.check_origin(&facts).is_ok());
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn danger_own_scheme_http(mut self) -> Self {
        self.own_scheme_http = true;
        self
    }

    /// Trusts another origin, or all subdomains of a domain as `https://*.example.com`.
    ///
    /// # Security
    /// A page of a trusted origin can act on behalf of the visitor. No public suffix list is
    /// consulted: `https://*.co.uk` is accepted.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().trusted_origin("https://*.shops.example").build()?;
    /// let facts = RequestFacts::new("POST").sec_fetch_site("cross-site").origin("https://a.shops.example");
    /// assert!(rules.check_origin(&facts).is_ok());
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn trusted_origin(mut self, pattern: impl Into<String>) -> Self {
        self.trusted.push(pattern.into());
        self
    }

    /// Sets the policy for requiring a token. The default is [`TokenPolicy::WhenUnsure`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, TokenPolicy};
    ///
    /// let rules = CsrfRules::builder().token_policy(TokenPolicy::Always).build()?;
    /// assert_eq!(rules.token_policy(), TokenPolicy::Always);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn token_policy(mut self, policy: TokenPolicy) -> Self {
        self.token = Some(policy);
        self
    }

    /// Checks only the origin. Short for [`TokenPolicy::Never`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, TokenPolicy};
    ///
    /// let rules = CsrfRules::builder().origin_only().build()?;
    /// assert_eq!(rules.token_policy(), TokenPolicy::Never);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn origin_only(self) -> Self {
        self.token_policy(TokenPolicy::Never)
    }

    /// Checks only the token, as Pyramid's `check_origin=False` does.
    ///
    /// WebSocket handshakes are then not checked at all.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfDecision, CsrfRules, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().danger_token_only().build()?;
    /// let facts = RequestFacts::new("POST").origin("https://evil.example");
    /// assert_eq!(rules.decide(&facts), CsrfDecision::TokenNeeded);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn danger_token_only(mut self) -> Self {
        self.token_only = true;
        self
    }

    /// Lets requests without any of the headers pass the origin check.
    ///
    /// For clients that aren't browsers. They still need the token, unless the policy is
    /// [`TokenPolicy::Never`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfDecision, CsrfRules, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().danger_allow_no_origin().build()?;
    /// assert_eq!(rules.decide(&RequestFacts::new("POST")), CsrfDecision::TokenNeeded);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn danger_allow_no_origin(mut self) -> Self {
        self.allow_no_origin = true;
        self
    }

    /// Refuses no request, and only reports those that would be refused.
    ///
    /// For a trial before enforcement. A request passes even if the check is impossible because the
    /// session's store is down. The exception is a handler that takes a `CheckedForm`, which always
    /// enforces the check.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// assert!(CsrfRules::builder().danger_report_only().build()?.is_report_only());
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn danger_report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Doesn't check requests with this scheme in `Authorization` and without the session's cookie.
    ///
    /// For routes that take a session or an API key. `scheme` is the first word of the header, such
    /// as `Bearer`. A request with the session's cookie is checked as before, and so is one without
    /// the header: a sign-in form of another site has neither.
    ///
    /// # Security
    /// Browsers send no such header by themselves, and let a page of another site set it only if
    /// CORS permits it. They do send `Basic`, `Digest`, `Negotiate`, `NTLM` and `HOBA` by
    /// themselves, so these are an error of [`CsrfRulesBuilder::build`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfDecision, CsrfRules, Refusal, RequestFacts};
    ///
    /// let rules = CsrfRules::builder().exempt_authorization("Bearer").build()?;
    /// let call = RequestFacts::new("POST").authorization("Bearer 27hbf3");
    /// assert_eq!(rules.decide(&call.without_cookie()), CsrfDecision::Unchecked);
    /// assert_eq!(rules.decide(&call), CsrfDecision::Refused(Refusal::NoOrigin));
    ///
    /// let error = CsrfRules::builder().exempt_authorization("Basic").build().unwrap_err();
    /// assert_eq!(error.option(), "exempt_authorization");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn exempt_authorization(mut self, scheme: impl Into<String>) -> Self {
        self.exempt_schemes.push(scheme.into());
        self
    }

    /// Treats another method as safe, that is, as one that changes nothing.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::builder().danger_safe_method("REPORT").build()?;
    /// assert!(!rules.covers("REPORT") && rules.covers("POST"));
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn danger_safe_method(mut self, method: impl Into<String>) -> Self {
        self.safe_methods.push(method.into());
        self
    }

    /// Sets the header that carries the token. The default is `X-CSRF-Token`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::builder().header("X-XSRF-Token").build()?;
    /// assert_eq!(rules.header_name(), "x-xsrf-token");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// Sets the form field that carries the token. The default is `csrf_token`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::builder().field("_token").build()?;
    /// assert_eq!(rules.field_name(), "_token");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Sets the maximum number of bytes of a form that are buffered in search of the token.
    ///
    /// The default is 1 MiB.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::builder().body_limit(64 * 1024).build()?;
    /// assert_eq!(rules.max_body(), 65_536);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// Checks the options and builds the rules.
    ///
    /// # Errors
    /// Returns an error for an invalid name of a header or field, an origin that no page can have,
    /// a method that never matches, a limit of zero, a scheme that exempts nothing safely, or two
    /// options that contradict each other. The error names the option.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// assert!(CsrfRules::builder().build().is_ok());
    /// let error = CsrfRules::builder().body_limit(0).build().unwrap_err();
    /// assert_eq!(error.option(), "body_limit");
    /// ```
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
            exempt_schemes: self.exempt_schemes.into_iter().map(valid_scheme).collect::<Result<_, _>>()?,
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

/// Returns `true` for a token of RFC 9110 §5.6.2, the syntax of header names and methods.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn valid_method(method: String) -> Result<String, ConfigError> {
    // Methods are case-sensitive (RFC 9110 §9.1): "post" never matches the method of a request.
    if is_token(&method) && !method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(method);
    }
    Err(ConfigError::new("danger_safe_method", format!("{method:?} isn't a method in upper case, like \"REPORT\"")))
}

fn valid_scheme(scheme: String) -> Result<String, ConfigError> {
    let wrong = |problem: &str| Err(ConfigError::new("exempt_authorization", format!("{scheme:?} {problem}")));
    if !is_token(&scheme) {
        return wrong("isn't the scheme of an Authorization header, like \"Bearer\"");
    }
    if AMBIENT_SCHEMES.iter().any(|ambient| ambient.eq_ignore_ascii_case(&scheme)) {
        return wrong("is sent by browsers without the user's action, so another site can use it");
    }
    Ok(scheme)
}

fn valid_header(name: &str) -> Result<String, ConfigError> {
    if is_token(name) {
        return Ok(name.to_ascii_lowercase());
    }
    Err(ConfigError::new("header", format!("{name:?} can't be the name of a header")))
}

fn valid_field(name: String) -> Result<String, ConfigError> {
    // Browsers escape line breaks and quotes of a name in multipart forms.
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
