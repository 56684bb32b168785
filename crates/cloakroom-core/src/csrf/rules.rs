//! The rules of the CSRF check, and the check of a request's head.

use super::decision::CsrfDecision;
use super::facts::{HeaderFact, RequestFacts};
use super::origin::{Origin, OriginPattern};
use super::refusal::Refusal;

/// The default limit for the part of a form that is read in search of the token: 1 MiB.
const BODY_LIMIT: usize = 1024 * 1024;

/// The source of the application's own origin.
///
/// # Security
/// It is never taken from forwarding headers, which a client can set. The use of TLS is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnOrigin {
    /// These origins, regardless of the `Host` header.
    Fixed(Vec<Origin>),
    /// This scheme and the request's `Host` header.
    FromHost { scheme: &'static str },
}

/// The policy for requiring a token after the origin was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPolicy {
    /// Always: a separate check, which NIST SP 800-63B-4 §5.1 requires.
    Always,
    /// Only if neither `Sec-Fetch-Site` nor `Origin` identifies the request's origin. The default.
    #[default]
    WhenUnsure,
    /// Never: only the origin is checked, as in Go 1.25, .NET 11 and tower-http.
    Never,
}

/// The evidence for an accepted origin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// `Sec-Fetch-Site` or `Origin`, which a page can't set.
    Headers,
    /// At best `Referer`, which pages, browsers and proxies may remove; or the origin isn't
    /// checked.
    Weak,
}

/// The rules of the CSRF check.
///
/// [`CsrfRules::default`] suits most applications. It checks the origin, and requires the token if
/// the browser doesn't send the origin. [`CsrfRules::builder`] sets other options.
///
/// # Examples
/// ```
/// use cloakroom_core::{CsrfRules, Refusal, RequestFacts};
///
/// let rules = CsrfRules::builder().trusted_origin("https://pay.example").build()?;
/// let cross = RequestFacts::new("POST").sec_fetch_site("cross-site");
/// assert_eq!(rules.check_origin(&cross.origin("https://pay.example")), Ok(()));
/// assert_eq!(rules.check_origin(&cross), Err(Refusal::CrossSite));
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsrfRules {
    pub(super) own: OwnOrigin,
    pub(super) trusted: Vec<OriginPattern>,
    pub(super) safe_methods: Vec<String>,
    pub(super) header: String,
    pub(super) field: String,
    pub(super) body_limit: usize,
    pub(super) check_origin: bool,
    pub(super) token: TokenPolicy,
    pub(super) allow_no_origin: bool,
    pub(super) report_only: bool,
    /// Schemes of `Authorization` that exempt a request without the session's cookie.
    pub(super) exempt_schemes: Vec<String>,
}

impl Default for CsrfRules {
    fn default() -> Self {
        Self {
            own: OwnOrigin::FromHost { scheme: "https" },
            trusted: Vec::new(),
            safe_methods: ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"].map(str::to_owned).to_vec(),
            header: "x-csrf-token".to_owned(),
            field: "csrf_token".to_owned(),
            body_limit: BODY_LIMIT,
            check_origin: true,
            token: TokenPolicy::default(),
            allow_no_origin: false,
            report_only: false,
            exempt_schemes: Vec::new(),
        }
    }
}

impl CsrfRules {
    /// Returns `true` if requests with this method are checked.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfRules;
    ///
    /// let rules = CsrfRules::default();
    /// assert!(rules.covers("POST") && rules.covers("DELETE"));
    /// assert!(!rules.covers("GET"));
    /// ```
    #[must_use]
    pub fn covers(&self, method: &str) -> bool {
        !self.safe_methods.iter().any(|safe| safe == method)
    }

    /// Returns the policy for requiring a token.
    #[must_use]
    pub const fn token_policy(&self) -> TokenPolicy {
        self.token
    }

    /// Returns `true` if refusals are only reported.
    #[must_use]
    pub const fn is_report_only(&self) -> bool {
        self.report_only
    }

    /// Returns `true` if a scheme of `Authorization` can exempt a request.
    #[must_use]
    pub const fn exempts_authorization(&self) -> bool {
        !self.exempt_schemes.is_empty()
    }

    /// Returns the name of the token's header, in lower case.
    #[must_use]
    pub fn header_name(&self) -> &str {
        &self.header
    }

    /// Returns the name of the token's form field.
    #[must_use]
    pub fn field_name(&self) -> &str {
        &self.field
    }

    /// Returns the limit of [`CsrfRulesBuilder::body_limit`](crate::CsrfRulesBuilder::body_limit),
    /// in bytes.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.body_limit
    }

    /// Decides on a request's head: not covered, passed, refused, or token needed.
    ///
    /// 1. A WebSocket handshake is checked by its origin, never by a token, which browsers can't
    ///    add. A client that sends neither `Origin` nor `Sec-Fetch-Site` isn't a browser (RFC 6455
    ///    §4.1) and passes.
    /// 2. A safe method isn't covered.
    /// 3. A request with an exempt `Authorization` and without the session's cookie isn't covered
    ///    ([`exempt_authorization`](crate::CsrfRulesBuilder::exempt_authorization)).
    /// 4. Every other request is checked by its origin, and then by its token according to the
    ///    [`TokenPolicy`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfDecision, CsrfRules, Refusal, RequestFacts};
    ///
    /// let rules = CsrfRules::default();
    /// let post = RequestFacts::new("POST");
    /// assert_eq!(rules.decide(&RequestFacts::new("GET")), CsrfDecision::Unchecked);
    /// assert_eq!(rules.decide(&post.sec_fetch_site("same-origin")), CsrfDecision::Passed);
    /// assert_eq!(rules.decide(&post), CsrfDecision::Refused(Refusal::NoOrigin));
    /// ```
    #[must_use]
    pub fn decide(&self, facts: &RequestFacts<'_>) -> CsrfDecision {
        if facts.handshake {
            return self.decide_handshake(facts);
        }
        if !self.covers(facts.method) {
            return CsrfDecision::Unchecked;
        }
        self.decide_covered(facts)
    }

    /// Decides on a request as if its method were unsafe.
    ///
    /// For handlers that always require a checked form.
    #[must_use]
    pub fn decide_covered(&self, facts: &RequestFacts<'_>) -> CsrfDecision {
        if self.is_exempt(facts) {
            return CsrfDecision::Unchecked;
        }
        match (self.evidence(facts), self.token) {
            (Err(refusal), _) => CsrfDecision::Refused(refusal),
            (Ok(_), TokenPolicy::Always) | (Ok(Evidence::Weak), TokenPolicy::WhenUnsure) => CsrfDecision::TokenNeeded,
            (Ok(_), TokenPolicy::Never) | (Ok(Evidence::Headers), TokenPolicy::WhenUnsure) => CsrfDecision::Passed,
        }
    }

    /// A browser adds a cookie by itself, but none of the exempt schemes. It lets a page of another
    /// site set the header only after a preflight.
    fn is_exempt(&self, facts: &RequestFacts<'_>) -> bool {
        let scheme = facts.authorization.value().and_then(|value| value.split(' ').next());
        let exempts = |scheme: &str| self.exempt_schemes.iter().any(|exempt| exempt.eq_ignore_ascii_case(scheme));
        facts.without_cookie && scheme.is_some_and(exempts)
    }

    fn decide_handshake(&self, facts: &RequestFacts<'_>) -> CsrfDecision {
        if facts.origin.is_absent() && facts.sec_fetch_site.is_absent() {
            return CsrfDecision::Passed;
        }
        CsrfDecision::of(self.check_origin(facts))
    }

    /// Checks only the origin: whether a request from there may change something here.
    ///
    /// # Errors
    /// Returns the [`Refusal`] if it may not.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfRules, Refusal, RequestFacts};
    ///
    /// let post = RequestFacts::new("POST").host("shop.example");
    /// let check = |origin| CsrfRules::default().check_origin(&post.origin(origin));
    /// assert_eq!(check("https://shop.example"), Ok(()));
    /// assert_eq!(check("https://evil.example"), Err(Refusal::ForeignOrigin));
    /// ```
    pub fn check_origin(&self, facts: &RequestFacts<'_>) -> Result<(), Refusal> {
        self.evidence(facts).map(|_| ())
    }

    fn evidence(&self, facts: &RequestFacts<'_>) -> Result<Evidence, Refusal> {
        if !self.check_origin {
            return Ok(Evidence::Weak);
        }
        match facts.sec_fetch_site.value() {
            Some("same-origin" | "none") => Ok(Evidence::Headers),
            Some("same-site" | "cross-site") => {
                let origin = facts.origin.value().and_then(Origin::parse);
                let trusted = origin.is_some_and(|it| self.is_trusted(&it));
                if trusted { Ok(Evidence::Headers) } else { Err(Refusal::CrossSite) }
            }
            // Absent, or a value that is unknown to this version of the standard (OWASP: ignore it
            // and fall back).
            _ => self.fall_back(facts),
        }
    }

    /// Checks a request whose `Sec-Fetch-Site` is inconclusive.
    fn fall_back(&self, facts: &RequestFacts<'_>) -> Result<Evidence, Refusal> {
        match (facts.origin, facts.referer) {
            (HeaderFact::Malformed, _) | (HeaderFact::Absent, HeaderFact::Malformed) => Err(Refusal::MalformedHeaders),
            (HeaderFact::Value("null"), _) => Err(Refusal::NullOrigin),
            (HeaderFact::Value(origin), _) => {
                self.welcome(Origin::parse(origin), facts.host).map(|()| Evidence::Headers)
            }
            (HeaderFact::Absent, HeaderFact::Value(referer)) => {
                self.welcome(Origin::of_url(referer), facts.host).map(|()| Evidence::Weak)
            }
            (HeaderFact::Absent, HeaderFact::Absent) => match facts.sec_fetch_site {
                // `allow_no_origin` is for clients that aren't browsers, but this header comes from
                // one.
                HeaderFact::Value(_) => Err(Refusal::UnknownSite),
                HeaderFact::Malformed => Err(Refusal::MalformedHeaders),
                HeaderFact::Absent if self.allow_no_origin => Ok(Evidence::Weak),
                HeaderFact::Absent => Err(Refusal::NoOrigin),
            },
        }
    }

    fn is_trusted(&self, origin: &Origin) -> bool {
        self.trusted.iter().any(|pattern| pattern.matches(origin))
    }

    /// Accepts an origin that is trusted or our own.
    fn welcome(&self, origin: Option<Origin>, host: HeaderFact<'_>) -> Result<(), Refusal> {
        let Some(origin) = origin else { return Err(Refusal::ForeignOrigin) };
        if self.is_trusted(&origin) {
            return Ok(());
        }
        let own = match (&self.own, host) {
            (OwnOrigin::Fixed(origins), _) => origins.contains(&origin),
            (OwnOrigin::FromHost { .. }, HeaderFact::Malformed) => return Err(Refusal::MalformedHeaders),
            (OwnOrigin::FromHost { scheme }, host) => {
                host.value().and_then(|host| Origin::from_parts(scheme, host)).is_some_and(|own| own == origin)
            }
        };
        if own { Ok(()) } else { Err(Refusal::ForeignOrigin) }
    }
}
