//! A device that signs proofs as Chromium does, and wrong ones.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_core::dbsc::{Binding, BoundLife, Challenge, DeviceRequest, Refresh};
use cloakroom_core::{HeaderFact, Timestamp};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const SAME: HeaderFact<'_> = HeaderFact::Value("same-origin");

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) struct Device(SigningKey);

impl Device {
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_bytes();
        let part = |range| URL_SAFE_NO_PAD.encode(point.get::<std::ops::Range<usize>>(range).unwrap());
        json!({ "crv": "P-256", "kty": "EC", "x": part(1..33), "y": part(33..65) })
    }

    /// Signs any header and payload.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The proof of a registration.
    pub(crate) fn registers(&self, challenge: Challenge) -> String {
        let header = json!({ "alg": "ES256", "jwk": self.jwk(), "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "jti": challenge.expose() }))
    }

    /// The proof of a refresh.
    pub(crate) fn refreshes(&self, challenge: Challenge) -> String {
        self.sign(&json!({ "alg": "ES256", "typ": "dbsc+jwt" }), &json!({ "jti": challenge.expose() }))
    }
}

/// An offer from the time `NOW`.
pub(crate) fn offered() -> Binding {
    Binding::offer(&std::array::from_fn(|it| u8::try_from(it).unwrap()), NOW)
}

/// A session that a device has registered at the time `NOW`.
pub(crate) fn bound(device: &Device) -> Binding {
    let offer = offered();
    let proof = device.registers(offer.challenge());
    let request = DeviceRequest::new(HeaderFact::Value(&proof), HeaderFact::Absent, SAME);
    Binding::register(Some(&offer), &request, &[42; 56], NOW).unwrap()
}

/// Asks for a refresh with the binding's own identifier, and with random bytes that differ by time.
pub(crate) fn refresh(binding: &Binding, proof: Option<&str>, now: Timestamp) -> Refresh {
    let id = binding.id().to_string();
    let proof = proof.map_or(HeaderFact::Absent, HeaderFact::Value);
    let request = DeviceRequest::new(proof, HeaderFact::Value(&id), SAME);
    let random = now.unix_millis().to_be_bytes().repeat(3).try_into().unwrap();
    Binding::refresh(Some(binding), &request, BoundLife::default(), &random, now)
}
