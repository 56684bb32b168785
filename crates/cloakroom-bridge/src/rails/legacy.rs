//! Encrypted cookies of Rails before 5.2, which are recognised and refused.

use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;

use super::seal::RailsDigest;
use crate::hex::unhex;
use crate::mac::Mac;

/// The signature around AES-256-CBC. Rails 5.2 and newer reads such a cookie and reseals it, so any
/// that remain predate the upgrade. Supporting their cipher is therefore not worthwhile.
#[derive(Clone, Debug)]
pub(crate) struct Legacy(Mac);

impl Legacy {
    pub(crate) fn new(secret: &[u8], digest: RailsDigest) -> Result<Self, ConfigError> {
        Ok(Self(RailsDigest::Sha1.mac(&digest.derive::<64>(secret, "signed encrypted cookie")[..])?))
    }

    /// Returns [`Rejected::UnknownFormat`] for such a cookie, and otherwise the given reason.
    pub(crate) fn refusal(&self, text: &str, otherwise: Rejected) -> Rejected {
        let signed = text.rsplit_once("--").and_then(|(content, tag)| Some((content, unhex(tag)?)));
        let is_legacy = signed.is_some_and(|(content, tag)| self.0.verifies(&[content.as_bytes()], &tag));
        if is_legacy { Rejected::UnknownFormat } else { otherwise }
    }
}
