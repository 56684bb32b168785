//! Device Bound Session Credentials (DBSC): a session that needs a key of the browser's device.
//!
//! A browser with DBSC creates a key pair that doesn't leave the device, registers the public key,
//! and signs a challenge whenever its short-lived bound cookie is about to expire. Stolen cookies
//! work until the bound cookie expires, and not afterwards. Other browsers ignore the offer.
//!
//! Everything here is pure: what a request brings, the [`Binding`] in the session's record, the
//! time and random bytes come in, a decision comes out. Source: the W3C draft "Device Bound Session
//! Credentials". Where Chromium differs from it, both forms are accepted.
//!
//! | file | contents |
//! |---|---|
//! | `headers` | the structured headers of both directions, and the JSON answer |
//! | `challenge` | challenges and identifiers |
//! | `key` | the device's public key, and its signatures: ES256 |
//! | `rs256` | the same for RS256, with the feature `dbsc-rs256` |
//! | `proof` | the signed proof, a JWT |
//! | `refused` | the reasons for refusing one |
//! | `binding` | the binding in a session's record |
//! | `bound_cookie` | the value of the bound cookie |
//! | `decisions` | every decision: registration, refresh and use, as tables of named rows |
//!
//! # Security
//! A proof is checked with the key in the record, never with a key in the proof, and each challenge
//! is signed once. The bound cookie is a MAC under a secret of the record, so that checking it
//! needs no further call to the store.

mod binding;
mod bound_cookie;
mod challenge;
mod decisions;
mod headers;
mod key;
mod proof;
mod refused;
mod rs256;

pub use crate::session::Binder;
pub use binding::Binding;
pub use bound_cookie::BoundLife;
pub use challenge::{BindingId, Challenge};
pub use decisions::{DeviceProof, DeviceRequest, Refresh};
pub use headers::{BindingAnswer, challenge_header, registration_header, skipped_reason};
pub use refused::RefusedProof;
