//! Where a secret is written.

use std::fmt;
use std::path::PathBuf;

use cloakroom_session::ConfigError;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::SetupError;

/// Where a secret is written: `{ env = "NAME" }`, `{ file = "PATH" }`, or for a store without a
/// password `{ url = "…" }`.
///
/// # Security
/// `Debug` names the variable or the file, and never shows a URL: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// In this variable of the environment.
    Env(String),
    /// In this file, as container platforms hand out secrets.
    File(PathBuf),
    /// Here: the URL of a store. A key isn't taken from here, so that none gets into a repository.
    Url(String),
    /// In a variable that has been read already.
    #[doc(hidden)]
    Read(String),
}

impl Source {
    pub(super) fn read(&self, option: &'static str) -> Result<String, SetupError> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| ConfigError::new(option, format!("the variable {name} of the environment isn't set")))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|why| ConfigError::new(option, format!("{} can't be read: {why}", path.display())))?,
            Self::Url(_) if option != "store" => {
                return Err(ConfigError::new(
                    option,
                    "isn't written here, but in a variable of the environment or a file",
                )
                .into());
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
    /// By hand: a derived one would repeat in its error what somebody has written in the place of a
    /// table, which is the secret itself.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table that says where it is: { env = \"NAME\" }, { file = \"PATH\" } or { url = \"…\" }")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Source, E> {
                Err(E::custom(
                    "a secret isn't written here: { env = \"NAME\" } or { file = \"PATH\" } says where it is",
                ))
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
                        return Err(A::Error::custom("one of `env`, `file` and `url`, and not two of them"));
                    }
                }
                found.ok_or_else(|| A::Error::custom("one of `env`, `file` and `url` is missing"))
            }
        }
        deserializer.deserialize_any(Table)
    }
}
