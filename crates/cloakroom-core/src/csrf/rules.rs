//! Stage one of the check, where a request comes from; and the options of both stages.

use super::origin::{Origin, OriginPattern};
use super::refusal::Refusal;
use crate::error::ConfigError;

/// The largest part of a form that is read in search of the token, unless configured: 1 MiB.
const BODY_LIMIT: usize = 1024 * 1024;

/// How the application's own origin is known.
///
/// # Security
/// It is never inferred from forwarding headers, which a client can write: whether the application is on TLS is configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnOrigin {
    /// These origins, whatever the `Host` header says.
    Fixed(Vec<Origin>),
    /// This scheme and the request's `Host` header.
    FromHost {
        /// `https`, or `http` in development.
        scheme: &'static str,
    },
}

/// What a request says about where it comes from: header values, `None` if absent or not text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// `Host`, or `:authority` in HTTP/2.
    pub host: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
}

/// The options of the CSRF checks.
///
/// Both stages are on by default: where the request comes from, and whether it knows the token.
///
/// # Examples
/// ```
/// use cloakroom_core::{CsrfRules, Refusal, RequestFacts};
///
/// let rules = CsrfRules::default().trusted_origin("https://pay.example")?;
/// let cross = RequestFacts { method: "POST", sec_fetch_site: Some("cross-site"), ..RequestFacts::default() };
/// let pay = RequestFacts { origin: Some("https://pay.example"), ..cross };
/// assert_eq!(rules.check_origin(&pay), Ok(()));
/// assert_eq!(rules.check_origin(&cross), Err(Refusal::CrossSite));
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsrfRules {
    own: OwnOrigin,
    trusted: Vec<OriginPattern>,
    safe_methods: Vec<String>,
    header: String,
    field: String,
    body_limit: usize,
    check_origin: bool,
    check_token: bool,
    allow_no_origin: bool,
    report_only: bool,
}

impl Default for CsrfRules {
    fn default() -> Self {
        Self {
            own: OwnOrigin::FromHost { scheme: "https" },
            trusted: Vec::new(),
            safe_methods: ["GET", "HEAD", "OPTIONS", "TRACE"].map(str::to_owned).to_vec(),
            header: "x-csrf-token".to_owned(),
            field: "csrf_token".to_owned(),
            body_limit: BODY_LIMIT,
            check_origin: true,
            check_token: true,
            allow_no_origin: false,
            report_only: false,
        }
    }
}

impl CsrfRules {
    /// The application's own origin, such as `https://shop.example`; call it again for another one.
    ///
    /// # Errors
    /// When it isn't an origin.
    pub fn own_origin(mut self, origin: &str) -> Result<Self, ConfigError> {
        let parsed = Origin::parse(origin).ok_or_else(|| {
            ConfigError::new("own_origin", format!("{origin:?} isn't an origin like https://example.com"))
        })?;
        match &mut self.own {
            OwnOrigin::Fixed(origins) => origins.push(parsed),
            OwnOrigin::FromHost { .. } => self.own = OwnOrigin::Fixed(vec![parsed]),
        }
        Ok(self)
    }

    /// Takes the own origin from the `Host` header under plain `http`, for development without TLS.
    #[must_use]
    pub fn danger_own_scheme_http(mut self) -> Self {
        self.own = OwnOrigin::FromHost { scheme: "http" };
        self
    }

    /// Trusts another origin, or all subdomains as `https://*.example.com`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn trusted_origin(mut self, pattern: &str) -> Result<Self, ConfigError> {
        self.trusted.push(OriginPattern::parse(pattern)?);
        Ok(self)
    }

    /// Checks the origin only. A request that doesn't say where it comes from is refused then as well.
    #[must_use]
    pub fn danger_origin_only(mut self) -> Self {
        (self.check_origin, self.check_token) = (true, false);
        self
    }

    /// Checks the token only, as Pyramid's `check_origin=False` does.
    #[must_use]
    pub fn danger_token_only(mut self) -> Self {
        (self.check_origin, self.check_token) = (false, true);
        self
    }

    /// Lets requests pass stage one that say nothing about their origin. For clients that aren't browsers.
    #[must_use]
    pub fn danger_allow_no_origin(mut self) -> Self {
        self.allow_no_origin = true;
        self
    }

    /// Refuses nothing, and reports what would have been refused. For the time before protection is switched on.
    #[must_use]
    pub fn danger_report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Counts one more method as safe, which means that it changes nothing.
    #[must_use]
    pub fn danger_safe_method(mut self, method: impl Into<String>) -> Self {
        self.safe_methods.push(method.into());
        self
    }

    /// The header that carries the token. The default is `X-CSRF-Token`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into().to_ascii_lowercase();
        self
    }

    /// The form field that carries the token. The default is `csrf_token`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = name.into();
        self
    }

    /// How many bytes of a form are read in search of the token. The default is 1 MiB.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Whether requests with this method are checked at all.
    #[must_use]
    pub fn covers(&self, method: &str) -> bool {
        !self.safe_methods.iter().any(|safe| safe == method)
    }

    /// Whether the token is checked.
    #[must_use]
    pub const fn checks_token(&self) -> bool {
        self.check_token
    }

    /// Whether refusals are only reported.
    #[must_use]
    pub const fn is_report_only(&self) -> bool {
        self.report_only
    }

    /// The name of the token's header, in lower case.
    #[must_use]
    pub fn header_name(&self) -> &str {
        &self.header
    }

    /// The name of the token's form field.
    #[must_use]
    pub fn field_name(&self) -> &str {
        &self.field
    }

    /// The limit for [`CsrfRules::body_limit`], in bytes.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.body_limit
    }

    /// Stage one: may a request from there change something here?
    ///
    /// # Errors
    /// The [`Refusal`] if it may not.
    pub fn check_origin(&self, facts: &RequestFacts<'_>) -> Result<(), Refusal> {
        if !self.check_origin {
            return Ok(());
        }
        let trusted = |origin: &Origin| self.trusted.iter().any(|pattern| pattern.matches(origin));
        let welcome = |origin: &Origin| trusted(origin) || self.is_own(origin, facts.host);
        match facts.sec_fetch_site {
            Some("same-origin" | "none") => Ok(()),
            Some("same-site" | "cross-site") => {
                let origin = facts.origin.and_then(Origin::parse);
                pass_if(origin.is_some_and(|it| trusted(&it)), Refusal::CrossSite)
            }
            // Absent, or a value that this version of the standard doesn't know (OWASP: ignore it and fall back).
            _ => match (facts.origin, facts.referer) {
                (Some("null"), _) => Err(Refusal::NullOrigin),
                (Some(origin), _) => {
                    pass_if(Origin::parse(origin).is_some_and(|it| welcome(&it)), Refusal::ForeignOrigin)
                }
                (None, Some(referer)) => {
                    pass_if(Origin::of_url(referer).is_some_and(|it| welcome(&it)), Refusal::ForeignOrigin)
                }
                (None, None) => pass_if(self.allow_no_origin, Refusal::NoOrigin),
            },
        }
    }

    fn is_own(&self, origin: &Origin, host: Option<&str>) -> bool {
        match &self.own {
            OwnOrigin::Fixed(origins) => origins.contains(origin),
            OwnOrigin::FromHost { scheme } => {
                host.and_then(|host| Origin::from_parts(scheme, host)).is_some_and(|own| own == *origin)
            }
        }
    }
}

const fn pass_if(pass: bool, refusal: Refusal) -> Result<(), Refusal> {
    if pass { Ok(()) } else { Err(refusal) }
}
