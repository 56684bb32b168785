//! RS256 keys, for devices whose hardware has no ES256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The sizes of a modulus in bytes: 2,048 to 4,096 bits. A signature has the size of the modulus.
const SIZES: std::ops::RangeInclusive<usize> = 256..=512;

/// The feature: this build verifies signatures of RS256.
pub(super) const IS_BUILT_IN: bool = cfg!(feature = "dbsc-rs256");

/// The modulus of an RS256 key, big-endian. The exponent is 65,537, which all browsers use.
///
/// A build without the feature `dbsc-rs256` reads and writes it, but verifies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modulus(Box<[u8]>);

impl Modulus {
    /// Reads a JSON Web Key (RFC 7518 §6.3.1): `kty` is `RSA`, `e` is 65,537.
    pub(super) fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        if !IS_BUILT_IN || text("kty") != Some("RSA") || text("e") != Some("AQAB") {
            return None;
        }
        Self::parse(text("n")?)
    }

    /// Reads the text form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        // The first byte of a number of exactly 2,048 bits has its highest bit set.
        let least = if bytes.len() == *SIZES.start() { 0x80 } else { 1 };
        let is_right = is_size(&bytes) && bytes.first().is_some_and(|first| *first >= least);
        is_right.then(|| Self(bytes.into()))
    }

    /// Returns the text form.
    pub(super) fn spell(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Returns whether `signature` is this key's signature of `message`.
    #[cfg(feature = "dbsc-rs256")]
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

        let key = RsaPublicKeyComponents { n: &*self.0, e: [1, 0, 1].as_slice() };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }

    /// Returns `false`: this build verifies no RS256.
    #[cfg(not(feature = "dbsc-rs256"))]
    pub(super) const fn verifies(&self, _message: &[u8], _signature: &[u8]) -> bool {
        false
    }
}

/// Returns whether a modulus or a signature may have this size.
pub(super) fn is_size(bytes: &[u8]) -> bool {
    SIZES.contains(&bytes.len())
}
