//! The cookie that holds the id of a session in one of Beaker's stores.

use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;
use sha1::Sha1;

use crate::hex::{hex, unhex};
use crate::mac::Mac;
use crate::secret::Secret;

/// The number of hexadecimal digits of HMAC-SHA1.
pub(crate) const TAG: usize = 40;

/// The cookie with the signed id of a session in one of Beaker's stores.
///
/// The id is signed with Beaker's `secret`.
///
/// Without a `secret`, Beaker doesn't sign, and accepts any id that a client invents. That mode
/// isn't supported.
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
    /// Creates the format of ids signed with this `secret`.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self { mac: Mac::new::<Sha1>(secret.into().checked("secret")?)? })
    }

    /// Returns the id in a cookie's value.
    ///
    /// # Errors
    /// Returns the reason if the value wasn't signed with this secret.
    pub fn open<'a>(&self, value: &'a str) -> Result<&'a str, Rejected> {
        let (tag, id) = value.split_at_checked(TAG).ok_or(Rejected::Malformed)?;
        let tag = unhex(tag).ok_or(Rejected::Malformed)?;
        if !self.mac.verifies(&[id.as_bytes()], &tag) {
            return Err(Rejected::Forged);
        }
        // The id becomes a key of a store, or a file name.
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { Ok(id) } else { Err(Rejected::Corrupt) }
    }

    /// Returns the cookie's value for an id.
    #[must_use]
    pub fn seal(&self, id: &str) -> String {
        hex(&self.mac.tag(&[id.as_bytes()])) + id
    }
}
