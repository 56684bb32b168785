//! `Plug.Session.COOKIE`.

use cloakroom_session::factory::{CookieOrder, CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};

use super::keys::PlugKeys;
use super::seal::{DerivedKey, NONCE};
use crate::cookie_format::{CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::secret::Secret;

/// Erlang's external term format begins with its version number.
const TERM: u8 = 131;

/// The session cookie of Plug and Phoenix, with a serializer that writes JSON.
///
/// Plug's own serializer writes Erlang terms, which may contain code and are refused. Configure a
/// JSON serializer in both applications first:
///
/// ```elixir
/// defmodule Shop.Session do
///   def encode(session), do: Jason.encode(session)
///   def decode(text), do: Jason.decode(text)
/// end
///
/// plug Plug.Session, store: :cookie, key: "_shop_key", signing_salt: "…", serializer: Shop.Session
/// ```
///
/// # Security
/// Anyone who has a signed cookie can read it; encrypted cookies (plug_crypto 2 and newer) are
/// unreadable. The cookie contains no time: one that Plug sealed opens until the secret is removed.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, PlugCookie};
/// use cloakroom_session::CookieConfig;
///
/// # let secret_key_base = "0123456789abcdef".repeat(4);
/// let format = PlugCookie::signed(secret_key_base, "signing salt").build()?;
/// let sessions = BridgedCookies::new(format).cookie(CookieConfig::default().name("_shop_key")).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PlugCookie {
    keys: Vec<DerivedKey>,
}

/// Options of [`PlugCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PlugCookieBuilder {
    encrypted: bool,
    secrets: Vec<(Secret, Secret)>,
}

impl PlugCookie {
    /// Creates the format of signed sessions with these secrets.
    pub fn signed(secret_key_base: impl Into<Secret>, signing_salt: impl Into<Secret>) -> PlugCookieBuilder {
        PlugCookieBuilder { encrypted: false, secrets: vec![(secret_key_base.into(), signing_salt.into())] }
    }

    /// Creates the format of encrypted sessions with these secrets.
    pub fn encrypted(secret_key_base: impl Into<Secret>, encryption_salt: impl Into<Secret>) -> PlugCookieBuilder {
        PlugCookieBuilder { encrypted: true, secrets: vec![(secret_key_base.into(), encryption_salt.into())] }
    }
}

impl PlugCookieBuilder {
    /// Adds a secret and a salt that only open, like Plug's `rotating_options`.
    pub fn also_read(mut self, secret_key_base: impl Into<Secret>, salt: impl Into<Secret>) -> Self {
        self.secrets.push((secret_key_base.into(), salt.into()));
        self
    }

    /// Checks the options and derives the keys.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<PlugCookie, ConfigError> {
        let keys = self.secrets.iter().map(|(secret, salt)| {
            let secret = secret.checked("secret_key_base")?;
            if self.encrypted {
                DerivedKey::encrypted(secret, salt.bytes())
            } else {
                DerivedKey::signed(secret, salt.bytes())
            }
        });
        Ok(PlugCookie { keys: keys.collect::<Result<_, _>>()? })
    }
}

impl CookieFormat for PlugCookie {
    fn framework(&self) -> &'static str {
        PlugKeys.framework()
    }

    /// `_key`; Phoenix derives the name from the application's, such as `_shop_key`.
    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("_key")
    }

    /// No timeouts: the cookie contains no time from which to count them.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(None).absolute_timeout(None)
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        PlugKeys.csrf_scheme()
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let mut reason = Rejected::Malformed;
        for key in &self.keys {
            match key.open(cookie.value) {
                Ok(content) if content.first() == Some(&TERM) => return Err(Rejected::UnsafeSerializer),
                Ok(content) => {
                    let text = String::from_utf8(content).map_err(|_| Rejected::Corrupt)?;
                    let object = Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)?;
                    return read(&PlugKeys, &object, Times::touched(cookie.now), lifetimes);
                }
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, PlugKeys.csrf_key());
        let content = write(&PlugKeys, record, &extras, &[])?;
        let nonce = sealing.random.first_chunk::<NONCE>().copied().unwrap_or_default();
        let text = self.keys.first().and_then(|key| key.seal(content, nonce));
        Ok(OutgoingCookie::new(text.ok_or_else(|| Error::unavailable("the session can't be encrypted"))?))
    }
}
