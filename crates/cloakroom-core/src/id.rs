//! The secret in a cookie, and its hash for the store.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The beginning of a reserved id in a cookie. No id has a period.
const RESERVED: &str = "new.";

/// A session id: 256 random bits, known only to the browser (ASVS 7.2.3).
///
/// # Security
/// `Debug` prints the short prefix of its [`StoreKey`], never the id. An id that a client invented
/// is never adopted, except as a [reserved id](crate::SessionState::reserving_ids), which a sign-in
/// replaces.
///
/// # Examples
/// ```
/// use cloakroom_core::SessionId;
///
/// let id = SessionId::from_random([7; 32]);
/// assert_eq!(id.expose().len(), 43);
/// assert_eq!(SessionId::parse(&id.expose()), Some(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The length of an id's text, in bytes.
    pub const TEXT_LEN: usize = 43;

    /// Creates an id from 32 random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses the text of an id: 43 characters of base64url, in canonical form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut bytes = [0; 32];
        // Strict: fails if the text decodes to more bytes or isn't in canonical form.
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == bytes.len()).then_some(Self(bytes))
    }

    /// Returns the id's text, for a cookie.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionId;
    ///
    /// let id = SessionId::from_random([7; 32]);
    /// assert_eq!(SessionId::parse(&id.expose()), Some(id));
    /// ```
    #[must_use]
    pub fn expose(&self) -> String {
        Spelled::new(&self.0).as_str().to_owned()
    }

    /// Parses the text of a reserved id: `new.`, and the text of an id.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionId;
    ///
    /// let id = SessionId::from_random([7; 32]);
    /// assert_eq!(SessionId::parse_reserved(&id.expose_reserved()), Some(id));
    /// assert_eq!(SessionId::parse_reserved(&id.expose()), None);
    /// ```
    #[must_use]
    pub fn parse_reserved(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix(RESERVED)?)
    }

    /// Returns the text of a reserved id, for the cookie of a visitor without a session.
    ///
    /// The session begins under this id when something is stored:
    /// [`SessionState::reserving_ids`](crate::SessionState::reserving_ids).
    #[must_use]
    pub fn expose_reserved(&self) -> String {
        format!("{RESERVED}{}", Spelled::new(&self.0).as_str())
    }

    /// Derives another id: the HMAC-SHA-256 of the number, with this id as its key.
    ///
    /// For a store that keeps the sessions of different keys in different places, and can't move a
    /// session to the key of this id. The same number gives the same id, so that a retried commit
    /// finds the session of its first attempt.
    ///
    /// # Security
    /// The result is as hard to guess as this id, and doesn't reveal it. Use only one of them.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionId;
    ///
    /// let id = SessionId::from_random([7; 32]);
    /// assert_eq!(id.derived(1), id.derived(1));
    /// assert_ne!(id.derived(1), id.derived(2));
    /// ```
    #[must_use]
    pub fn derived(&self, number: u32) -> Self {
        // HMAC takes keys of any length, so this can't fail.
        let mac = <Hmac<Sha256>>::new_from_slice(&self.0).map(|mac| mac.chain_update(b"another id"));
        mac.map_or(*self, |mac| Self(mac.chain_update(number.to_be_bytes()).finalize().into_bytes().into()))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the hash for the store.
    ///
    /// A stolen database must not contain usable cookies (CVE-2019-16782).
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionId;
    ///
    /// let id = SessionId::from_random([7; 32]);
    /// assert_ne!(id.store_key().as_bytes(), &[7; 32]);
    /// ```
    #[must_use]
    pub fn store_key(&self) -> StoreKey {
        StoreKey(Sha256::digest(self.0).into())
    }
}

/// The base64url text of 32 bytes. It is on the stack, because it is always copied immediately.
pub(crate) struct Spelled([u8; SessionId::TEXT_LEN]);

impl Spelled {
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        let mut text = [0; SessionId::TEXT_LEN];
        // 32 bytes are 43 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}…)", self.store_key().prefix())
    }
}

/// The SHA-256 of a session id. A store sees the id only in this form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Creates a key from 32 bytes that a store returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns all 64 hexadecimal digits, for tools that look up a session.
    ///
    /// # Security
    /// The hash can't be used as an id, so it opens no session. A caller with permission to end
    /// sessions can end this session by its hash.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let mut text = String::with_capacity(2 * self.0.len());
        self.push_hex(&mut text);
        text
    }

    /// Appends all 64 hexadecimal digits to `text`.
    pub fn push_hex(&self, text: &mut String) {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        // The digits are ASCII.
        text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    }

    /// Parses the output of [`StoreKey::to_hex`].
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::StoreKey;
    ///
    /// let key = StoreKey::from_bytes([0xab; 32]);
    /// assert_eq!(StoreKey::from_hex(&key.to_hex()), Some(key));
    /// assert_eq!(StoreKey::from_hex("abab"), None);
    /// ```
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        if text.len() != key.len() * 2 {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in pair {
                let digit = char::from(*digit).to_digit(16)?;
                *byte = *byte << 4 | u8::try_from(digit).ok()?;
            }
        }
        Some(Self(key))
    }

    /// Returns the first eight hexadecimal digits.
    ///
    /// They suffice to follow a session through traces, but not to look it up.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionId;
    ///
    /// let key = SessionId::from_random([7; 32]).store_key();
    /// assert_eq!(key.prefix().len(), 8);
    /// assert!(key.to_hex().starts_with(&key.prefix()));
    /// ```
    #[must_use]
    pub fn prefix(&self) -> String {
        self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({}…)", self.prefix())
    }
}
