//! The token that a form of ours knows and a foreign page doesn't.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ctutils::CtEq as _;

use crate::id::Spelled;
use crate::text::Text;

/// Longer texts aren't tokens of any framework we know.
const LONGEST: usize = 256;

/// A session's CSRF token: 256 random bits as 43 characters, or the text that another framework
/// made.
///
/// # Security
/// Render it masked into pages ([`CsrfToken::mask`]): bytes that differ each time keep a compressed
/// page from giving it away (BREACH). `Debug` prints nothing of it; [`CsrfToken::expose`] is the
/// one way to its text.
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
    /// How another framework spells it, if the session is shared with one.
    scheme: Option<&'static dyn CsrfScheme>,
}

/// How another framework spells CSRF tokens, so that a form rendered by one application is accepted
/// by the other.
///
/// A [`CsrfToken`] of a session that is shared with that framework goes by it.
///
/// # Security
/// `matches` **must** take the same time wherever two texts differ.
///
/// # Examples
/// A framework that shows its tokens as they are:
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
    /// A token as that framework makes them, of 32 random bytes.
    fn token(&self, random: &[u8; 32]) -> String;

    /// How many random bytes [`CsrfScheme::mask`] needs.
    fn pad_len(&self, token: &str) -> usize;

    /// What that framework puts into a form.
    fn mask(&self, token: &str, pad: &[u8]) -> String;

    /// Whether a submitted text is what that framework accepts for this token. The token's own text
    /// is accepted without asking.
    fn matches(&self, token: &str, submitted: &str) -> bool;
}

impl CsrfToken {
    /// A token from 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self { text: Spelled::new(&bytes).as_str().into(), scheme: None }
    }

    /// A token that is text already; `None` if it is empty or longer than 256 bytes.
    #[must_use]
    pub fn from_text(text: impl Into<Text>) -> Option<Self> {
        let text = text.into();
        // An empty token would be matched by an empty submission.
        let length = text.as_str().len();
        (1..=LONGEST).contains(&length).then_some(Self { text, scheme: None })
    }

    /// The same token, as another framework spells it.
    #[must_use]
    pub fn with_scheme(self, scheme: &'static dyn CsrfScheme) -> Self {
        Self { scheme: Some(scheme), ..self }
    }

    /// A token of 32 random bytes becomes one as that framework makes them; any other is left as it
    /// is.
    pub(crate) fn reshape(self, scheme: Option<&'static dyn CsrfScheme>) -> Self {
        let Some(scheme) = scheme.filter(|_| self.scheme.is_none()) else { return self };
        let random = URL_SAFE_NO_PAD.decode(self.expose()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let shaped = random.and_then(|random| Self::from_text(scheme.token(&random)));
        shaped.unwrap_or(self).with_scheme(scheme)
    }

    /// The token's text, for a header or a cookie that isn't part of a page.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.as_str()
    }

    /// How many random bytes [`CsrfToken::mask`] needs.
    #[must_use]
    pub fn mask_len(&self) -> usize {
        self.scheme.map_or(self.expose().len(), |scheme| scheme.pad_len(self.expose()))
    }

    /// The token hidden under a random pad: base64url of the pad and of the token XOR the pad.
    ///
    /// `pad` is fresh for every rendering and as long as [`CsrfToken::mask_len`] says; of a shorter
    /// one only as much of the token is kept, and the result matches nothing.
    #[must_use]
    pub fn mask(&self, pad: &[u8]) -> String {
        if let Some(scheme) = self.scheme {
            return scheme.mask(self.expose(), pad);
        }
        let hidden = self.expose().bytes().zip(pad).map(|(token, pad)| token ^ pad);
        let both: Vec<u8> = pad.iter().copied().chain(hidden).collect();
        URL_SAFE_NO_PAD.encode(both)
    }

    /// Whether a submitted text is this token, raw or masked. Takes the same time wherever they
    /// differ.
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
    // The length of a token is no secret.
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
