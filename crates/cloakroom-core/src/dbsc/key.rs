//! The public key of a device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

use super::challenge::decode;

/// An ES256 key, which was checked to be a point of the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceKey(VerifyingKey);

impl DeviceKey {
    /// Reads a JSON Web Key (RFC 7517): `kty` is `EC`, `crv` is `P-256`.
    pub(super) fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return None;
        }
        Self::from_coordinates(&decode::<32>(text("x")?)?, &decode::<32>(text("y")?)?)
    }

    fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        // The uncompressed form of SEC 1, §2.3.3.
        let point = [&[4], &x[..], y].concat();
        VerifyingKey::from_sec1_bytes(&point).ok().map(Self)
    }

    /// Reads the text form in a record.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = decode::<64>(text)?;
        let (x, y) = bytes.split_first_chunk::<32>()?;
        Self::from_coordinates(x, y.try_into().ok()?)
    }

    /// Returns the text form for a record: both coordinates.
    pub(super) fn spell(&self) -> String {
        let point = self.0.to_sec1_bytes();
        // The first byte says that the point is uncompressed.
        URL_SAFE_NO_PAD.encode(point.get(1..).unwrap_or_default())
    }

    /// Returns whether `signature` is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}
