//! Cookies that Rails encrypted with AES-256-CBC, which are recognised and refused.

use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;

use super::seal::RailsDigest;
use crate::hex::unhex;
use crate::mac::Mac;

/// The signatures around AES-256-CBC.
///
/// Rails before 5.2 writes such cookies, and newer versions do with
/// `use_authenticated_cookie_encryption = false`. With `true`, they read such a cookie and reseal
/// it, so this cipher isn't supported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Legacy(Vec<Mac>);

impl Legacy {
    /// Adds the signatures of a secret, with both hashes for keys and for signatures.
    pub(crate) fn add(&mut self, secret: &[u8]) -> Result<(), ConfigError> {
        for digest in [RailsDigest::Sha1, RailsDigest::Sha256] {
            let key = digest.derive::<64>(secret, "signed encrypted cookie");
            self.0.push(RailsDigest::Sha1.mac(&key[..])?);
            self.0.push(RailsDigest::Sha256.mac(&key[..])?);
        }
        Ok(())
    }

    /// Returns [`Rejected::UnknownFormat`] for such a cookie, and otherwise the given reason.
    pub(crate) fn refusal(&self, text: &str, otherwise: Rejected) -> Rejected {
        let signed = text.rsplit_once("--").and_then(|(content, tag)| Some((content, unhex(tag)?)));
        let is_legacy =
            signed.is_some_and(|(content, tag)| self.0.iter().any(|mac| mac.verifies(&[content.as_bytes()], &tag)));
        if is_legacy { Rejected::UnknownFormat } else { otherwise }
    }
}
