//! The token that a form of ours knows and a foreign page doesn't.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ctutils::CtEq as _;

use crate::text::Text;

/// Longer texts aren't tokens of any framework we know.
const LONGEST: usize = 256;

/// A session's CSRF token: 256 random bits as 43 characters, or the text that another framework made.
///
/// # Security
/// Render it masked into pages ([`CsrfToken::mask`]): bytes that differ each time keep a compressed page from giving it away
/// (BREACH). `Debug` prints nothing of it; [`CsrfToken::expose`] is the one way to its text.
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
pub struct CsrfToken(Text);

impl CsrfToken {
    /// A token from 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// A token that is text already; `None` if it is empty or longer than 256 bytes.
    #[must_use]
    pub fn from_text(text: impl Into<Text>) -> Option<Self> {
        let text = text.into();
        // An empty token would be matched by an empty submission.
        let length = text.as_str().len();
        (1..=LONGEST).contains(&length).then_some(Self(text))
    }

    /// The token's text, for a header or a cookie that isn't part of a page.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// How many random bytes [`CsrfToken::mask`] needs.
    #[must_use]
    pub fn mask_len(&self) -> usize {
        self.0.as_str().len()
    }

    /// The token hidden under a random pad: base64url of the pad and of the token XOR the pad.
    ///
    /// `pad` is fresh for every rendering and as long as [`CsrfToken::mask_len`] says; of a shorter one only as much of the token
    /// is kept, and the result matches nothing.
    #[must_use]
    pub fn mask(&self, pad: &[u8]) -> String {
        let hidden = self.0.as_str().bytes().zip(pad).map(|(token, pad)| token ^ pad);
        let both: Vec<u8> = pad.iter().copied().chain(hidden).collect();
        URL_SAFE_NO_PAD.encode(both)
    }

    /// Whether a submitted text is this token, raw or masked. Takes the same time wherever they differ.
    #[must_use]
    pub fn matches(&self, submitted: &str) -> bool {
        let token = self.0.as_str().as_bytes();
        same(token, submitted.as_bytes()) || unmask(submitted).is_some_and(|raw| same(token, &raw))
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
