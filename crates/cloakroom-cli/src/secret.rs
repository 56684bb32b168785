//! Reading keys from a file or an environment variable. Never from an argument, which other users
//! of the machine can read.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use cloakroom::Keyring;

use crate::outcome::WrongUse;

/// The default environment variable.
const VARIABLE: &str = "CLOAKROOM_KEY";

#[derive(Args, Debug)]
pub(crate) struct KeyOptions {
    /// File with the key or the keyring, in the form of `cloakroom keygen`
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Environment variable with the key or the keyring [default: CLOAKROOM_KEY, if it is set]
    #[arg(long, value_name = "NAME", conflicts_with = "key_file")]
    key_env: Option<String>,
}

impl KeyOptions {
    /// Returns the keyring of the options or of the default variable, if there is one.
    pub(crate) fn keyring(&self) -> anyhow::Result<Option<Keyring>> {
        let (text, place) = match (&self.key_file, &self.key_env) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading the key from {}", path.display()))?;
                (text, path.display().to_string())
            }
            (None, Some(name)) => {
                let text = std::env::var(name);
                (text.map_err(|_| WrongUse::new(format!("the environment variable {name} isn't set")))?, name.clone())
            }
            (None, None) => match std::env::var(VARIABLE) {
                Ok(text) => (text, VARIABLE.to_owned()),
                Err(_) => return Ok(None),
            },
        };
        Keyring::parse(&text).map(Some).with_context(|| format!("in {place}"))
    }
}
