//! The proof of a device: a JSON Web Token that is signed with its key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::challenge::Challenge;
use super::key::{Algorithm, DeviceKey, DeviceSignature};
use super::refused::RefusedProof;

/// The longest proof that is read, in bytes. Chromium's have about 400, or 1,150 with RS256.
const LONGEST: usize = 4096;

/// A proof whose signature isn't checked yet.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    signed: &'a str,
    signature: DeviceSignature,
    /// The key in the proof, which only a registration has.
    pub(super) key: Option<DeviceKey>,
    /// The signed challenge; `None` if it is none of ours.
    pub(super) challenge: Option<Challenge>,
}

impl<'a> Proof<'a> {
    /// Reads a proof: `typ` must be `dbsc+jwt`, and `alg` an algorithm that we offer.
    pub(super) fn read(text: &'a str) -> Result<Self, RefusedProof> {
        if text.len() > LONGEST {
            return Err(RefusedProof::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(RefusedProof::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(RefusedProof::Malformed)?;
        let (header, payload) = (object(header)?, object(payload)?);
        if header.get("typ").and_then(Value::as_str) != Some("dbsc+jwt") {
            return Err(RefusedProof::WrongType);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or(RefusedProof::WrongAlgorithm)?;
        // Extensions that must be understood (RFC 7515 §4.1.11): we understand none.
        if header.get("crit").is_some() {
            return Err(RefusedProof::Malformed);
        }
        let key = match header.get("jwk") {
            Some(jwk) => Some(DeviceKey::from_jwk(algorithm, jwk).ok_or(RefusedProof::WrongKey)?),
            None => None,
        };
        let signature = bytes(signature).and_then(|bytes| DeviceSignature::read(algorithm, bytes));
        let challenge = payload.get("jti").and_then(Value::as_str).ok_or(RefusedProof::Malformed)?;
        Ok(Self {
            signed,
            signature: signature.ok_or(RefusedProof::Malformed)?,
            key,
            challenge: Challenge::parse(challenge),
        })
    }

    /// Checks that this key has signed the proof.
    pub(super) fn check(&self, key: &DeviceKey) -> Result<(), RefusedProof> {
        key.verify(self.signed.as_bytes(), &self.signature)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn object(text: &str) -> Result<Value, RefusedProof> {
    let value = bytes(text).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    value.filter(Value::is_object).ok_or(RefusedProof::Malformed)
}
