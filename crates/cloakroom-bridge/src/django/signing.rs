//! `django.core.signing`, with the secrets of a project.

use std::time::Duration;

use cloakroom_session::{ConfigError, Lifetimes};
use sha2::{Digest as _, Sha256};

use crate::mac::Mac;
use crate::secret::Secret;
use crate::token::{Time, Tokens};

/// Django's default of `SESSION_COOKIE_AGE`.
pub(crate) const COOKIE_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

pub(crate) fn tokens(secrets: &[Secret], salt: &str) -> Result<Tokens, ConfigError> {
    let mac = |secret: &Secret| {
        let key = Sha256::new().chain_update(salt).chain_update(b"signer");
        Mac::new::<Sha256>(&key.chain_update(secret.checked("secret_key")?).finalize())
    };
    let macs = secrets.iter().map(mac).collect::<Result<_, _>>()?;
    Ok(Tokens { separator: ':', time: Time::Base62, macs })
}

/// Returns an idle timeout of this length after the last write. Django doesn't save a session that
/// is only read, and neither does this bridge unless configured to.
pub(crate) fn lifetimes(cookie_age: Duration) -> Lifetimes {
    Lifetimes::default().idle_timeout(cookie_age).absolute_timeout(None).touch_after(None)
}
