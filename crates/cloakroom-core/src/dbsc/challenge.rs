//! Challenges and identifiers of bindings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ctutils::CtEq as _;

/// The public name of a binding: 128 random bits.
///
/// The browser sends it with each refresh. It isn't derived from the session's id and doesn't
/// change with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BindingId([u8; 16]);

impl BindingId {
    pub(super) const fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Parses the text that [`BindingId`] displays.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindingId({self})")
    }
}

/// A value that a device signs once: 192 random bits.
///
/// # Security
/// It can't be guessed. Only a signature over it is of use, so it may be seen by others.
#[derive(Clone, Copy)]
pub struct Challenge([u8; 24]);

impl Challenge {
    pub(super) const fn from_random(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// Returns the text for a header: 32 characters of base64url.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl PartialEq for Challenge {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Challenge {}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(…)")
    }
}

/// Decodes canonical base64url of exactly `N` bytes.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}
