//! The public key of a device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

use super::challenge::decode;

/// An ES256 key: both coordinates.
///
/// It is checked to be a point of the curve when it is registered, and when it verifies. Reading a
/// record doesn't check it, because each request of a bound session reads one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceKey([u8; 64]);

impl DeviceKey {
    /// Reads a JSON Web Key (RFC 7517): `kty` is `EC`, `crv` is `P-256`.
    pub(super) fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return None;
        }
        let coordinates = [decode::<32>(text("x")?)?, decode::<32>(text("y")?)?];
        let key = Self(coordinates.as_flattened().try_into().ok()?);
        key.point().map(|_| key)
    }

    /// Reads the text form in a record.
    pub(super) fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// Returns the text form for a record.
    pub(super) fn spell(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns whether `signature` is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.point().is_some_and(|key| key.verify(message, signature).is_ok())
    }

    fn point(&self) -> Option<VerifyingKey> {
        // The uncompressed form of SEC 1, §2.3.3.
        VerifyingKey::from_sec1_bytes(&[&[4], &self.0[..]].concat()).ok()
    }
}
