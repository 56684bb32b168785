//! The reason why a value can't be decoded, without any of its contents.
//!
//! serde's own message quotes the value, which may be secret. Only the parts that come from the
//! *type* are kept: the kind of mistake, the name of a missing field, and the position.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// The maximum length of a field name in a path. Longer names, and names that don't look like
/// fields, may be data.
const LONGEST_NAME: usize = 32;

/// The kind of mistake and its position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    kind: &'static str,
    field: Option<String>,
    path: String,
    line: usize,
    column: usize,
}

impl Unreadable {
    /// Decodes the text a second time, tracking the path. Only a value that can't be decoded pays
    /// for it.
    #[cold]
    pub(crate) fn explain<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Self {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let message = error.to_string();
        let (kind, field) = match error.classify() {
            Category::Data => kind_of(&message),
            Category::Syntax | Category::Eof | Category::Io if message.starts_with("recursion limit") => {
                ("nested too deep", None)
            }
            Category::Syntax | Category::Eof | Category::Io => ("not JSON", None),
        };
        let path = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            // The name of an unknown field is data, too.
            Err(error) => shown(error.path(), kind == "unknown field"),
            Ok(_) => String::new(),
        };
        Self { kind, field, path, line: error.line(), column: error.column() }
    }

    /// Returns `true` if the message adds nothing to the shape of the value.
    pub(crate) fn is_plain(&self) -> bool {
        self.kind == "invalid type" && self.path.is_empty()
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if let Some(field) = &self.field {
            write!(f, " `{field}`")?;
        }
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, " (line {}, column {})", self.line, self.column)
    }
}

/// Returns the start of serde's message, and the name of a field if the type has it.
fn kind_of(message: &str) -> (&'static str, Option<String>) {
    for kind in ["missing field", "duplicate field"] {
        if let Some(rest) = message.strip_prefix(kind) {
            return (kind, rest.split('`').nth(1).filter(|name| is_field_name(name)).map(str::to_owned));
        }
    }
    let kinds = ["invalid type", "invalid value", "invalid length", "unknown field", "unknown variant"];
    (kinds.into_iter().find(|kind| message.starts_with(kind)).unwrap_or("refused by the type"), None)
}

/// Formats serde's path. Keys of maps are data, so keys that don't look like a field name are shown
/// as a star.
fn shown(path: &Path, last_is_data: bool) -> String {
    let mut text = String::new();
    let mut segments = path.iter().peekable();
    while let Some(segment) = segments.next() {
        let is_data = last_is_data && segments.peek().is_none();
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(if is_field_name(name) && !is_data { name } else { "*" });
            }
            Segment::Unknown => text.push('?'),
        }
    }
    text
}

fn is_field_name(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.len() <= LONGEST_NAME
        && digits <= 2
        && name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use crate::json::Json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read into")]
    struct Account {
        name: String,
        age: u8,
        #[serde(default)]
        plan: Option<Plan>,
    }

    #[derive(Debug, Deserialize)]
    enum Plan {
        Free,
    }

    #[derive(Debug)]
    struct Picky;

    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("missing field `{text}`")))
        }
    }

    /// Returns the part of the message after the type's name.
    fn why<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        let error = Json::from_lenient("it", text).unwrap().decode::<T>("it").unwrap_err();
        assert!(error.is_decode() && error.key() == Some("it") && std::error::Error::source(&error).is_none());
        let said = error.to_string();
        for secret in ["4111", "ann@example", "s3cret"] {
            assert!(!said.contains(secret), "{said}");
        }
        said.split_once(std::any::type_name::<T>()).unwrap().1.to_owned()
    }

    #[test]
    fn an_error_names_kind_and_position_and_never_a_value() {
        type Accounts = BTreeMap<String, Vec<Account>>;
        for (name, said, expected) in [
            ("another shape", why::<u32>("\"s3cret\""), ""),
            ("a missing field", why::<Account>(r#"{"name":"s3cret"}"#), ": missing field `age` (line 1, column 17)"),
            (
                "deeper",
                why::<Accounts>(r#"{"home":[{"name":"s3cret"}]}"#),
                ": missing field `age` at home[0] (line 1, column 26)",
            ),
            (
                "a key that is data",
                why::<Accounts>(r#"{"ann@example.org":[{"name":1}]}"#),
                ": invalid type at *[0].name (line 1, column 29)",
            ),
            ("a number", why::<Accounts>(r#"{"4111111111111111":[7]}"#), ": invalid type at *[0] (line 1, column 22)"),
            ("out of range", why::<Account>(r#"{"name":"","age":4111}"#), ": invalid value at age (line 1, column 21)"),
            ("an unknown field", why::<Account>(r#"{"s3cret":1}"#), ": unknown field at * (line 1, column 9)"),
            (
                "an unknown variant",
                why::<Account>(r#"{"plan":"s3cret"}"#),
                ": unknown variant at plan (line 1, column 16)",
            ),
            (
                "a duplicate field",
                why::<Account>(r#"{"age":1,"age":2}"#),
                ": duplicate field `age` (line 1, column 14)",
            ),
            (
                "a message of the type",
                why::<[Picky; 1]>(r#"["ann@example.org"]"#),
                ": missing field at [0] (line 1, column 19)",
            ),
            ("foreign JSON", why::<f64>("NaN"), ": not JSON (line 1, column 1)"),
            ("too deep", why::<serde_json::Value>(&("[".repeat(200) + &"]".repeat(200))), ": nested too deep"),
        ] {
            assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
        }
    }
}
