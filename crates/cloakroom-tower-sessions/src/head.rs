//! The headers of a request that opening its session needs.

use std::borrow::Cow;

use cloakroom_session::adapter::{RequestHead, RequestKind};
use http::{HeaderMap, HeaderValue};

/// A copy of the headers that name the session and the kind of the request.
///
/// The session is opened after the request has been passed on, so the layer keeps them. Copies of
/// header values share their text.
pub(crate) struct Head(Vec<(&'static str, HeaderValue)>);

const COOKIE: &str = "cookie";

impl Head {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let names = [COOKIE, RequestKind::DESTINATION_HEADER];
        let names = names.into_iter().chain(RequestKind::PURPOSE_HEADERS.iter().copied());
        Self(names.flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value.clone()))).collect())
    }

    pub(crate) fn has_cookies(&self) -> bool {
        self.0.iter().any(|(name, _)| *name == COOKIE)
    }
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        ""
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn target(&self) -> Cow<'_, str> {
        "".into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}
