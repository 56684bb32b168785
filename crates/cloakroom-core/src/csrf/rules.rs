//! The check of the request's head, and the options of the whole check.

use super::builder::CsrfRulesBuilder;
use super::decision::CsrfDecision;
use super::facts::{HeaderFact, RequestFacts};
use super::origin::{Origin, OriginPattern};
use super::refusal::Refusal;

/// The largest part of a form that is read in search of the token, unless configured: 1 MiB.
const BODY_LIMIT: usize = 1024 * 1024;

/// How the application's own origin is known.
///
/// # Security
/// It is never inferred from forwarding headers, which a client can write: whether the application
/// is on TLS is configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnOrigin {
    /// These origins, whatever the `Host` header says.
    Fixed(Vec<Origin>),
    /// This scheme and the request's `Host` header.
    FromHost { scheme: &'static str },
}

/// When a request must bring the token, after its origin was found to be good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPolicy {
    /// Always: a check of its own, which NIST SP 800-63B-4 §5.1 asks for.
    Always,
    /// Where neither `Sec-Fetch-Site` nor `Origin` says where the request comes from. The default.
    #[default]
    WhenUnsure,
    /// Never: the origin alone decides, as in Go 1.25, .NET 11 and tower-http.
    Never,
}

/// What an origin that is good was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// `Sec-Fetch-Site` or `Origin`, which a page can't write.
    Headers,
    /// `Referer` at best, which pages, browsers and proxies remove; or the rules don't ask.
    Weak,
}

/// The options of the CSRF checks.
///
/// [`CsrfRules::default`] is right for most applications: the origin is checked, and the token
/// where the browser doesn't say where a request comes from. [`CsrfRules::builder`] changes that.
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
        }
    }
}

impl CsrfRules {
    /// Options other than the defaults.
    pub fn builder() -> CsrfRulesBuilder {
        CsrfRulesBuilder::default()
    }

    /// Whether requests with this method are checked at all.
    #[must_use]
    pub fn covers(&self, method: &str) -> bool {
        !self.safe_methods.iter().any(|safe| safe == method)
    }

    /// When the token is asked for.
    #[must_use]
    pub const fn token_policy(&self) -> TokenPolicy {
        self.token
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

    /// The limit for [`CsrfRulesBuilder::body_limit`], in bytes.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.body_limit
    }

    /// Decides on a request's head: not covered, passed, refused, or its token is needed.
    ///
    /// 1. A WebSocket handshake is checked by its origin, never by a token, which browsers can't
    ///    add. A client that sends neither `Origin` nor `Sec-Fetch-Site` isn't a browser (RFC 6455
    ///    §4.1) and passes.
    /// 2. A safe method isn't covered.
    /// 3. Every other request is checked by its origin, and then by its token as the
    ///    [`TokenPolicy`] says.
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

    /// Decides on a request as if its method were unsafe: for forms that must be ours whatever
    /// their route says.
    #[must_use]
    pub fn decide_covered(&self, facts: &RequestFacts<'_>) -> CsrfDecision {
        match (self.evidence(facts), self.token) {
            (Err(refusal), _) => CsrfDecision::Refused(refusal),
            (Ok(_), TokenPolicy::Always) | (Ok(Evidence::Weak), TokenPolicy::WhenUnsure) => CsrfDecision::TokenNeeded,
            (Ok(_), TokenPolicy::Never) | (Ok(Evidence::Headers), TokenPolicy::WhenUnsure) => CsrfDecision::Passed,
        }
    }

    fn decide_handshake(&self, facts: &RequestFacts<'_>) -> CsrfDecision {
        if facts.origin.is_absent() && facts.sec_fetch_site.is_absent() {
            return CsrfDecision::Passed;
        }
        CsrfDecision::of(self.check_origin(facts))
    }

    /// The origin check alone: may a request from there change something here?
    ///
    /// # Errors
    /// The [`Refusal`] if it may not.
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
            // Absent, or a value that this version of the standard doesn't know (OWASP: ignore it
            // and fall back).
            _ => self.fall_back(facts),
        }
    }

    /// The check of a request whose `Sec-Fetch-Site` decides nothing.
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
                // `allow_no_origin` is for clients that aren't browsers. These are headers of one.
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

    /// Whether this origin is trusted or our own.
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
