//! Finding the session that an argument names: by its key, the first digits of it, or a cookie's
//! id.

use std::io::Read as _;

use anyhow::bail;
use cloakroom::AnyStore;
use cloakroom::factory::{SessionId, StoreKey};

use crate::outcome::WrongUse;
use crate::scan;

/// The minimum number of digits: eight, the number shown in traces.
const SHORTEST: usize = 8;

/// A name of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Key(StoreKey),
    Beginning(String),
}

impl Name {
    /// Parses an argument. `-` reads from stdin, because a cookie is a secret and arguments are
    /// not.
    pub(crate) fn parse(argument: &str) -> anyhow::Result<Self> {
        let mut text = argument.to_owned();
        if argument == "-" {
            text.clear();
            std::io::stdin().read_to_string(&mut text)?;
        }
        Self::read(text.trim()).ok_or_else(|| {
            WrongUse::new("a session is named by 8 to 64 hexadecimal digits of its key, or by the id in its cookie")
                .into()
        })
    }

    fn read(text: &str) -> Option<Self> {
        let value = text.rsplit_once('=').map_or(text, |(_, value)| value);
        if let Some(id) = SessionId::parse(value).or_else(|| SessionId::parse_reserved(value)) {
            return Some(Self::Key(id.store_key()));
        }
        let digits = value.to_ascii_lowercase();
        if let Some(key) = StoreKey::from_hex(&digits) {
            return Some(Self::Key(key));
        }
        let is_beginning =
            (SHORTEST..64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_beginning.then_some(Self::Beginning(digits))
    }

    /// Finds the one live session with this name. First digits are compared with all keys.
    pub(crate) async fn find(&self, store: &AnyStore) -> anyhow::Result<Option<StoreKey>> {
        let beginning = match self {
            Self::Key(key) => return Ok(Some(*key)),
            Self::Beginning(digits) => digits,
        };
        let mut found = Vec::new();
        let unread = scan::all(store, |scanned| found.extend(Some(scanned.key))).await?;
        found.extend(unread.damaged);
        found.retain(|key| key.to_hex().starts_with(beginning));
        match found.as_slice() {
            [] => Ok(None),
            [key] => Ok(Some(*key)),
            several => {
                bail!(WrongUse::new(format!("{} sessions begin with {beginning}: name more digits", several.len())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cloakroom::factory::{SessionId, StoreKey};

    use super::Name;

    #[test]
    fn names() {
        let id = SessionId::from_random([7; 32]);
        let key = id.store_key();
        for (row, text, expected) in [
            ("a key", key.to_hex(), Some(Name::Key(key))),
            ("a key in capitals", "AB".repeat(32), Some(Name::Key(StoreKey::from_bytes([0xab; 32])))),
            ("a cookie's value", id.expose(), Some(Name::Key(key))),
            ("a reserved id", id.expose_reserved(), Some(Name::Key(key))),
            ("a cookie", format!("__Host-Http-session={}", id.expose()), Some(Name::Key(key))),
            ("eight digits", "abababab".to_owned(), Some(Name::Beginning("abababab".to_owned()))),
            ("seven digits", "abababa".to_owned(), None),
            ("no digits", "ababxbab".to_owned(), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(Name::read(&text), expected, "{row}");
        }
    }
}
