//! The cookies of our name that a request brings, tried one after the other.

use cloakroom_core::{CookieHeader, Rejected};

use crate::meter;

/// The values of one cookie that a factory tries to open, and the reasons why those that don't open
/// are refused.
///
/// At most four are tried ([`CookieHeader::candidates`]). When it is dropped, all that was rejected
/// is one trace event, however many cookies the request brought. For factories.
///
/// # Examples
/// ```
/// use cloakroom_session::{Candidates, CookieHeader, Rejected};
///
/// let header = CookieHeader::new([b"sid=7; sid=seven".as_slice()]);
/// let mut candidates = Candidates::new(&header, "sid");
/// let mut opened = None;
/// while let Some(value) = candidates.next_value() {
///     match value.parse::<u32>() {
///         Ok(id) => {
///             opened = Some(id);
///             break;
///         }
///         Err(_) => candidates.reject(Rejected::Malformed),
///     }
/// }
/// assert_eq!((opened, candidates.first_rejected()), (Some(7), Some(Rejected::Malformed)));
/// ```
#[derive(Debug)]
pub struct Candidates<'a> {
    cookies: &'a CookieHeader<'a>,
    name: &'a str,
    framework: Option<&'static str>,
    tried: usize,
    rejected: Reasons,
}

impl<'a> Candidates<'a> {
    /// The candidates for the cookie called `name`.
    #[must_use]
    pub const fn new(cookies: &'a CookieHeader<'a>, name: &'a str) -> Self {
        Self {
            cookies,
            name,
            framework: None,
            tried: 0,
            rejected: Reasons { first: None, count: 0, words: String::new() },
        }
    }

    /// Names the framework with which the cookie is shared in the trace event.
    #[must_use]
    pub const fn of_framework(mut self, framework: &'static str) -> Self {
        self.framework = Some(framework);
        self
    }

    /// The next value to try, the last cookie first. `None` after the last one.
    pub fn next_value(&mut self) -> Option<&'a str> {
        loop {
            // From the start each time, which is four times at most: an iterator kept here would
            // need a name for its type.
            let candidate = self.cookies.candidates(self.name).nth(self.tried)?;
            self.tried += 1;
            match candidate {
                Ok(value) => return Some(value),
                Err(why) => self.reject(why),
            }
        }
    }

    /// Notes why the value that was tried last doesn't open, and counts it.
    pub fn reject(&mut self, why: Rejected) {
        meter::rejected(why.as_str());
        self.rejected.note(why);
    }

    /// Why the first value didn't open, if one didn't: what a session without an opened cookie
    /// keeps.
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
    /// The short names, each once.
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
