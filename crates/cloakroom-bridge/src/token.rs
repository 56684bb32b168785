//! Signed tokens with a time, in the form of `itsdangerous` and Django: `payload.time.signature`. A
//! compressed payload has a dot in front.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::Rejected;

use crate::mac::Mac;
#[cfg(feature = "zlib")]
use crate::zlib::{deflate, inflate};

/// The separator, the encoding of the time, and the keys.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) separator: char,
    pub(crate) time: Time,
    /// The first one signs, all of them verify.
    pub(crate) macs: Vec<Mac>,
}

/// The encoding of a time in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    /// The minimal number of bytes, in base64url.
    #[cfg(any(feature = "flask", feature = "starlette"))]
    Bytes,
    /// Base-62 digits.
    #[cfg(feature = "django")]
    Base62,
}

#[cfg(feature = "django")]
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Tokens {
    /// Returns the signed text in front of the time, and the time of the signature.
    pub(crate) fn unsign<'a>(&self, token: &'a str) -> Result<(&'a str, Timestamp), Rejected> {
        let (signed, signature) = token.rsplit_once(self.separator).ok_or(Rejected::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Rejected::Malformed)?;
        if !self.macs.iter().any(|mac| mac.verifies(&[signed.as_bytes()], &signature)) {
            return Err(Rejected::Forged);
        }
        let (payload, time) = signed.rsplit_once(self.separator).ok_or(Rejected::Malformed)?;
        Ok((payload, self.time.read(time).ok_or(Rejected::Corrupt)?))
    }

    /// Returns the payload and the time of the signature.
    #[cfg(feature = "zlib")]
    pub(crate) fn open(&self, token: &str) -> Result<(Vec<u8>, Timestamp), Rejected> {
        let (payload, time) = self.unsign(token)?;
        let (payload, compressed) = payload.strip_prefix('.').map_or((payload, false), |payload| (payload, true));
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Rejected::Corrupt)?;
        let bytes = if compressed { inflate(&bytes)? } else { bytes };
        // A pickle, from another configured serializer.
        if bytes.first() == Some(&0x80) {
            return Err(Rejected::UnsafeSerializer);
        }
        Ok((bytes, time))
    }

    /// Signs a payload with the time `now`. The payload is compressed if that is shorter.
    #[cfg(feature = "zlib")]
    pub(crate) fn seal(&self, payload: &str, now: Timestamp) -> String {
        let packed = deflate(payload).filter(|packed| packed.len() + 1 < payload.len());
        let payload = match packed {
            Some(packed) => format!(".{}", URL_SAFE_NO_PAD.encode(packed)),
            None => URL_SAFE_NO_PAD.encode(payload),
        };
        self.sign(payload, now)
    }

    /// Appends the time `now` and the signature to a text.
    pub(crate) fn sign(&self, mut token: String, now: Timestamp) -> String {
        token.push(self.separator);
        token.push_str(&self.time.write(now));
        let tag = self.macs.first().map(|mac| mac.tag(&[token.as_bytes()])).unwrap_or_default();
        token.push(self.separator);
        token.push_str(&URL_SAFE_NO_PAD.encode(tag));
        token
    }
}

impl Time {
    fn read(self, text: &str) -> Option<Timestamp> {
        let fold = |seconds: Option<u64>, (base, digit): (u64, u64)| seconds?.checked_mul(base)?.checked_add(digit);
        let seconds = match self {
            #[cfg(any(feature = "flask", feature = "starlette"))]
            Self::Bytes => {
                let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
                bytes.iter().map(|byte| (256, u64::from(*byte))).fold(Some(0), fold)?
            }
            #[cfg(feature = "django")]
            Self::Base62 if !text.is_empty() => {
                let digit = |byte| BASE62.iter().position(|it| *it == byte).map(|digit| (62, digit as u64));
                text.bytes().map(digit).collect::<Option<Vec<_>>>()?.into_iter().fold(Some(0), fold)?
            }
            #[cfg(feature = "django")]
            Self::Base62 => return None,
        };
        Some(Timestamp::from_unix_secs(seconds))
    }

    fn write(self, at: Timestamp) -> String {
        let seconds = at.unix_secs();
        match self {
            #[cfg(any(feature = "flask", feature = "starlette"))]
            Self::Bytes => {
                let bytes = seconds.to_be_bytes();
                let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
                URL_SAFE_NO_PAD.encode(bytes.get(first..).unwrap_or_default())
            }
            #[cfg(feature = "django")]
            Self::Base62 => {
                let mut digits = Vec::new();
                let mut rest = seconds;
                loop {
                    let digit = usize::try_from(rest % 62).ok().and_then(|digit| BASE62.get(digit));
                    digits.extend(digit.map(|digit| char::from(*digit)));
                    rest /= 62;
                    if rest == 0 {
                        return digits.iter().rev().collect();
                    }
                }
            }
        }
    }
}
