//! A device that signs proofs as Chromium does, and wrong ones.

use std::time::Duration;

use cloakroom_core::dbsc::{Binding, BoundLife, Challenge, DeviceRequest, Refresh};
use cloakroom_core::{HeaderFact, Timestamp};
use serde_json::{Value, json};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const SAME: HeaderFact<'_> = HeaderFact::Value("same-origin");

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[cfg(feature = "dbsc-rs256")]
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) enum Device {
    Es256(cloakroom_device::Device),
    #[cfg(feature = "dbsc-rs256")]
    Rs256(Box<ring::signature::RsaKeyPair>),
}

impl Device {
    pub(crate) fn new(seed: u8) -> Self {
        Self::Es256(cloakroom_device::Device::new(seed))
    }

    #[cfg(feature = "dbsc-rs256")]
    pub(crate) fn rs256() -> Self {
        let pem = include_str!("rs256.pem");
        let text: String = pem.lines().filter(|line| !line.contains(['-', ' '])).collect();
        let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        Self::Rs256(Box::new(ring::signature::RsaKeyPair::from_pkcs8(&key).unwrap()))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            #[cfg(feature = "dbsc-rs256")]
            Self::Rs256(_) => "RS256",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Es256(device) => device.jwk(),
            #[cfg(feature = "dbsc-rs256")]
            Self::Rs256(key) => {
                let public: ring::signature::RsaPublicKeyComponents<Vec<u8>> = key.public().into();
                json!({ "e": base64(&public.e), "kty": "RSA", "n": base64(&public.n) })
            }
        }
    }

    /// Signs any header and payload.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        match self {
            Self::Es256(device) => device.sign(header, payload),
            #[cfg(feature = "dbsc-rs256")]
            Self::Rs256(key) => {
                let part = |it: &Value| base64(it.to_string().as_bytes());
                let signed = format!("{}.{}", part(header), part(payload));
                let mut signature = vec![0; key.public().modulus_len()];
                let random = ring::rand::SystemRandom::new();
                key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                format!("{signed}.{}", base64(&signature))
            }
        }
    }

    /// The proof of a registration.
    pub(crate) fn registers(&self, challenge: Challenge) -> String {
        let header = json!({ "alg": self.algorithm(), "jwk": self.jwk(), "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "jti": challenge.expose() }))
    }

    /// The proof of a refresh.
    pub(crate) fn refreshes(&self, challenge: Challenge) -> String {
        self.sign(&json!({ "alg": self.algorithm(), "typ": "dbsc+jwt" }), &json!({ "jti": challenge.expose() }))
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
