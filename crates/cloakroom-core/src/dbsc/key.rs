//! The public key of a device, and its signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

use super::challenge::decode;
use super::refused::RefusedProof;
use super::rs256::{self, Modulus};

/// The first character of an RS256 key in a record. No key of ES256 begins with it.
const RS256: char = '~';

/// An algorithm that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Es256,
    Rs256,
}

impl Algorithm {
    /// Reads `alg` of a JSON Web Token. Other algorithms, for example `none`, are never accepted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "ES256" => Some(Self::Es256),
            "RS256" if rs256::IS_BUILT_IN => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// The algorithms that this build offers to browsers, as a list of structured fields (RFC 9651
/// §3.1.1). A browser takes the first one that its device has.
pub(super) const OFFERED: &str = if rs256::IS_BUILT_IN { "(ES256 RS256)" } else { "(ES256)" };

/// A signature that isn't checked yet.
#[derive(Debug)]
pub(super) enum DeviceSignature {
    Es256(Signature),
    Rs256(Vec<u8>),
}

impl DeviceSignature {
    /// Checks the size of a signature, and that the numbers of an ES256 signature are in range.
    pub(super) fn read(algorithm: Algorithm, bytes: Vec<u8>) -> Option<Self> {
        match algorithm {
            Algorithm::Es256 => Signature::from_slice(&bytes).ok().map(Self::Es256),
            Algorithm::Rs256 => rs256::is_size(&bytes).then_some(Self::Rs256(bytes)),
        }
    }
}

/// The public key of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeviceKey {
    Es256(Point),
    Rs256(Modulus),
}

impl DeviceKey {
    /// Reads a JSON Web Key (RFC 7517) for this algorithm.
    pub(super) fn from_jwk(algorithm: Algorithm, jwk: &Value) -> Option<Self> {
        match algorithm {
            Algorithm::Es256 => Point::from_jwk(jwk).map(Self::Es256),
            Algorithm::Rs256 => Modulus::from_jwk(jwk).map(Self::Rs256),
        }
    }

    /// Reads the text form in a record.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(RS256) {
            Some(modulus) => Modulus::parse(modulus).map(Self::Rs256),
            None => decode(text).map(|bytes| Self::Es256(Point(bytes))),
        }
    }

    /// Returns the text form for a record.
    pub(super) fn spell(&self) -> String {
        match self {
            Self::Es256(point) => URL_SAFE_NO_PAD.encode(point.0),
            Self::Rs256(modulus) => format!("{RS256}{}", modulus.spell()),
        }
    }

    /// Returns whether this build can verify signatures of this key.
    pub(super) const fn is_supported(&self) -> bool {
        match self {
            Self::Es256(_) => true,
            Self::Rs256(_) => rs256::IS_BUILT_IN,
        }
    }

    /// Checks that `signature` is this key's signature of `message`.
    ///
    /// The algorithm is the key's, not the proof's.
    pub(super) fn verify(&self, message: &[u8], signature: &DeviceSignature) -> Result<(), RefusedProof> {
        let is_right = match (self, signature) {
            (Self::Es256(key), DeviceSignature::Es256(signature)) => key.verifies(message, signature),
            (Self::Rs256(key), DeviceSignature::Rs256(signature)) => key.verifies(message, signature),
            _ => return Err(RefusedProof::WrongAlgorithm),
        };
        if is_right { Ok(()) } else { Err(RefusedProof::Forged) }
    }
}

/// An ES256 key: both coordinates.
///
/// It is checked to be a point of the curve when it is registered, and when it verifies. Reading a
/// record doesn't check it, because each request of a bound session reads one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point([u8; 64]);

impl Point {
    /// Reads a JSON Web Key (RFC 7518 §6.2.1): `kty` is `EC`, `crv` is `P-256`.
    fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return None;
        }
        let coordinates = [decode::<32>(text("x")?)?, decode::<32>(text("y")?)?];
        let point = Self(coordinates.as_flattened().try_into().ok()?);
        point.on_curve().map(|_| point)
    }

    fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.on_curve().is_some_and(|key| key.verify(message, signature).is_ok())
    }

    fn on_curve(&self) -> Option<VerifyingKey> {
        // The uncompressed form of SEC 1, §2.3.3.
        VerifyingKey::from_sec1_bytes(&[&[4], &self.0[..]].concat()).ok()
    }
}
