//! Locations of secrets.

use std::fmt;
use std::path::PathBuf;

use cloakroom_session::ConfigError;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::SetupError;

/// The location of a secret.
///
/// Written as `{ env = "NAME" }`, `{ file = "PATH" }`, or `{ url = "…" }` for a store without a
/// password.
///
/// # Security
/// `Debug` names the variable or the file. It never shows a URL, which may contain a password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// An environment variable.
    Env(String),
    /// A file, as container platforms provide secrets.
    File(PathBuf),
    /// The URL of a store.
    ///
    /// Keys are rejected here, so that they don't end up in a repository.
    Url(String),
    /// The content of a variable that has already been read.
    #[doc(hidden)]
    Read(String),
}

impl Source {
    pub(super) fn read(&self, option: &'static str) -> Result<String, SetupError> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| ConfigError::new(option, format!("the environment variable {name} isn't set")))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|why| ConfigError::new(option, format!("{} can't be read: {why}", path.display())))?,
            Self::Url(_) if option == "key" => {
                return Err(
                    ConfigError::new(option, "isn't written here, but in an environment variable or a file").into()
                );
            }
            Self::Url(text) | Self::Read(text) => text.clone(),
        };
        Ok(text.trim().to_owned())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(_) => f.write_str("Url(…)"),
            Self::Read(_) => f.write_str("Read(…)"),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    /// Implemented by hand. A derived implementation would repeat a secret in its error if a user
    /// writes the secret itself instead of a table.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with the location of the secret: { env = \"NAME\" }, { file = \"PATH\" } or { url = \"…\" }")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Source, E> {
                Err(E::custom("a secret isn't written here: use { env = \"NAME\" } or { file = \"PATH\" }"))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Source, A::Error> {
                let mut found = None;
                while let Some(word) = map.next_key::<String>()? {
                    let text: String = map.next_value()?;
                    let source = match word.as_str() {
                        "env" => Source::Env(text),
                        "file" => Source::File(text.into()),
                        "url" => Source::Url(text),
                        other => return Err(A::Error::unknown_field(other, &["env", "file", "url"])),
                    };
                    if found.replace(source).is_some() {
                        return Err(A::Error::custom("only one of `env`, `file` and `url` is allowed"));
                    }
                }
                found.ok_or_else(|| A::Error::custom("one of `env`, `file` and `url` is missing"))
            }
        }
        deserializer.deserialize_any(Table)
    }
}
