//! A secret of another framework.

use std::fmt;

use cloakroom_session::ConfigError;
use zeroize::Zeroizing;

/// The secret with which the other application signs or encrypts.
///
/// It may have any length, because its framework sets no minimum.
///
/// # Security
/// The secret is erased from memory on drop, and `Debug` doesn't print it. Short secrets are
/// accepted because the frameworks accept them, but a secret that can be guessed is no safer here.
///
/// # Examples
/// ```
/// use cloakroom_bridge::Secret;
///
/// let text = Secret::from("itsaseekreet");
/// let bytes = Secret::from(b"\x00\xff".as_slice());
/// assert_eq!(format!("{text:?} {bytes:?}"), "Secret(…) Secret(…)");
/// ```
#[derive(Clone)]
pub struct Secret(Kind);

#[derive(Clone)]
enum Kind {
    /// Some frameworks treat text specially.
    Text(Zeroizing<String>),
    Bytes(Zeroizing<Vec<u8>>),
}

impl Secret {
    /// Returns the secret as bytes; text in UTF-8.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Text(text) => text.as_bytes(),
            Kind::Bytes(bytes) => bytes,
        }
    }

    /// Returns the secret if it is text.
    #[cfg(feature = "pyramid")]
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.0 {
            Kind::Text(text) => Some(text),
            Kind::Bytes(_) => None,
        }
    }

    /// Returns the secret as bytes, unless it is empty.
    pub(crate) fn checked(&self, option: &'static str) -> Result<&[u8], ConfigError> {
        match self.bytes() {
            [] => Err(ConfigError::new(option, "is empty: anyone could forge a session")),
            bytes => Ok(bytes),
        }
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Kind::Text(Zeroizing::new(text.to_owned())))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Kind::Text(Zeroizing::new(text)))
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(Kind::Bytes(Zeroizing::new(bytes.to_vec())))
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Bytes(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
