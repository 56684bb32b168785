//! The factory that keeps sessions in a signed or an encrypted cookie.

use std::sync::Arc;

use cloakroom_core::{
    Commit, ConfigError, CookieHeader, CookiePayload, CookieTemplate, Keyring, Lifetimes, MAX_COOKIE, Record, Rejected,
    Seal, Sealer, SessionId, SessionState, SetCookie, Timestamp,
};

use crate::candidates::Candidates;
use crate::clock::random;
use crate::error::Error;
use crate::factory::{Committed, Presented, SessionFactory, commit_to_cookie};
use crate::factory_options;
use crate::meter::{self, Event};
use crate::options::FactoryOptions;

/// The factory that keeps the whole session in its cookie.
///
/// It needs no storage and no cleanup, and suits a few small values: a cart, a preference, the name
/// of the user. Because the browser holds the only copy, it has these limits:
/// - **No early end**: `invalidate()` removes the cookie, but a copy of it stays valid until its
///   deadline.
/// - **No merging**: if two requests change the session concurrently, the response that arrives
///   last wins.
/// - **Touches resend all data**: a read that extends the idle timeout sends the whole session
///   again, at most once per `touch_after`. If that response arrives after the response of a
///   sign-out, a sign-in or a write, it reverts it: the session is back in the state that the read
///   found. No touch is sent with subresources (images, style sheets, scripts) or speculative
///   requests ([`RequestKind`]); navigations and `fetch` do touch. `touch_after(None)` disables
///   touches.
/// - **Limited size**: name and value together are limited to 4,096 bytes (RFC 6265bis §5.6), of
///   which about 2,900 are available for your data.
///
/// If one of these limits matters, keep sessions in a store.
///
/// [`RequestKind`]: cloakroom_core::RequestKind
///
/// # Security
/// A signed cookie can be read but not modified by its holder. An encrypted cookie can be neither
/// read nor modified. The seal covers the cookie's name, the format and its version, and the
/// deadlines.
///
/// # Examples
/// ```
/// use cloakroom_session::{CookieSessions, Key, Lifetimes};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = CookieSessions::encrypted(key).lifetimes(Lifetimes::aal2()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CookieSessions {
    cookie: CookieTemplate,
    sealer: Sealer,
    lifetimes: Lifetimes,
}

/// A builder of [`CookieSessions`].
#[derive(Clone, Debug)]
#[must_use]
pub struct CookieSessionsBuilder {
    seal: Seal,
    keyring: Keyring,
    options: FactoryOptions,
}

/// The contents of a session cookie.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedCookie {
    /// The session's id.
    pub id: SessionId,
    /// Its record.
    pub record: Record,
}

impl CookieSessions {
    /// Starts building sessions that the holder of the cookie can read but not modify.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::factory::Seal;
    /// use cloakroom_session::{CookieSessions, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let sessions = CookieSessions::signed(key).build()?;
    /// assert_eq!(sessions.seal(), Seal::Signed);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn signed(keyring: impl Into<Keyring>) -> CookieSessionsBuilder {
        CookieSessionsBuilder::new(Seal::Signed, keyring.into())
    }

    /// Starts building sessions that the holder of the cookie can neither read nor modify.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::factory::Seal;
    /// use cloakroom_session::{CookieSessions, Key, Keyring};
    ///
    /// let old = Key::new(b"the key of last year, which must still open cookies")?;
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let sessions = CookieSessions::encrypted(Keyring::new(key).previous(old)?).build()?;
    /// assert_eq!(sessions.seal(), Seal::Encrypted);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn encrypted(keyring: impl Into<Keyring>) -> CookieSessionsBuilder {
        CookieSessionsBuilder::new(Seal::Encrypted, keyring.into())
    }

    /// Returns the cookie's name.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.cookie.name()
    }

    /// Returns whether the cookie is signed or encrypted.
    #[must_use]
    pub const fn seal(&self) -> Seal {
        self.sealer.format()
    }

    /// Opens the value of a session cookie.
    ///
    /// # Errors
    /// Returns the reason for which this factory would ignore the value.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::factory::Rejected;
    /// use cloakroom_session::{CookieSessions, Key, Timestamp};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let sessions = CookieSessions::encrypted(key).build()?;
    /// let now = Timestamp::from_unix_secs(1_700_000_000);
    /// assert_eq!(sessions.open_value("nonsense", now).unwrap_err(), Rejected::UnknownFormat);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn open_value(&self, value: &str, now: Timestamp) -> Result<OpenedCookie, Rejected> {
        self.unseal(value, now).map(|(id, record)| OpenedCookie { id, record: Arc::unwrap_or_clone(record) })
    }

    fn unseal(&self, value: &str, now: Timestamp) -> Result<(SessionId, Arc<Record>), Rejected> {
        if self.cookie.name().len() + value.len() > MAX_COOKIE {
            return Err(Rejected::TooLong);
        }
        let payload: Arc<str> = self.sealer.unseal(value)?.into();
        let id = payload.get(..SessionId::TEXT_LEN).and_then(SessionId::parse).ok_or(Rejected::Corrupt)?;
        let record = Arc::new(Record::decode(&payload, SessionId::TEXT_LEN).map_err(|_| Rejected::Corrupt)?);
        Rejected::by_times(record.times(), now).map_or(Ok((id, record)), Err)
    }

    /// Returns the size in bytes of name and value of the cookie for `record`.
    ///
    /// Browsers accept at most 4,096 bytes.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CookieSessions, Key, Session};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let sessions = CookieSessions::encrypted(key).build()?;
    /// let session = Session::for_tests();
    /// let empty = sessions.cookie_size(&session.record());
    /// session.insert("text", "x".repeat(100))?;
    /// assert!(sessions.cookie_size(&session.record()) > empty + 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cookie_size(&self, record: &Record) -> usize {
        self.wire_size(SessionId::TEXT_LEN + record.encode().len())
    }

    const fn wire_size_of(&self, name: usize, payload: usize) -> usize {
        name + self.sealer.format().sealed_len(payload)
    }

    fn wire_size(&self, payload: usize) -> usize {
        self.wire_size_of(self.cookie.name().len(), payload)
    }

    /// Returns the nonce for a cookie that replaces another one.
    fn nonce(&self) -> Result<[u8; 12], Error> {
        match self.sealer.format() {
            Seal::Signed => Ok([0; 12]),
            Seal::Encrypted | _ => random(),
        }
    }

    /// Opens the cookie that was used last.
    fn open_latest(
        &self,
        cookies: &CookieHeader<'_>,
        now: Timestamp,
    ) -> Result<(SessionId, Arc<Record>), Option<Rejected>> {
        let candidates = Candidates::new(cookies, self.cookie.name());
        candidates.open_latest(|value| self.unseal(value, now), |(_, record)| record.times().touched)
    }

    /// Seals `record` into a cookie.
    fn seal_record(
        &self,
        id: SessionId,
        record: &Record,
        nonce: [u8; 12],
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, Error> {
        let mut payload = String::with_capacity(SessionId::TEXT_LEN + record.room());
        payload.push_str(&id.expose());
        record.encode_into(&mut payload);
        let size = self.wire_size(payload.len());
        if size > MAX_COOKIE {
            return Err(Error::too_large(size, MAX_COOKIE, record));
        }
        meter::written(CookiePayload::Record, || size);
        Ok(self.cookie.set_all(&self.sealer.seal(&payload, nonce)?, record.max_age(now))?)
    }
}

impl SessionFactory for CookieSessions {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let session = match self.open_latest(&cookies, now) {
            Ok((id, record)) => {
                meter::event(CookiePayload::Record, Event::Opened);
                SessionState::loaded(id, record, now, self.lifetimes)
            }
            Err(why) => SessionState::fresh(now, self.lifetimes).with_rejection(why),
        };
        Ok(session.with_payload(CookiePayload::Record))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let seal = |id, record: &Record| {
            let nonce = match commit.new_nonce().filter(|_| commit.new_id() == Some(id)) {
                Some(nonce) => nonce,
                None => self.nonce()?,
            };
            self.seal_record(id, record, nonce, commit.now())
        };
        commit_to_cookie(commit, seal, || self.cookie.remove_all())
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        let opened = cookies.candidates(self.cookie.name()).flatten().filter_map(|value| self.unseal(value, now).ok());
        // If two were used at the same time, the first of this order counts, as in `open`.
        let latest = opened.reduce(
            |latest, other| {
                if other.1.times().touched > latest.1.times().touched { other } else { latest }
            },
        );
        latest.map(|(id, _)| id.store_key()).into()
    }

    fn cookie_names(&self) -> Vec<String> {
        vec![self.cookie.name().to_owned()]
    }
}

impl CookieSessionsBuilder {
    fn new(seal: Seal, keyring: Keyring) -> Self {
        Self { seal, keyring, options: FactoryOptions::default() }
    }

    factory_options! {
        ///
        /// # Examples
        /// ```
        /// use cloakroom_session::{CookieConfig, CookieSessions, Key};
        ///
        /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
        /// let cookie = CookieConfig::default().name("cart");
        /// let sessions = CookieSessions::signed(key).cookie(cookie).build()?;
        /// assert_eq!(sessions.cookie_name(), "cart");
        /// # Ok::<(), cloakroom_session::ConfigError>(())
        /// ```
        cookie
        ///
        /// # Examples
        /// ```
        /// use cloakroom_session::{CookieSessions, Key, Lifetimes};
        ///
        /// let key = || Key::new(b"a secret from the environment, of 32 bytes or more");
        /// assert!(CookieSessions::signed(key()?).lifetimes(Lifetimes::aal2()).build().is_ok());
        /// # Ok::<(), cloakroom_session::ConfigError>(())
        /// ```
        lifetimes
    }

    /// Checks the options and builds the factory.
    ///
    /// # Errors
    /// Returns an error that names one of the options that contradict each other.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CookieConfig, CookieSessions, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let invalid = CookieConfig::default().name("not a cookie name");
    /// assert!(CookieSessions::encrypted(key).cookie(invalid).build().is_err());
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub fn build(self) -> Result<CookieSessions, ConfigError> {
        let cookie = self.options.check()?;
        let sealer = Sealer::new(self.seal, &self.keyring, cookie.name())?;
        Ok(CookieSessions { cookie, sealer, lifetimes: self.options.lifetimes })
    }
}
