//! A keyring as text, for a file or an environment variable.
//!
//! Each line has a key in base64 after its role: `current`, `previous` or `next`. Empty lines and
//! lines that begin with `#` are ignored. A text that is a single key and nothing else is the
//! current key, such as the output of `openssl rand -base64 32`.

use super::{Key, Keyring};
use crate::error::ConfigError;

impl Keyring {
    /// Parses a keyring.
    ///
    /// The text is a key in base64, or lines of `current`, `previous` or `next`, each followed by a
    /// key.
    ///
    /// # Errors
    /// Returns an error for an invalid line, an invalid key, and a text with no current key or with
    /// two. The error names the line, and never quotes it.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Keyring;
    ///
    /// let text = "# rotated in May\n\
    ///     current q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n\
    ///     previous EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=\n";
    /// assert_eq!(Keyring::parse(text)?.ids().count(), 2);
    /// assert_eq!(Keyring::parse("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")?.ids().count(), 1);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let (mut current, mut others) = (None, Vec::new());
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let (word, key) = match words.as_slice() {
                [key] => ("current", *key),
                [word, key] => (*word, *key),
                _ => return Err(wrong(number, "has more than a word and a key")),
            };
            let key =
                Key::from_base64(key).map_err(|why| wrong(number, &format!("has no key: it {}", why.problem())))?;
            match word {
                "current" if current.is_some() => return Err(wrong(number, "has a second current key")),
                "current" => current = Some(key),
                "previous" | "next" => others.push((word == "next", key)),
                _ => return Err(wrong(number, "begins with none of `current`, `previous`, `next`")),
            }
        }
        let current = current.ok_or_else(|| ConfigError::new("keyring", "has no current key"))?;
        others.into_iter().try_fold(
            Self::new(current),
            |keyring, (is_next, key)| {
                if is_next { keyring.next(key) } else { keyring.previous(key) }
            },
        )
    }
}

fn wrong(line: usize, why: &str) -> ConfigError {
    ConfigError::new("keyring", format!("line {line} {why}"))
}

#[cfg(test)]
mod tests {
    use crate::keyring::{Key, Keyring};

    const ONE: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    const TWO: &str = "EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=";

    #[test]
    fn the_current_key_seals_regardless_of_its_position() {
        let [one, two] = [ONE, TWO].map(|text| Key::from_base64(text).unwrap().id());
        for (row, text, expected) in [
            ("a key alone", format!("{ONE}\n"), vec![one]),
            ("named", format!("current {ONE}"), vec![one]),
            ("the current one last", format!("previous {TWO}\n\n# new\n  current\t{ONE}"), vec![one, two]),
            ("an announced one", format!("{ONE}\nnext {TWO}"), vec![one, two]),
        ] {
            assert_eq!(Keyring::parse(&text).unwrap().ids().collect::<Vec<_>>(), expected, "{row}");
        }
    }

    #[test]
    fn errors_name_the_line_and_never_the_key() {
        for (row, text, expected) in [
            ("an empty text", String::new(), "no current key"),
            ("no current one", format!("previous {ONE}"), "no current key"),
            ("two current ones", format!("{ONE}\ncurrent {TWO}"), "line 2 has a second"),
            ("the same twice", format!("{ONE}\nprevious {ONE}"), "already"),
            ("another word", format!("{ONE}\nolder {TWO}"), "line 2 begins"),
            ("three words", format!("current {ONE} {TWO}"), "line 1 has more"),
            ("no base64", "current s!cret".to_owned(), "line 1 has no key"),
            ("too short", "current c2VjcmV0".to_owned(), "at least 32"),
        ] {
            let error = Keyring::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{row}: {error}");
            assert!(!error.contains("s!cret") && !error.contains("q83v") && !error.contains("c2Vj"), "{row}: {error}");
        }
    }
}
