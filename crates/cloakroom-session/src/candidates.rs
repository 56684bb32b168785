//! The candidate cookies of a request, tried in turn.

use cloakroom_core::{CookieCandidates, CookieHeader, CookieOrder, Rejected, Timestamp};

use crate::meter;

/// The candidate values of a cookie, and the reasons for rejecting them.
///
/// At most four are tried ([`CookieHeader::candidates`]). On drop, all rejections are reported in
/// one trace event, regardless of the number of cookies in the request. For factories.
///
/// # Examples
/// ```
/// use cloakroom_session::factory::{Candidates, CookieHeader, Rejected};
///
/// let header = CookieHeader::new([b"sid=7; sid=seven".as_slice()]);
/// let candidates = || Candidates::new(&header, "sid");
/// let opened = candidates().open_first(|value| value.parse::<u32>().map_err(|_| Rejected::Malformed));
/// assert_eq!(opened, Ok(7));
///
/// // A factory that awaits its store tries one value at a time.
/// let mut candidates = candidates();
/// while let Some(value) = candidates.next_value() {
///     if candidates.accept(value.parse::<u8>().map_err(|_| Rejected::Malformed)).is_some() {
///         break;
///     }
/// }
/// assert_eq!(candidates.first_rejected(), Some(Rejected::Malformed));
/// ```
#[derive(Debug)]
pub struct Candidates<'a> {
    cookies: &'a CookieHeader<'a>,
    name: &'a str,
    framework: Option<&'static str>,
    rest: CookieCandidates<'a, 'a>,
    tried: usize,
    rejected: Reasons,
}

impl<'a> Candidates<'a> {
    /// Creates the candidates for the cookie `name`.
    #[must_use]
    pub fn new(cookies: &'a CookieHeader<'a>, name: &'a str) -> Self {
        Self {
            cookies,
            name,
            framework: None,
            rest: cookies.candidates(name),
            tried: 0,
            rejected: Reasons { first: None, count: 0, words: String::new() },
        }
    }

    /// Adds the name of the framework that shares the cookie to the trace event.
    #[must_use]
    pub const fn of_framework(mut self, framework: &'static str) -> Self {
        self.framework = Some(framework);
        self
    }

    /// Sets the order in which cookies are tried. The default is the last one first.
    #[must_use]
    pub fn in_order(mut self, order: CookieOrder) -> Self {
        self.rest = self.cookies.candidates_in(self.name, order);
        self
    }

    /// Returns the first value that opens.
    ///
    /// If another framework shares the cookie, a trace event tells when another value opens as
    /// well: the browser then has two sessions, usually under different paths or domains.
    ///
    /// # Errors
    /// Returns the first reason for a rejection, or `None` if the request has no such cookie.
    pub fn open_first<T>(mut self, open: impl Fn(&'a str) -> Result<T, Rejected>) -> Result<T, Option<Rejected>> {
        while let Some(value) = self.next_value() {
            if let Some(opened) = self.accept(open(value)) {
                self.report_others(value, |other| open(other).is_ok());
                return Ok(opened);
            }
        }
        Err(self.first_rejected())
    }

    /// Returns the value that opens and was used last, by the time that `used` returns.
    ///
    /// A browser has several cookies of one name if a deployment changed the cookie's path or
    /// domain. If two were used at the same time, the one that is tried first counts. Values that
    /// don't open are rejected only until one opens.
    ///
    /// # Errors
    /// Returns the first reason for a rejection, or `None` if the request has no such cookie.
    pub fn open_latest<T>(
        mut self,
        open: impl Fn(&'a str) -> Result<T, Rejected>,
        used: impl Fn(&T) -> Timestamp,
    ) -> Result<T, Option<Rejected>> {
        while let Some(value) = self.next_value() {
            if let Some(opened) = self.accept(open(value)) {
                return Ok(self
                    .others(value)
                    .filter_map(|other| open(other).ok())
                    .fold(opened, |latest, other| if used(&other) > used(&latest) { other } else { latest }));
            }
        }
        Err(self.first_rejected())
    }

    /// Returns the values that haven't been tried yet, except for copies of `opened`.
    pub fn others<'b>(&'b self, opened: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        self.rest.clone().flatten().filter(move |other| *other != opened)
    }

    /// Reports in a trace event that other values than the `opened` one open as well.
    pub fn report_others(&self, opened: &str, opens: impl Fn(&'a str) -> bool) {
        let Some(framework) = self.framework else { return };
        let count = self.others(opened).filter(|other| opens(other)).count();
        if count > 0 {
            tracing::info!(cookie = self.name, framework, others = count, "several session cookies open");
        }
    }

    /// Returns the next value to try.
    ///
    /// Returns `None` after the last value.
    pub fn next_value(&mut self) -> Option<&'a str> {
        loop {
            let candidate = self.rest.next()?;
            self.tried += 1;
            match candidate {
                Ok(value) => return Some(value),
                Err(why) => self.reject(why),
            }
        }
    }

    /// Returns an opened value, or records the reason for rejecting it.
    pub fn accept<T>(&mut self, opened: Result<T, Rejected>) -> Option<T> {
        opened.map_err(|why| self.reject(why)).ok()
    }

    /// Records and counts the reason for rejecting the value that was tried last.
    pub fn reject(&mut self, why: Rejected) {
        meter::rejected(why.as_str());
        self.rejected.note(why);
    }

    /// Returns the first reason for a rejection.
    ///
    /// A session without an opened cookie keeps this reason.
    #[must_use]
    pub const fn first_rejected(&self) -> Option<Rejected> {
        self.rejected.first
    }
}

impl Drop for Candidates<'_> {
    fn drop(&mut self) {
        let Some(why) = self.rejected.first else { return };
        tracing::info!(
            cookie = self.name,
            framework = self.framework,
            reason = self.rejected.words,
            count = self.rejected.count,
            ignored = self.cookies.last_first(self.name).skip(self.tried).count(),
            "session cookie rejected: {why}"
        );
    }
}

#[derive(Debug)]
struct Reasons {
    first: Option<Rejected>,
    count: u32,
    /// The short names, without repetitions.
    words: String,
}

impl Reasons {
    fn note(&mut self, why: Rejected) {
        self.first = self.first.or(Some(why));
        self.count += 1;
        if self.words.split(", ").all(|word| word != why.as_str()) {
            let comma = if self.words.is_empty() { "" } else { ", " };
            self.words.push_str(comma);
            self.words.push_str(why.as_str());
        }
    }
}
