//! A request of a browser to register its device or to refresh, as adapters see it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloakroom_core::SetCookie;

use crate::dyn_factory::BoxFuture;

/// The answer to a request of a browser that registers its device or refreshes its bound cookie.
///
/// [`SessionSlot::device_call`](crate::adapter::SessionSlot::device_call) returns this future. The
/// request doesn't reach a handler, nor a CSRF check. The future is independent of the request, so
/// that an adapter can drop the request's body unread.
#[must_use = "futures do nothing unless polled"]
pub struct DeviceCall(BoxFuture<'static, DeviceAnswer>);

impl DeviceCall {
    #[cfg(feature = "dbsc")]
    pub(super) fn new(answer: impl Future<Output = DeviceAnswer> + Send + 'static) -> Self {
        Self(Box::pin(answer))
    }
}

impl Future for DeviceCall {
    type Output = DeviceAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DeviceAnswer> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for DeviceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCall").finish_non_exhaustive()
    }
}

/// A response to a browser that registers its device or refreshes its bound cookie.
///
/// No cache may store it.
#[derive(Clone, Debug)]
pub struct DeviceAnswer {
    status: u16,
    body: Cow<'static, str>,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    cookies: Vec<SetCookie>,
}

impl DeviceAnswer {
    /// Returns the status: 200, 400, 401, 403, 500 or 503.
    ///
    /// It must reach the browser unchanged: a redirect or 429 would end the browser's session.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the headers, with names in lower case. `set-cookie` may occur several times.
    ///
    /// # Security
    /// Mark their values as sensitive, like those of all cookies.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let common = [("content-type", self.content_type), ("cache-control", "no-store")];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        common.into_iter().chain(own).chain(self.cookies.iter().map(|cookie| ("set-cookie", cookie.as_str())))
    }
}

#[cfg(feature = "dbsc")]
impl DeviceAnswer {
    /// Creates an answer with a short text.
    pub(super) fn words(status: u16, words: &'static str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, body: words.into(), content_type, headers: Vec::new(), cookies: Vec::new() }
    }

    pub(super) fn json(status: u16, json: String) -> Self {
        Self { body: json.into(), content_type: "application/json", ..Self::words(status, "") }
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn cookies(mut self, cookies: impl IntoIterator<Item = SetCookie>) -> Self {
        self.cookies.extend(cookies);
        self
    }
}
