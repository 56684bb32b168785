//! A store by its URL, wherever that is written.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use cloakroom::{AnyStore, Keyring, Packing, StoreIdentity, connect, connect_packed};

use crate::outcome::WrongUse;

/// What must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// A file or folder that isn't there is a mistake in its name, and not to be created.
    Existing,
    /// It may be created.
    Any,
}

/// The URL that an argument names: itself, `env:NAME`, or `@FILE`.
pub(crate) fn url(argument: &str) -> anyhow::Result<String> {
    if let Some(name) = argument.strip_prefix("env:") {
        return std::env::var(name)
            .map_err(|_| WrongUse::new(format!("the variable {name} of the environment isn't set")).into());
    }
    if let Some(path) = argument.strip_prefix('@') {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the URL from {path}"))?;
        return Ok(text.trim().to_owned());
    }
    Ok(argument.to_owned())
}

/// The store that an argument names, and the keyring of its records.
pub(crate) async fn store(argument: &str, how: Open, keyring: Option<&Keyring>) -> anyhow::Result<AnyStore> {
    open(&url(argument)?, how, keyring).await
}

/// The store behind a URL, which reads packed records, and encrypts those that it writes if there
/// is a keyring.
pub(crate) async fn open(url: &str, open: Open, keyring: Option<&Keyring>) -> anyhow::Result<AnyStore> {
    let packing = keyring.map_or_else(Packing::new, |keyring| Packing::new().encrypt(keyring.clone()));
    open_as(url, open, Some(packing)).await
}

/// The store that an argument names, with records as they are kept there.
pub(crate) async fn store_as_kept(argument: &str, how: Open) -> anyhow::Result<AnyStore> {
    open_as(&url(argument)?, how, None).await
}

async fn open_as(url: &str, open: Open, packing: Option<Packing>) -> anyhow::Result<AnyStore> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", ""));
    match scheme {
        "memory" => {
            bail!(WrongUse::new("a store in memory is gone with its process: there is nothing to look at from outside"))
        }
        "sqlite" | "file" if open == Open::Existing => {
            // A path that can't be right is no missing file.
            StoreIdentity::of(url)?;
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let (path, _) = path.split_once('?').unwrap_or((path, ""));
            if !Path::new(path).exists() {
                bail!("{path} isn't there: is the path relative to another folder?");
            }
        }
        _ => {}
    }
    let store = match packing {
        Some(packing) => connect_packed(url, packing).await,
        None => connect(url).await,
    };
    store.map_err(|error| match error.is_config() {
        true => error.into(),
        false => anyhow!("{error}. Is it up, and is this the URL that the application has?"),
    })
}

/// Returns `true` if the URL that an argument names compresses records.
pub(crate) fn compresses(argument: &str) -> anyhow::Result<bool> {
    let url = url(argument)?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    Ok(query.split('&').any(|pair| pair.starts_with("compress_above=")))
}

/// The identity of the store that an argument names, to be written down and compared.
pub(crate) fn identity(argument: &str) -> anyhow::Result<StoreIdentity> {
    Ok(StoreIdentity::of(&url(argument)?)?)
}
