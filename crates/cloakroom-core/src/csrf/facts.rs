//! The parts of a request that the origin check depends on.

/// A request header that must occur only once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a header is absent, there once, or unusable")]
pub enum HeaderFact<'a> {
    /// The header is absent.
    #[default]
    Absent,
    /// The header occurs once, with this value.
    Value(&'a str),
    /// The header occurs several times, or isn't ASCII text. No value can be trusted.
    Malformed,
}

impl<'a> HeaderFact<'a> {
    /// Returns `true` if the header is absent.
    #[must_use]
    pub const fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns the value if the header occurs once.
    #[must_use]
    pub const fn value(self) -> Option<&'a str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Malformed => None,
        }
    }
}

impl<'a> From<&'a str> for HeaderFact<'a> {
    fn from(value: &'a str) -> Self {
        Self::Value(value)
    }
}

impl<'a> From<Option<&'a str>> for HeaderFact<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// The method and headers of a request that the CSRF check depends on.
///
/// Adapters get them from `RequestHead::facts`; [`RequestFacts::new`] is for code without a
/// request.
///
/// # Examples
/// ```
/// use cloakroom_core::{CsrfRules, RequestFacts};
///
/// let facts = RequestFacts::new("POST").host("shop.example").origin("https://shop.example");
/// assert_eq!(CsrfRules::default().check_origin(&facts), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestFacts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The request opens a WebSocket: `GET` with `Upgrade: websocket`, or an extended
    /// `CONNECT`.
    pub handshake: bool,
    /// `Host`, or `:authority` in HTTP/2.
    pub host: HeaderFact<'a>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: HeaderFact<'a>,
    /// `Origin`.
    pub origin: HeaderFact<'a>,
    /// `Referer`.
    pub referer: HeaderFact<'a>,
    /// `Authorization`.
    pub authorization: HeaderFact<'a>,
    /// The request has none of the cookies that the application's sessions use.
    pub without_cookie: bool,
}

impl<'a> RequestFacts<'a> {
    /// Creates the facts of a request with this method and without headers.
    ///
    /// `CONNECT` is a handshake.
    #[must_use]
    pub fn new(method: &'a str) -> Self {
        Self { method, handshake: method == "CONNECT", ..Self::default() }
    }

    /// Marks the request as a WebSocket handshake.
    #[must_use]
    pub const fn handshake(mut self) -> Self {
        self.handshake = true;
        self
    }

    /// Sets `Host`, or `:authority`.
    #[must_use]
    pub fn host(mut self, host: impl Into<HeaderFact<'a>>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets `Sec-Fetch-Site`.
    #[must_use]
    pub fn sec_fetch_site(mut self, site: impl Into<HeaderFact<'a>>) -> Self {
        self.sec_fetch_site = site.into();
        self
    }

    /// Sets `Origin`.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<HeaderFact<'a>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Sets `Referer`.
    #[must_use]
    pub fn referer(mut self, referer: impl Into<HeaderFact<'a>>) -> Self {
        self.referer = referer.into();
        self
    }

    /// Sets `Authorization`.
    #[must_use]
    pub fn authorization(mut self, authorization: impl Into<HeaderFact<'a>>) -> Self {
        self.authorization = authorization.into();
        self
    }

    /// Marks the request as one without any cookie of the application's sessions.
    #[must_use]
    pub const fn without_cookie(mut self) -> Self {
        self.without_cookie = true;
        self
    }
}
