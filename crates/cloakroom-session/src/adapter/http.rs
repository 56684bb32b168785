//! The types of `http` 1, which axum, hyper and most tower services speak.

use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::{RequestHead, ResponseHeaders};

impl RequestHead for Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}

impl ResponseHeaders for HeaderMap {
    fn lines<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    fn append(&mut self, name: &'static str, value: &'static str) {
        Self::append(self, name, HeaderValue::from_static(value));
    }

    fn replace(&mut self, name: &'static str, value: &'static str) {
        self.insert(name, HeaderValue::from_static(value));
    }

    fn append_cookie(&mut self, line: String) -> bool {
        let Ok(mut value) = HeaderValue::try_from(line) else { return false };
        value.set_sensitive(true);
        Self::append(self, http::header::SET_COOKIE, value);
        true
    }
}
