//! The headers of a response of any framework.

use std::borrow::Cow;

/// The headers of a response of any framework. Names are passed in lower case.
///
/// Methods added in a later release have a default implementation.
pub trait ResponseHeaders {
    /// Returns the names of all headers. A name with several lines may be returned several times.
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>>;

    /// Returns the values of a header, one for each of its lines.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Appends a line.
    fn append(&mut self, name: &'static str, value: &'static str);

    /// Removes all lines of a name that [`ResponseHeaders::names`] returned.
    fn remove(&mut self, name: &str);

    /// Replaces all lines of this name with one line.
    fn replace(&mut self, name: &'static str, value: &'static str);

    /// Appends a line marked sensitive, which keeps it out of logs and of HTTP/2's header
    /// compression tables. Returns `false` if the text isn't a valid header value.
    ///
    /// It is a `Set-Cookie` line, or the id for a client that sends its id in a header.
    fn append_secret(&mut self, name: &'static str, value: String) -> bool;
}
