//! The id cookie of `express-session`: `s:ID.SIGNATURE`, percent-encoded.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;
use sha2::Sha256;

use crate::mac::Mac;
use crate::percent;
use crate::secret::Secret;

/// Express' own ids have 32 characters. An application may generate others.
const LONGEST: usize = 256;

/// The number of random bytes in an id.
const RANDOM: usize = 24;

/// The secrets that sign ids: any of them opens, the first one seals.
#[derive(Clone, Debug)]
pub(crate) struct Signers(Vec<Mac>);

impl Signers {
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, ConfigError> {
        let macs = secrets.iter().map(|secret| Mac::new::<Sha256>(secret.checked("secret")?));
        Ok(Self(macs.collect::<Result<_, _>>()?))
    }

    pub(crate) fn open(&self, value: &str) -> Result<String, Rejected> {
        let text = percent::decode(value).ok_or(Rejected::Malformed)?;
        let signed = text.strip_prefix("s:").and_then(|text| text.rsplit_once('.'));
        let (id, tag) = signed.ok_or(Rejected::Malformed)?;
        let tag = STANDARD_NO_PAD.decode(tag).map_err(|_| Rejected::Malformed)?;
        if !self.0.iter().any(|mac| mac.verifies(&[id.as_bytes()], &tag)) {
            return Err(Rejected::Forged);
        }
        if (1..=LONGEST).contains(&id.len()) { Ok(id.to_owned()) } else { Err(Rejected::Corrupt) }
    }

    pub(crate) fn seal(&self, id: &str) -> String {
        let tag = self.0.first().map(|mac| STANDARD_NO_PAD.encode(mac.tag(&[id.as_bytes()]))).unwrap_or_default();
        percent::encode(&format!("s:{id}.{tag}"))
    }
}

/// Generates a new id in Express' form.
pub(crate) fn fresh(random: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(random.get(..RANDOM).unwrap_or(random))
}
