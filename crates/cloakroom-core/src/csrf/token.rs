//! The CSRF token: known to our own forms, unknown to other sites.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ctutils::CtEq as _;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::id::{SessionId, Spelled};
use crate::json::Text;

/// The maximum length of a token. No known framework has longer ones.
const LONGEST: usize = 256;

/// A session's CSRF token.
///
/// It is 256 random bits in 43 characters, or the text of another framework's token.
///
/// # Security
/// Render it into pages only under a mask ([`CsrfToken::mask`]): the bytes then differ each time,
/// so that a compressed page doesn't leak the token (BREACH). `Debug` hides it; only
/// [`CsrfToken::expose`] returns its text.
///
/// # Examples
/// ```
/// use cloakroom_core::CsrfToken;
///
/// let token = CsrfToken::from_random([7; 32]);
/// assert!(token.matches(token.expose()));
/// assert!(token.matches(&token.mask(&[42; 43])));
/// assert_ne!(token.mask(&[1; 43]), token.mask(&[2; 43]));
/// assert!(!token.matches(""));
/// ```
#[derive(Clone)]
pub struct CsrfToken {
    text: Text,
    /// The token format of another framework, if the session is shared with one.
    scheme: Option<&'static dyn CsrfScheme>,
}

/// The CSRF token format of another framework.
///
/// A [`CsrfToken`] of a session that is shared with that framework uses its format, so that each
/// application accepts the forms of the other.
///
/// # Security
/// `matches` **must** run in constant time, regardless of the position at which the texts differ.
///
/// # Examples
/// A framework that renders its tokens without a mask:
/// ```
/// use cloakroom_core::{CsrfScheme, CsrfToken};
///
/// #[derive(Debug)]
/// struct Shown;
///
/// impl CsrfScheme for Shown {
///     fn token(&self, random: &[u8; 32]) -> String { CsrfToken::from_random(*random).expose().to_owned() }
///     fn pad_len(&self, _: &str) -> usize { 0 }
///     fn mask(&self, token: &str, _: &[u8]) -> String { token.to_owned() }
///     fn matches(&self, _: &str, _: &str) -> bool { false }
/// }
/// let token = CsrfToken::from_random([7; 32]).with_scheme(&Shown);
/// assert!(token.matches(&token.mask(&[])));
/// ```
pub trait CsrfScheme: fmt::Debug + Send + Sync {
    /// Generates a token in the framework's format from 32 random bytes.
    fn token(&self, random: &[u8; 32]) -> String;

    /// Returns the number of random bytes that [`CsrfScheme::mask`] needs.
    fn pad_len(&self, token: &str) -> usize;

    /// Returns the text that the framework renders into a form.
    fn mask(&self, token: &str, pad: &[u8]) -> String;

    /// Returns `true` if the framework accepts `submitted` for this token. The token's own text is
    /// always accepted and not passed to this method.
    fn matches(&self, token: &str, submitted: &str) -> bool;
}

impl CsrfToken {
    /// Creates a token from 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self { text: Spelled::new(&bytes).as_str().into(), scheme: None }
    }

    /// Creates a token from text. Returns `None` if it is empty or longer than 256 bytes.
    #[must_use]
    pub fn from_text(text: impl Into<Text>) -> Option<Self> {
        let text = text.into();
        // An empty token would match an empty submission.
        let length = text.as_str().len();
        (1..=LONGEST).contains(&length).then_some(Self { text, scheme: None })
    }

    /// Derives the token of a visitor who has a reserved id and no session.
    ///
    /// This is HKDF-SHA256 (RFC 5869) of the id. The token is in pages, and doesn't reveal the id.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{CsrfToken, SessionId};
    ///
    /// let id = SessionId::from_random([7; 32]);
    /// assert_eq!(CsrfToken::of_reserved(&id), CsrfToken::of_reserved(&id));
    /// assert_ne!(CsrfToken::of_reserved(&id).expose(), id.expose());
    /// ```
    #[must_use]
    pub fn of_reserved(id: &SessionId) -> Self {
        let mut bytes = [0; 32];
        // One block of output is always available.
        let _ =
            Hkdf::<Sha256>::new(Some(b"cloakroom"), id.as_bytes()).expand(b"CSRF token of a reserved id", &mut bytes);
        Self::from_random(bytes)
    }

    /// Returns the token in the format of another framework.
    #[must_use]
    pub fn with_scheme(self, scheme: &'static dyn CsrfScheme) -> Self {
        Self { scheme: Some(scheme), ..self }
    }

    /// Converts a token of 32 random bytes to the framework's format. Any other token keeps its
    /// text.
    pub(crate) fn reshape(self, scheme: Option<&'static dyn CsrfScheme>) -> Self {
        let Some(scheme) = scheme.filter(|_| self.scheme.is_none()) else { return self };
        let random = URL_SAFE_NO_PAD.decode(self.expose()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let shaped = random.and_then(|random| Self::from_text(scheme.token(&random)));
        shaped.unwrap_or(self).with_scheme(scheme)
    }

    /// Returns the token's text, for a header or a cookie outside of pages.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfToken;
    ///
    /// let token = CsrfToken::from_random([7; 32]);
    /// assert_eq!(token.expose().len(), 43);
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.as_str()
    }

    /// Returns the number of random bytes that [`CsrfToken::mask`] needs.
    #[must_use]
    pub fn mask_len(&self) -> usize {
        self.scheme.map_or(self.expose().len(), |scheme| scheme.pad_len(self.expose()))
    }

    /// Masks the token with a random pad.
    ///
    /// The result is the base64url text of the pad, followed by the token XOR the pad.
    ///
    /// `pad` must be fresh for every rendering, and as long as [`CsrfToken::mask_len`]. With a
    /// shorter pad the result is truncated and matches nothing.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfToken;
    ///
    /// let token = CsrfToken::from_random([7; 32]);
    /// let pad = vec![42; token.mask_len()];   // use fresh random bytes
    /// assert!(!token.mask(&pad).contains(token.expose()));
    /// assert!(token.matches(&token.mask(&pad)));
    /// ```
    #[must_use]
    pub fn mask(&self, pad: &[u8]) -> String {
        if let Some(scheme) = self.scheme {
            return scheme.mask(self.expose(), pad);
        }
        let hidden = self.expose().bytes().zip(pad).map(|(token, pad)| token ^ pad);
        let both: Vec<u8> = pad.iter().copied().chain(hidden).collect();
        URL_SAFE_NO_PAD.encode(both)
    }

    /// Returns `true` if `submitted` is this token, raw or masked. Runs in constant time.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CsrfToken;
    ///
    /// let (token, other) = (CsrfToken::from_random([7; 32]), CsrfToken::from_random([8; 32]));
    /// assert!(token.matches(token.expose()));
    /// assert!(!token.matches(other.expose()));
    /// ```
    #[must_use]
    pub fn matches(&self, submitted: &str) -> bool {
        let token = self.expose().as_bytes();
        same(token, submitted.as_bytes())
            || match self.scheme {
                Some(scheme) => scheme.matches(self.expose(), submitted),
                None => unmask(submitted).is_some_and(|raw| same(token, &raw)),
            }
    }
}

fn same(one: &[u8], other: &[u8]) -> bool {
    // The length of a token is not secret.
    one.len() == other.len() && one.ct_eq(other).to_bool()
}

fn unmask(submitted: &str) -> Option<Vec<u8>> {
    if submitted.len() > LONGEST * 3 {
        return None;
    }
    let both = URL_SAFE_NO_PAD.decode(submitted).ok()?;
    let (pad, hidden) = both.split_at_checked(both.len() / 2)?;
    (pad.len() == hidden.len()).then(|| pad.iter().zip(hidden).map(|(pad, it)| pad ^ it).collect())
}

impl PartialEq for CsrfToken {
    fn eq(&self, other: &Self) -> bool {
        same(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl Eq for CsrfToken {}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}
