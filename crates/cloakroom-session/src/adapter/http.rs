//! The types of `http` 1, which axum, hyper and most tower services use.

use std::borrow::Cow;

use http::header::{self, GetAll, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request};

use super::names::standard_names;
use super::{RequestHead, ResponseHeaders};

impl RequestHead for Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn target(&self) -> Cow<'_, str> {
        self.uri.path_and_query().map_or("/", |target| target.as_str()).into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        all(&self.headers, name).into_iter().map(HeaderValue::as_bytes)
    }
}

impl<B> RequestHead for Request<B> {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.uri().authority().map(|authority| authority.as_str())
    }

    fn target(&self) -> Cow<'_, str> {
        self.uri().path_and_query().map_or("/", |target| target.as_str()).into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        all(self.headers(), name).into_iter().map(HeaderValue::as_bytes)
    }
}

impl ResponseHeaders for HeaderMap {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.keys().map(|name| name.as_str().into())
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        all(self, name).into_iter().map(HeaderValue::as_bytes)
    }

    fn append(&mut self, name: &'static str, value: &'static str) {
        Self::append(self, named(name), HeaderValue::from_static(value));
    }

    fn remove(&mut self, name: &str) {
        Self::remove(self, name);
    }

    fn replace(&mut self, name: &'static str, value: &'static str) {
        self.insert(named(name), HeaderValue::from_static(value));
    }

    fn append_secret(&mut self, name: &'static str, value: String) -> bool {
        let Ok(mut value) = HeaderValue::try_from(value) else { return false };
        value.set_sensitive(true);
        Self::append(self, named(name), value);
        true
    }
}

standard_names!();

fn named(name: &'static str) -> HeaderName {
    standard(name).unwrap_or_else(|| HeaderName::from_static(name))
}

pub(super) fn all<'a>(headers: &'a HeaderMap, name: &str) -> GetAll<'a, HeaderValue> {
    match standard(name) {
        Some(name) => headers.get_all(name),
        None => headers.get_all(name),
    }
}
