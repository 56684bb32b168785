//! The decisions: registration, refresh, and the use of a bound session.

use std::time::Duration;

use super::binding::{Binding, Dated, Device};
use super::bound_cookie::{self, BoundLife};
use super::challenge::{BindingId, Challenge};
use super::headers::text;
use super::proof::Proof;
use super::refused::RefusedProof;
use crate::csrf::HeaderFact;
use crate::time::Timestamp;

/// The time in which a browser registers after the offer.
const OFFERED: Duration = Duration::from_secs(5 * 60);

/// A challenge is valid for as long as the bound cookie, and this much longer.
const LATE: Duration = Duration::from_secs(5 * 60);

/// The same proof gets the same answer for this time, because the first answer may be lost.
const REPEATED: Duration = Duration::from_secs(60);

/// The bound cookie is required this long after the browser has sent it for the first time.
/// Requests that were under way don't have it yet.
const ARMED: Duration = Duration::from_secs(10);

/// The parts of a request to the registration or refresh endpoint that decisions depend on.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRequest<'a> {
    proof: HeaderFact<'a>,
    id: HeaderFact<'a>,
    site: HeaderFact<'a>,
    has_body: bool,
}

impl<'a> DeviceRequest<'a> {
    /// Creates the parts: `Secure-Session-Response`, `Sec-Secure-Session-Id` and `Sec-Fetch-Site`.
    #[must_use]
    pub const fn new(proof: HeaderFact<'a>, id: HeaderFact<'a>, site: HeaderFact<'a>) -> Self {
        Self { proof, id, site, has_body: false }
    }

    /// Says that the request has a body. A browser's request has none.
    #[must_use]
    pub const fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    /// Refuses requests that a page, another site or a program has made up.
    fn check(&self) -> Result<(), RefusedProof> {
        if self.site != HeaderFact::Value("same-origin") {
            return Err(RefusedProof::OtherSite);
        }
        if self.has_body { Err(RefusedProof::Body) } else { Ok(()) }
    }
}

/// The decision about a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// The device has proven itself: 200, a new bound cookie and the next challenge. The binding
    /// must be stored; in a repeated answer it is unchanged.
    Refreshed {
        /// The binding after this proof.
        binding: Binding,
        /// The same proof was answered less than a minute ago.
        is_repeated: bool,
    },
    /// There is no proof of the current challenge: 403, with the challenge of this binding. It is
    /// `changed` if the challenge is new, and must be stored then.
    Challenged {
        /// The binding with the challenge to sign.
        binding: Binding,
        /// The challenge is new.
        changed: bool,
    },
    /// There is no such binding: 401, and the browser ends its session.
    Unknown,
    /// The device's key is of RS256, and this build is without the feature `dbsc-rs256`: 503, and
    /// nothing changes. The browser keeps its session and tries again, perhaps at another node.
    Unsupported,
    /// The request isn't one of a browser with this binding: 400, and nothing changes.
    Refused(RefusedProof),
}

/// The proof of a request to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceProof {
    /// The session isn't bound to a device.
    NotBound,
    /// The session is bound, but the browser hasn't used the bound cookie for ten seconds yet.
    NotArmed,
    /// The bound cookie is valid. The time is that of the device's last proof.
    Fresh(Timestamp),
    /// The session is bound, and the request has no valid bound cookie.
    Missing,
}

impl Binding {
    /// Decides about a registration. Returns the binding with the device's key.
    ///
    /// `random` is for the secret of the bound cookie and the next challenge.
    ///
    /// # Errors
    /// Returns the reason for refusing it. The binding stays as it is.
    pub fn register(
        offer: Option<&Self>,
        request: &DeviceRequest<'_>,
        random: &[u8; 56],
        now: Timestamp,
    ) -> Result<Self, RefusedProof> {
        request.check()?;
        if !request.id.is_absent() {
            return Err(RefusedProof::Identifier);
        }
        let offer = offer.ok_or(RefusedProof::NotOffered)?;
        if offer.device.is_some() {
            return Err(RefusedProof::AlreadyBound);
        }
        let proof = text(request.proof).ok_or(RefusedProof::Malformed)?;
        let proof = Proof::read(&proof)?;
        let key = proof.key.clone().ok_or(RefusedProof::WrongKey)?;
        proof.check(&key)?;
        if proof.challenge != Some(offer.next.challenge) {
            return Err(RefusedProof::WrongChallenge);
        }
        if offer.is_older(OFFERED, now) {
            return Err(RefusedProof::OfferExpired);
        }
        let (secret, challenge) = (random.first_chunk().copied(), random.last_chunk().copied());
        let device = Device {
            key,
            secret: secret.unwrap_or_default(),
            bound_at: now,
            proven_at: now,
            shown_at: None,
            last: None,
        };
        let next = Dated { challenge: Challenge::from_random(challenge.unwrap_or_default()), at: now };
        Ok(Self { next, device: Some(device), ..offer.clone() })
    }

    /// Decides about a refresh. `random` is for the next challenge.
    #[must_use]
    pub fn refresh(
        binding: Option<&Self>,
        request: &DeviceRequest<'_>,
        life: BoundLife,
        random: &[u8; 24],
        now: Timestamp,
    ) -> Refresh {
        if let Err(why) = request.check() {
            return Refresh::Refused(why);
        }
        let Some(id) = text(request.id) else { return Refresh::Refused(RefusedProof::Identifier) };
        let bound = binding.filter(|it| Some(it.id) == BindingId::parse(&id));
        let Some((binding, device)) = bound.and_then(|it| Some((it, it.device.as_ref()?))) else {
            return Refresh::Unknown;
        };
        if !device.key.is_supported() {
            return Refresh::Unsupported;
        }
        let next = Dated { challenge: Challenge::from_random(*random), at: now };
        let is_expired = binding.is_older(life.get() + LATE, now);
        let challenged = || {
            let next = if is_expired { next } else { binding.next };
            Refresh::Challenged { binding: Self { next, ..binding.clone() }, changed: is_expired }
        };
        if request.proof.is_absent() {
            return challenged();
        }
        let Some(proof) = text(request.proof) else { return Refresh::Refused(RefusedProof::Malformed) };
        let proof = match Proof::read(&proof) {
            Ok(proof) if proof.key.is_some() => return Refresh::Refused(RefusedProof::WrongKey),
            Ok(proof) => match proof.check(&device.key) {
                Ok(()) => proof,
                Err(why) => return Refresh::Refused(why),
            },
            Err(why) => return Refresh::Refused(why),
        };
        if proof.challenge == Some(binding.next.challenge) && !is_expired {
            let last = Some(Dated { challenge: binding.next.challenge, at: now });
            let device = Device { proven_at: now, last, ..device.clone() };
            let binding = Self { id: binding.id, next, device: Some(device) };
            return Refresh::Refreshed { binding, is_repeated: false };
        }
        let is_last = |last: &Dated| proof.challenge == Some(last.challenge) && now <= last.at + REPEATED;
        if device.last.as_ref().is_some_and(is_last) {
            return Refresh::Refreshed { binding: binding.clone(), is_repeated: true };
        }
        // A stale challenge with a good signature is a race, not an attack.
        challenged()
    }

    /// Decides about a request to the application. `cookie` is the value of the bound cookie.
    ///
    /// Returns the proof, and the binding if it must be stored: the browser has sent the bound
    /// cookie for the first time.
    #[must_use]
    pub fn prove(&self, cookie: Option<&str>, now: Timestamp) -> (DeviceProof, Option<Self>) {
        let Some(device) = &self.device else { return (DeviceProof::NotBound, None) };
        if cookie.is_some_and(|value| bound_cookie::is_valid(&device.secret, self.id, value, now)) {
            return (DeviceProof::Fresh(device.proven_at), self.shown(now));
        }
        let is_armed = device.shown_at.is_some_and(|shown| now >= shown + ARMED);
        (if is_armed { DeviceProof::Missing } else { DeviceProof::NotArmed }, None)
    }

    /// Returns the binding after the browser has sent the bound cookie, if that was the first time.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> Option<Self> {
        let device = self.device.as_ref().filter(|device| device.shown_at.is_none())?;
        let device = Device { shown_at: Some(now), ..device.clone() };
        Some(Self { device: Some(device), ..self.clone() })
    }
}
