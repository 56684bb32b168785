//! The hash algorithms with which Pyramid can sign.

use std::fmt;
use std::str::FromStr;

use cloakroom_session::ConfigError;

use crate::mac::Mac;

/// A hash algorithm under its name in Python's `hashlib`: Pyramid's `hashalg`.
///
/// # Examples
/// ```
/// use cloakroom_bridge::HashAlgorithm;
///
/// assert_eq!("sha3_256".parse::<HashAlgorithm>()?, HashAlgorithm::Sha3_256);
/// assert!("shake_128".parse::<HashAlgorithm>().is_err(), "Pyramid can't sign with it either");
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are named after their algorithms")]
#[non_exhaustive]
pub enum HashAlgorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    /// Pyramid's default.
    #[default]
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Blake2b,
    Blake2s,
}

impl HashAlgorithm {
    const ALL: [Self; 14] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_224,
        Self::Sha512_256,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Blake2b,
        Self::Blake2s,
    ];

    /// Returns the algorithm's name in Python.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sha512_224 => "sha512_224",
            Self::Sha512_256 => "sha512_256",
            Self::Sha3_224 => "sha3_224",
            Self::Sha3_256 => "sha3_256",
            Self::Sha3_384 => "sha3_384",
            Self::Sha3_512 => "sha3_512",
            Self::Blake2b => "blake2b",
            Self::Blake2s => "blake2s",
        }
    }

    /// Returns the length of a digest, in bytes.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 | Self::Blake2s => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 | Self::Blake2b => 64,
        }
    }

    pub(crate) fn mac(self, key: &[u8]) -> Result<Mac, ConfigError> {
        match self {
            Self::Md5 => Mac::new::<md5::Md5>(key),
            Self::Sha1 => Mac::new::<sha1::Sha1>(key),
            Self::Sha224 => Mac::new::<sha2::Sha224>(key),
            Self::Sha256 => Mac::new::<sha2::Sha256>(key),
            Self::Sha384 => Mac::new::<sha2::Sha384>(key),
            Self::Sha512 => Mac::new::<sha2::Sha512>(key),
            Self::Sha512_224 => Mac::new::<sha2::Sha512_224>(key),
            Self::Sha512_256 => Mac::new::<sha2::Sha512_256>(key),
            Self::Sha3_224 => Mac::new::<sha3::Sha3_224>(key),
            Self::Sha3_256 => Mac::new::<sha3::Sha3_256>(key),
            Self::Sha3_384 => Mac::new::<sha3::Sha3_384>(key),
            Self::Sha3_512 => Mac::new::<sha3::Sha3_512>(key),
            Self::Blake2b => Mac::new::<blake2::Blake2b512>(key),
            Self::Blake2s => Mac::new::<blake2::Blake2s256>(key),
        }
    }
}

impl FromStr for HashAlgorithm {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name);
        known.ok_or_else(|| ConfigError::new("hashalg", format!("{name:?} isn't a hash that Pyramid signs with")))
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
