//! The JSON style of a framework.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

/// The JSON style of a framework. Python's `json.dumps` puts a space after comma and colon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    pub(crate) comma: &'static str,
    pub(crate) colon: &'static str,
    /// The framework reads bytes as Latin-1, so all other characters must be escaped.
    pub(crate) ascii: bool,
}

impl Spelling {
    pub(crate) fn push(self, out: &mut String, json: &str) {
        if !self.ascii || json.is_ascii() {
            return out.push_str(json);
        }
        // Outside strings JSON is ASCII, so other characters are inside a string, where they can be
        // escaped.
        let mut units = [0; 2];
        for character in json.chars() {
            if character.is_ascii() {
                out.push(character);
            } else {
                out.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }

    /// Writes an array of these items.
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

/// Encodes a string as JSON.
pub(crate) fn quoted(text: &str) -> Result<String, Error> {
    Ok(Json::encode(text, text)?.as_str().to_owned())
}
