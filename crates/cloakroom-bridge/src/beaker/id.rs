//! The cookie that holds the id of a session in one of Beaker's stores.

use cloakroom_session::{ConfigError, Rejected};
use sha1::Sha1;

use crate::hex::{hex, unhex};
use crate::mac::Mac;
use crate::secret::Secret;

/// The digits of HMAC-SHA1.
pub(crate) const TAG: usize = 40;

/// The cookie that holds the id of a session in one of Beaker's stores, signed with its `secret`.
///
/// Beaker without a `secret` doesn't sign, and takes whatever id a client invents. That isn't
/// offered here.
///
/// # Examples
/// ```
/// use cloakroom_bridge::BeakerId;
///
/// let ids = BeakerId::new("s3cret")?;
/// let value = ids.seal("0123456789abcdef0123456789abcdef");
/// assert_eq!(value, "f873abd46468bf4beee1b87abe937e98704e6eee0123456789abcdef0123456789abcdef");
/// assert_eq!(ids.open(&value).as_deref(), Ok("0123456789abcdef0123456789abcdef"));
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BeakerId {
    mac: Mac,
}

impl BeakerId {
    /// Ids signed with this `secret`.
    ///
    /// # Errors
    /// An empty secret.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self { mac: Mac::new::<Sha1>(secret.into().checked("secret")?)? })
    }

    /// The id in a cookie's value.
    ///
    /// # Errors
    /// The reason why it isn't one that was signed with this secret.
    pub fn open<'a>(&self, value: &'a str) -> Result<&'a str, Rejected> {
        let (tag, id) = value.split_at_checked(TAG).ok_or(Rejected::Malformed)?;
        let tag = unhex(tag).ok_or(Rejected::Malformed)?;
        if !self.mac.verifies(&[id.as_bytes()], &tag) {
            return Err(Rejected::Forged);
        }
        // It becomes a key of a store, or a file's name.
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { Ok(id) } else { Err(Rejected::Corrupt) }
    }

    /// The value for an id.
    #[must_use]
    pub fn seal(&self, id: &str) -> String {
        hex(&self.mac.tag(&[id.as_bytes()])) + id
    }
}
