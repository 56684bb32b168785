//! The parts of a sealed cookie, as text and as bytes.
//!
//! Both formats are a prefix of three characters, followed by base64url of key id, payload and tag
//! (signed), or of key id, nonce, payload and tag (encrypted). The page that shows them must not
//! contain a copy of the cookie: otherwise a script or a screenshot that can read the page could
//! bypass `HttpOnly`. The page therefore withholds the tag, without which the cookie doesn't open,
//! and the secrets in a readable payload.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom::factory::Seal;

const PREFIX: usize = 3;
const KEY_ID: usize = 4;
const NONCE: usize = 12;
const ROW: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    KeyId,
    Nonce,
    Payload,
    /// A secret within a readable payload.
    Secret,
    Tag,
}

impl Part {
    /// Returns the class for the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::KeyId => "key-id",
            Self::Nonce => "nonce",
            Self::Payload => "payload",
            Self::Secret => "secret",
            Self::Tag => "tag",
        }
    }

    const fn is_withheld(self) -> bool {
        matches!(self, Self::Secret | Self::Tag)
    }
}

/// Consecutive text of one part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) part: Part,
    pub(crate) text: String,
}

/// Sixteen bytes of the dump.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) offset: String,
    pub(crate) hex: Vec<Run>,
    pub(crate) text: Vec<Run>,
}

#[derive(Debug)]
pub(crate) struct Anatomy {
    pub(crate) prefix: String,
    /// The text of the cookie after the prefix.
    pub(crate) text: Vec<Run>,
    pub(crate) rows: Vec<Row>,
    /// The size in bytes of each part, in order.
    pub(crate) sizes: Vec<(Part, usize)>,
}

impl Anatomy {
    /// Splits a value that was opened successfully, and is therefore complete.
    pub(crate) fn of(value: &str, seal: Seal, secrets: &[String]) -> Self {
        let (prefix, body) = value.split_at_checked(PREFIX).unwrap_or((value, ""));
        let bytes = URL_SAFE_NO_PAD.decode(body).unwrap_or_default();
        let parts = parts(&bytes, seal, secrets);
        let cells: Vec<(u8, Part)> = bytes.into_iter().zip(parts).collect();
        Self {
            prefix: prefix.to_owned(),
            text: text_runs(body, &cells),
            rows: cells.chunks(ROW).enumerate().map(|(number, cells)| row(number, cells)).collect(),
            sizes: sizes(&cells),
        }
    }
}

/// Returns the part to which each byte belongs.
fn parts(bytes: &[u8], seal: Seal, secrets: &[String]) -> Vec<Part> {
    let (nonce, tag) = if seal == Seal::Encrypted { (NONCE, 16) } else { (0, 32) };
    let payload = KEY_ID + nonce;
    let end = bytes.len().saturating_sub(tag);
    let mut parts: Vec<Part> = (0..bytes.len())
        .map(|at| match at {
            at if at < KEY_ID => Part::KeyId,
            at if at < payload => Part::Nonce,
            at if at < end => Part::Payload,
            _ => Part::Tag,
        })
        .collect();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        // Finds nothing in an encrypted payload.
        let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        let range = found.map(|at| at..at + secret.len());
        range.and_then(|range| parts.get_mut(range)).unwrap_or_default().fill(Part::Secret);
    }
    parts
}

fn sizes(cells: &[(u8, Part)]) -> Vec<(Part, usize)> {
    let all = [Part::KeyId, Part::Nonce, Part::Payload, Part::Secret, Part::Tag];
    let sized = all.map(|part| (part, cells.iter().filter(|(_, it)| *it == part).count()));
    sized.into_iter().filter(|(_, size)| *size > 0).collect()
}

fn row(number: usize, cells: &[(u8, Part)]) -> Row {
    let hex = |(byte, part): &(u8, Part)| {
        if part.is_withheld() { "·· ".to_owned() } else { format!("{byte:02x} ") }
    };
    let character = |(byte, part): &(u8, Part)| match byte {
        _ if part.is_withheld() => "·".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => ".".to_owned(),
    };
    Row {
        offset: format!("{:04x}", number * ROW),
        hex: runs(cells.iter().map(|cell| (cell.1, hex(cell)))),
        text: runs(cells.iter().map(|cell| (cell.1, character(cell)))),
    }
}

/// A base64 character encodes six bits of one or two bytes. It is shown only if both may be shown.
fn text_runs(body: &str, cells: &[(u8, Part)]) -> Vec<Run> {
    runs(body.chars().enumerate().map(|(at, character)| {
        let part = |bit: usize| cells.get(bit / 8).map(|(_, part)| *part);
        let (first, last) = (part(at * 6), part(at * 6 + 5));
        let withheld = [first, last].into_iter().flatten().find(|part| part.is_withheld());
        match withheld {
            Some(part) => (part, "·".to_owned()),
            None => (first.unwrap_or(Part::Tag), character.to_string()),
        }
    }))
}

/// Joins consecutive pieces of one part.
fn runs(pieces: impl Iterator<Item = (Part, String)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (part, text) in pieces {
        match runs.last_mut() {
            Some(run) if run.part == part => run.text.push_str(&text),
            _ => runs.push(Run { part, text }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use cloakroom::factory::Sealer;
    use cloakroom::{Key, Keyring};

    use super::*;

    const SECRET: &str = "the id and its token are secrets";

    fn anatomy(seal: Seal, payload: &str) -> (String, Anatomy) {
        let keyring = Keyring::new(Key::new(b"a secret of at least thirty-two bytes").expect("a key"));
        let sealed =
            Sealer::new(seal, &keyring, "session").expect("a sealer").seal(payload, [7; 12]).expect("it is short");
        let anatomy = Anatomy::of(&sealed, seal, &[SECRET.to_owned(), String::new()]);
        (sealed, anatomy)
    }

    fn shown(anatomy: &Anatomy) -> String {
        anatomy.rows.iter().flat_map(|row| &row.text).map(|run| run.text.as_str()).collect()
    }

    #[test]
    fn the_parts_have_their_sizes() {
        let payload = format!("{SECRET}, public");
        for (seal, prefix, expected) in [
            (Seal::Signed, "s1.", vec![(Part::KeyId, 4), (Part::Payload, 8), (Part::Secret, 32), (Part::Tag, 32)]),
            (Seal::Encrypted, "e1.", vec![(Part::KeyId, 4), (Part::Nonce, 12), (Part::Payload, 40), (Part::Tag, 16)]),
        ] {
            let (_, anatomy) = anatomy(seal, &payload);
            assert_eq!((anatomy.prefix.as_str(), anatomy.sizes), (prefix, expected), "{seal:?}");
        }
    }

    #[test]
    fn withheld_bytes_appear_nowhere() {
        for seal in [Seal::Signed, Seal::Encrypted] {
            for padding in ["", "a", "ab", "abc"] {
                let (sealed, anatomy) = anatomy(seal, &format!("{padding}{SECRET}, public"));
                let text: String = anatomy.text.iter().map(|run| run.text.as_str()).collect();
                assert_eq!(text.chars().count(), sealed.len() - PREFIX);
                let withheld = text.chars().filter(|it| *it == '·').count();
                let bytes = if seal == Seal::Signed { SECRET.len() + 32 } else { 16 };
                assert!(withheld * 6 >= bytes * 8, "{seal:?}: {withheld} characters hold less than {bytes} bytes");
                assert!(!shown(&anatomy).contains("secret"), "{seal:?}");
            }
        }
    }

    #[test]
    fn a_signed_payload_can_be_read() {
        assert!(shown(&anatomy(Seal::Signed, &format!("{SECRET}, public")).1).contains(", public"));
        assert!(!shown(&anatomy(Seal::Encrypted, "public").1).contains("public"));
    }

    #[test]
    fn arbitrary_values_do_not_panic() {
        for value in ["", "e", "e1.", "e1.!!", "e1.AAAA", "ä€"] {
            let _ = Anatomy::of(value, Seal::Encrypted, &[]);
            let _ = Anatomy::of(value, Seal::Signed, &[]);
        }
    }
}
