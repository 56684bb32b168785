//! The binding in a session's record.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bound_cookie::{self, BoundLife};
use super::challenge::{BindingId, Challenge, decode};
use super::key::DeviceKey;
use crate::time::Timestamp;

/// The version of the text form.
const VERSION: &str = "1";

/// A challenge and the time at which it was issued, or consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) challenge: Challenge,
    pub(super) at: Timestamp,
}

/// The binding of a session to a device.
///
/// It begins as an offer with a challenge. A registration adds the device's key. It is a value:
/// each decision returns the next one, for the record.
///
/// # Security
/// The text form contains the secret of the bound cookie. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    pub(super) id: BindingId,
    /// The challenge that the device signs next.
    pub(super) next: Dated,
    pub(super) device: Option<Device>,
}

/// A registered device.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) key: DeviceKey,
    /// The secret of the bound cookie.
    pub(super) secret: [u8; 32],
    pub(super) bound_at: Timestamp,
    /// The time of the last proof, from which the bound cookie's life counts.
    pub(super) proven_at: Timestamp,
    /// The first time that the browser sent the bound cookie.
    pub(super) shown_at: Option<Timestamp>,
    /// The challenge of the last proof: the same proof gets the same answer for a minute.
    pub(super) last: Option<Dated>,
}

impl Binding {
    /// Offers a binding.
    #[must_use]
    pub fn offer(random: &[u8; 40], now: Timestamp) -> Self {
        let (id, challenge) = (random.first_chunk().copied(), random.last_chunk().copied());
        let challenge = Challenge::from_random(challenge.unwrap_or_default());
        Self { id: BindingId::from_random(id.unwrap_or_default()), next: Dated { challenge, at: now }, device: None }
    }

    /// Returns the public name, which the browser sends with each refresh.
    #[must_use]
    pub const fn id(&self) -> BindingId {
        self.id
    }

    /// Returns the challenge that the device signs next.
    #[must_use]
    pub const fn challenge(&self) -> Challenge {
        self.next.challenge
    }

    /// Returns the time of the registration; `None` for an offer.
    #[must_use]
    pub fn bound_at(&self) -> Option<Timestamp> {
        self.device.as_ref().map(|device| device.bound_at)
    }

    /// Returns the time of the last proof; `None` for an offer.
    #[must_use]
    pub fn proven_at(&self) -> Option<Timestamp> {
        self.device.as_ref().map(|device| device.proven_at)
    }

    /// Returns the value of the bound cookie; `None` for an offer.
    ///
    /// It differs after each refresh, and is the same when the answer of a refresh is repeated.
    #[must_use]
    pub fn cookie_value(&self, life: BoundLife) -> Option<String> {
        let device = self.device.as_ref()?;
        bound_cookie::value(&device.secret, self.id, device.proven_at + life.get())
    }

    /// Returns the text form, for a record.
    ///
    /// It has at most 291 bytes with an ES256 key and 889 with an RS256 key, and no character that
    /// JSON escapes.
    #[must_use]
    pub fn encode(&self) -> String {
        let time = |at: Timestamp| at.unix_millis().to_string();
        let mut text = format!("{VERSION}.{}.{}.{}", self.id, self.next.challenge.expose(), time(self.next.at));
        if let Some(device) = &self.device {
            let shown = device.shown_at.map_or_else(|| "-".to_owned(), time);
            let last =
                device.last.map_or_else(|| "-.-".to_owned(), |it| format!("{}.{}", it.challenge.expose(), time(it.at)));
            let secret = URL_SAFE_NO_PAD.encode(device.secret);
            let times = format!("{}.{}.{shown}.{last}", time(device.bound_at), time(device.proven_at));
            text.push_str(&format!(".{}.{secret}.{times}", device.key.spell()));
        }
        text
    }

    /// Reads the text form.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        fn time(text: &str) -> Option<Timestamp> {
            text.parse().ok().map(Timestamp::from_unix_millis)
        }
        let parts: Vec<&str> = text.split('.').collect();
        let (version, id, challenge, at, device) = match parts.as_slice() {
            [version, id, challenge, at] => (*version, *id, *challenge, *at, None),
            [version, id, challenge, at, key, secret, bound, proven, shown, last, last_at] => {
                let last = match (*last, *last_at) {
                    ("-", "-") => None,
                    (challenge, at) => Some(Dated { challenge: Challenge::parse(challenge)?, at: time(at)? }),
                };
                let device = Device {
                    key: DeviceKey::parse(key)?,
                    secret: decode(secret)?,
                    bound_at: time(bound)?,
                    proven_at: time(proven)?,
                    shown_at: if *shown == "-" { None } else { Some(time(shown)?) },
                    last,
                };
                (*version, *id, *challenge, *at, Some(device))
            }
            _ => return None,
        };
        let next = Dated { challenge: Challenge::parse(challenge)?, at: time(at)? };
        (version == VERSION).then_some(Self { id: BindingId::parse(id)?, next, device })
    }

    /// Returns whether the challenge is older than `span`.
    pub(super) fn is_older(&self, span: Duration, now: Timestamp) -> bool {
        now > self.next.at + span
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bound_at, proven_at) = (self.bound_at(), self.proven_at());
        f.debug_struct("Binding")
            .field("id", &self.id)
            .field("bound_at", &bound_at)
            .field("proven_at", &proven_at)
            .finish_non_exhaustive()
    }
}
