//! A device that signs proofs like a browser with Device Bound Session Credentials, for tests.
//!
//! Where a browser would ignore a wrong answer, it panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// A device with its key.
#[derive(Clone, Debug)]
pub struct Device(SigningKey);

impl Device {
    /// Creates the device with this number. Each number has its own key.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number.max(1); 32]).unwrap())
    }

    /// Returns the public key as a JSON Web Key.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_bytes();
        let part = |range| URL_SAFE_NO_PAD.encode(point.get::<std::ops::Range<usize>>(range).unwrap());
        json!({ "crv": "P-256", "kty": "EC", "x": part(1..33), "y": part(33..65) })
    }

    /// Signs any header and payload.
    #[must_use]
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// Returns the proof of a registration.
    #[must_use]
    pub fn registers(&self, challenge: &str) -> String {
        let header = json!({ "alg": "ES256", "jwk": self.jwk(), "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "jti": challenge }))
    }

    /// Returns the proof of a refresh.
    #[must_use]
    pub fn refreshes(&self, challenge: &str) -> String {
        self.sign(&json!({ "alg": "ES256", "typ": "dbsc+jwt" }), &json!({ "jti": challenge }))
    }
}

/// Returns the path and the challenge of `Secure-Session-Registration`.
#[must_use]
pub fn offer(header: &str) -> (String, String) {
    (parameter(header, "path"), parameter(header, "challenge"))
}

/// Returns the challenge and the identifier of `Secure-Session-Challenge`.
#[must_use]
pub fn challenge(header: &str) -> (String, String) {
    let challenge = header.split('"').nth(1).expect("a challenge in quotation marks");
    (challenge.to_owned(), parameter(header, "id"))
}

fn parameter(header: &str, name: &str) -> String {
    let after = header.split_once(&format!(";{name}=\"")).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or_else(|| panic!("{name} in {header}")).to_owned()
}

/// Returns the headers that a browser sends with a registration or a refresh, next to the cookies.
///
/// `id` is the identifier of the binding; a registration has none.
#[must_use]
pub fn headers<'a>(id: Option<&'a str>, proof: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let mut headers =
        vec![("content-length", "0"), ("sec-fetch-site", "same-origin"), ("origin", "https://shop.example")];
    headers.extend(id.map(|id| ("sec-secure-session-id", id)));
    headers.extend(proof.map(|proof| ("secure-session-response", proof)));
    headers
}
