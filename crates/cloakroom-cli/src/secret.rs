//! Reading keys from a file or an environment variable. Never from an argument, which other users
//! of the machine can read.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use cloakroom::Keyring;

use crate::outcome::WrongUse;

/// The default environment variable.
const VARIABLE: &str = "CLOAKROOM_KEY";

/// The same for the keyring of records.
const RECORDS_VARIABLE: &str = "CLOAKROOM_RECORDS_KEY";

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
        keyring(self.key_file.as_deref(), self.key_env.as_deref(), Some(VARIABLE))
    }
}

/// The keyring of records, for commands that read a store.
#[derive(Args, Debug)]
pub(crate) struct RecordKeyOptions {
    /// File with the keyring that encrypts the records of the store
    #[arg(long, value_name = "FILE")]
    records_key_file: Option<PathBuf>,
    /// Environment variable with that keyring [default: CLOAKROOM_RECORDS_KEY, if it is set]
    #[arg(long, value_name = "NAME", conflicts_with = "records_key_file")]
    records_key_env: Option<String>,
}

impl RecordKeyOptions {
    /// Returns the keyring, if an option names one or the default variable is set.
    pub(crate) fn keyring(&self) -> anyhow::Result<Option<Keyring>> {
        keyring(self.records_key_file.as_deref(), self.records_key_env.as_deref(), Some(RECORDS_VARIABLE))
    }
}

/// Another keyring for the target of a migration.
#[derive(Args, Debug)]
pub(crate) struct TargetKeyOptions {
    /// File with another keyring, which encrypts records at the target
    #[arg(long, value_name = "FILE")]
    to_records_key_file: Option<PathBuf>,
    /// Environment variable with that keyring
    #[arg(long, value_name = "NAME", conflicts_with = "to_records_key_file")]
    to_records_key_env: Option<String>,
}

impl TargetKeyOptions {
    pub(crate) fn keyring(&self) -> anyhow::Result<Option<Keyring>> {
        keyring(self.to_records_key_file.as_deref(), self.to_records_key_env.as_deref(), None)
    }
}

/// The reason why sessions that a walk met don't open, and the option that helps.
pub(crate) fn locked(count: u64, keyring: Option<&Keyring>) -> String {
    let sessions = if count == 1 { "1 session is".to_owned() } else { format!("{count} sessions are") };
    match keyring {
        None => {
            format!("{sessions} encrypted, and no keyring was given: --records-key-file or --records-key-env names it")
        }
        Some(_) => format!("{sessions} encrypted with a key that isn't in the keyring of records"),
    }
}

fn keyring(file: Option<&Path>, variable: Option<&str>, usual: Option<&str>) -> anyhow::Result<Option<Keyring>> {
    let (text, place) = match (file, variable) {
        (Some(path), _) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("reading the key from {}", path.display()))?;
            (text, path.display().to_string())
        }
        (None, Some(name)) => {
            let text = std::env::var(name)
                .map_err(|_| WrongUse::new(format!("the variable {name} of the environment isn't set")))?;
            (text, name.to_owned())
        }
        (None, None) => match usual.map(|name| (std::env::var(name), name)) {
            Some((Ok(text), name)) => (text, name.to_owned()),
            _ => return Ok(None),
        },
    };
    Keyring::parse(&text).map(Some).with_context(|| format!("in {place}"))
}
