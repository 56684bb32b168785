//! The facts about a request on which the origin check decides.

/// A request header of which only one line makes sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a header is absent, there once, or unusable")]
pub enum HeaderFact<'a> {
    /// No line of this name.
    #[default]
    Absent,
    /// The value of the only line.
    Value(&'a str),
    /// Several lines, or one that isn't ASCII text: no value can be trusted.
    Malformed,
}

impl<'a> HeaderFact<'a> {
    /// Whether the request has no line of this name.
    #[must_use]
    pub const fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value of the only line.
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

/// Method and headers of a request, as far as the CSRF check looks at them.
///
/// Adapters get one from `RequestHead::facts`; [`RequestFacts::new`] is for code that has no
/// request at hand.
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
    /// The request opens a WebSocket: `GET` with `Upgrade: websocket`, or an extended `CONNECT`.
    pub handshake: bool,
    /// `Host`, or `:authority` in HTTP/2.
    pub host: HeaderFact<'a>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: HeaderFact<'a>,
    /// `Origin`.
    pub origin: HeaderFact<'a>,
    /// `Referer`.
    pub referer: HeaderFact<'a>,
}

impl<'a> RequestFacts<'a> {
    /// A request with this method and none of the headers; `CONNECT` is a handshake.
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
}
