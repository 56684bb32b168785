//! How a framework spells JSON.

use cloakroom_session::{Error, Json};

/// How a framework spells JSON. Python's `json.dumps` puts a space behind comma and colon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    pub(crate) comma: &'static str,
    pub(crate) colon: &'static str,
    /// It reads bytes as Latin-1, so that everything else must be escaped.
    pub(crate) ascii: bool,
}

impl Spelling {
    pub(crate) fn push(self, out: &mut String, json: &str) {
        if !self.ascii || json.is_ascii() {
            return out.push_str(json);
        }
        // Outside of strings JSON is ASCII, so what isn't is in a string, where it can be escaped.
        let mut units = [0; 2];
        for character in json.chars() {
            if character.is_ascii() {
                out.push(character);
            } else {
                out.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }

    /// An array of these.
    pub(crate) fn array<'a>(self, items: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("[");
        for (index, item) in items.into_iter().enumerate() {
            out.push_str(if index == 0 { "" } else { self.comma });
            out.push_str(item);
        }
        out.push(']');
        out
    }
}

/// A string as JSON.
pub(crate) fn quoted(text: &str) -> Result<String, Error> {
    Ok(Json::encode(text, text)?.as_str().to_owned())
}
