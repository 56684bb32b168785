//! Parsing of the `Cookie` header of a request.

use std::fmt;

use super::MAX_COOKIE;
use crate::seal::Rejected;

/// The maximum number of values of one name that are tried. A browser sends one of our cookies, or
/// two during a change of attributes. More are a mistake or an attack, and each costs a signature
/// check or a round trip.
const MOST_CANDIDATES: usize = 4;

/// The `Cookie` header lines of a request.
///
/// HTTP/2 may split the header into several lines (RFC 9113 §8.2.3); they form one list.
///
/// # Examples
/// ```
/// use cloakroom_core::CookieHeader;
///
/// let header = CookieHeader::new([b"a=1; session=old; b=2".as_slice(), b"session=\"new\""]);
/// assert_eq!(header.last_first("session").collect::<Vec<_>>(), ["new", "old"]);
/// ```
///
/// # Security
/// `Debug` prints only sizes.
#[derive(Clone, Default)]
pub struct CookieHeader<'a> {
    /// Separate from the others, because there is rarely a second line.
    first: Option<&'a [u8]>,
    others: Vec<&'a [u8]>,
    /// The value of the session cookie, under every name.
    bare: Option<&'a [u8]>,
}

/// The cookie that counts if a request has several of one name and more than one opens.
///
/// Browsers send the cookie with the longest path first. Frameworks differ: Pyramid, Django and
/// Beaker take the last cookie; Flask, Express, Rails and Plug take the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieOrder {
    /// The last cookie that opens.
    #[default]
    LastFirst,
    /// The first cookie that opens.
    FirstFirst,
}

impl<'a> CookieHeader<'a> {
    /// Creates the header from its lines.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut lines = lines.into_iter();
        Self { first: lines.next(), others: lines.collect(), bare: None }
    }

    /// Creates a header with one cookie, which has every name.
    ///
    /// For clients that send the value of the session cookie in another header.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CookieHeader;
    ///
    /// let header = CookieHeader::bare(b"abc");
    /// assert_eq!(header.last_first("session").collect::<Vec<_>>(), ["abc"]);
    /// ```
    #[must_use]
    pub const fn bare(value: &'a [u8]) -> Self {
        Self { first: None, others: Vec::new(), bare: Some(value) }
    }

    fn lines(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// Returns the values of all cookies called `name`, the last one first.
    ///
    /// Quotes around a value are removed. A value that isn't UTF-8 is returned as an empty one. The
    /// order matters only if several values open: browsers send the cookie with the longest path,
    /// the most specific one, first, but Pyramid takes the last.
    pub fn last_first<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        self.values(name)
    }

    fn values<'b>(&'b self, name: &'b str) -> Values<'b, 'a> {
        let lines = usize::from(self.first.is_some()) + self.others.len();
        Values { header: self, name, bare: self.bare, lines, pairs: Pairs { rest: None } }
    }

    fn line(&self, at: usize) -> Option<&'a [u8]> {
        at.checked_sub(1).map_or(self.first, |at| self.others.get(at).copied())
    }

    /// Returns the values of `name` that a factory tries, the last one first: at most four.
    ///
    /// A value of more than 4,096 bytes is [`Rejected::TooLong`] and isn't read.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CookieHeader, Rejected};
    ///
    /// let long = format!("session={}", "x".repeat(4097));
    /// let header = CookieHeader::new([b"session=1; session=2; session=3; session=4".as_slice(), long.as_bytes()]);
    /// let candidates: Vec<_> = header.candidates("session").collect();
    /// assert_eq!(candidates, [Err(Rejected::TooLong), Ok("4"), Ok("3"), Ok("2")]);
    /// ```
    #[must_use]
    pub fn candidates<'b>(&'b self, name: &'b str) -> CookieCandidates<'b, 'a> {
        self.candidates_in(name, CookieOrder::LastFirst)
    }

    /// Returns the values of `name` that a factory tries, in this order: at most four.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CookieHeader, CookieOrder};
    ///
    /// let header = CookieHeader::new([b"session=1; session=2".as_slice()]);
    /// let candidates: Vec<_> = header.candidates_in("session", CookieOrder::FirstFirst).collect();
    /// assert_eq!(candidates, [Ok("1"), Ok("2")]);
    /// ```
    #[must_use]
    pub fn candidates_in<'b>(&'b self, name: &'b str, order: CookieOrder) -> CookieCandidates<'b, 'a> {
        let order = match order {
            CookieOrder::LastFirst => Order::LastFirst(self.values(name)),
            CookieOrder::FirstFirst => {
                let mut values: Vec<_> = self.values(name).collect();
                values.reverse();
                Order::FirstFirst(values.into_iter())
            }
        };
        CookieCandidates { order, left: MOST_CANDIDATES }
    }

    /// Returns `true` if the request has no `Cookie` header.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Returns `true` if there is a cookie called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.last_first(name).next().is_some()
    }
}

impl fmt::Debug for CookieHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || self.lines().chain(self.bare);
        let bytes: usize = lines().map(<[u8]>::len).sum();
        write!(f, "CookieHeader({} lines, {bytes} bytes)", lines().count())
    }
}

/// The values of one name that a factory tries: see [`CookieHeader::candidates_in`].
///
/// # Security
/// `Debug` prints only their number.
#[derive(Clone)]
pub struct CookieCandidates<'h, 'a> {
    order: Order<'h, 'a>,
    left: usize,
}

#[derive(Clone)]
enum Order<'h, 'a> {
    LastFirst(Values<'h, 'a>),
    FirstFirst(std::vec::IntoIter<&'a str>),
}

impl<'a> Iterator for CookieCandidates<'_, 'a> {
    type Item = Result<&'a str, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let value = match &mut self.order {
            Order::LastFirst(values) => values.next(),
            Order::FirstFirst(values) => values.next(),
        }?;
        Some(if value.len() > MAX_COOKIE { Err(Rejected::TooLong) } else { Ok(value) })
    }
}

impl fmt::Debug for CookieCandidates<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieCandidates({})", self.clone().count())
    }
}

/// The values of one name, the last one first.
#[derive(Clone)]
struct Values<'h, 'a> {
    header: &'h CookieHeader<'a>,
    name: &'h str,
    bare: Option<&'a [u8]>,
    /// The number of lines that weren't begun.
    lines: usize,
    pairs: Pairs<'a>,
}

impl<'a> Iterator for Values<'_, 'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if let Some(value) = self.bare.take() {
            return Some(std::str::from_utf8(value).unwrap_or_default());
        }
        loop {
            let name = self.name.as_bytes();
            if let Some(value) = self.pairs.find_map(|pair| value_of(pair, name)) {
                return Some(value);
            }
            self.lines = self.lines.checked_sub(1)?;
            self.pairs.rest = self.header.line(self.lines);
        }
    }
}

/// The parts of a line between its semicolons, in reverse order.
#[derive(Clone)]
struct Pairs<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest?;
        let Some(stop) = memchr::memrchr(b';', line) else { return self.rest.take() };
        self.rest = line.get(..stop);
        line.get(stop + 1..)
    }
}

fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let value = pair.trim_ascii_start().strip_prefix(name)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    let unquoted = value.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\""));
    Some(std::str::from_utf8(unquoted.unwrap_or(value)).unwrap_or_default())
}
