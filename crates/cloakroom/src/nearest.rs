//! Suggestions for misspelled option names.

/// Words at this distance or further are unrelated.
const FAR: usize = 3;

/// Returns the nearest known word, if it is a likely correction of `word`.
///
/// # Security
/// An unknown word may be part of a password. Callers show the known word instead.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace(['-', '.'], "_");
    let near = |known: &&str| {
        let plain = known.to_ascii_lowercase().replace(['-', '.'], "_");
        let apart = distance(&word, &plain);
        let begins = word.len() >= 4 && (plain.starts_with(&word) || word.starts_with(&plain));
        (begins || apart < FAR.min(word.len().max(1))).then_some(apart)
    };
    known.into_iter().filter_map(|known| Some((near(&known)?, known))).min_by_key(|(apart, _)| *apart).map(|(_, it)| it)
}

/// Computes the Levenshtein distance: insertions, deletions and substitutions of one letter.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (place, letter) in (1..).zip(one.chars()) {
        let mut left = place;
        let mut next = vec![left];
        for (pair, theirs) in row.windows(2).zip(other.chars()) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != theirs)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        for (one, other, expected) in [("", "", 0), ("a", "", 1), ("prefix", "prefx", 1), ("kitten", "sitting", 3)] {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn a_typing_error_is_understood() {
        let known = ["prefix", "replicas", "timeout", "ca", "connect_timeout", "sslmode"];
        for (word, expected) in [
            ("prefx", Some("prefix")),
            ("Replica", Some("replicas")),
            ("connect-timeout", Some("connect_timeout")),
            ("ssl_mode", Some("sslmode")),
            ("time", Some("timeout")),
            ("ac", None),
            ("hunter2", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
