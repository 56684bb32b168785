//! Finding a store's URL, and opening the store.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use cloakroom::store::StoreIdentity;
use cloakroom::{AnyStore, Keyring, Packing, connect, connect_packed};

use crate::outcome::WrongUse;

/// The treatment of a store that does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// A missing file or folder is an error in its name, and is not created.
    Existing,
    /// A missing file or folder is created.
    Any,
}

/// Returns the URL that an argument gives: the argument itself, `env:NAME`, or `@FILE`.
pub(crate) fn url(argument: &str) -> anyhow::Result<String> {
    if let Some(name) = argument.strip_prefix("env:") {
        return std::env::var(name)
            .map_err(|_| WrongUse::new(format!("the environment variable {name} isn't set")).into());
    }
    if let Some(path) = argument.strip_prefix('@') {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the URL from {path}"))?;
        return Ok(text.trim().to_owned());
    }
    Ok(argument.to_owned())
}

/// Opens the store that an argument names. The keyring opens its records.
pub(crate) async fn store(argument: &str, how: Open, keyring: Option<&Keyring>) -> anyhow::Result<AnyStore> {
    open(&url(argument)?, how, keyring).await
}

/// Opens the store of a URL. It reads packed records, and encrypts new ones if there is a keyring.
pub(crate) async fn open(url: &str, open: Open, keyring: Option<&Keyring>) -> anyhow::Result<AnyStore> {
    let packing = keyring.map_or_else(Packing::new, |keyring| Packing::new().encrypt(keyring.clone()));
    open_as(url, open, Some(packing)).await
}

/// Opens the store that an argument names, without unpacking its records.
pub(crate) async fn store_as_kept(argument: &str, how: Open) -> anyhow::Result<AnyStore> {
    open_as(&url(argument)?, how, None).await
}

async fn open_as(url: &str, open: Open, packing: Option<Packing>) -> anyhow::Result<AnyStore> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", ""));
    match scheme {
        "memory" => {
            bail!(WrongUse::new("an in-memory store is gone with its process, so it can't be inspected from outside"))
        }
        "sqlite" | "file" if open == Open::Existing => {
            // Report an invalid path as such, not as a missing file.
            StoreIdentity::of(url)?;
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let (path, _) = path.split_once('?').unwrap_or((path, ""));
            if !Path::new(path).exists() {
                bail!("{path} doesn't exist: is the path relative to another folder?");
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
        false => anyhow!("{error}. Is it up, and is this the application's URL?"),
    })
}

/// Returns `true` if the URL that an argument names compresses records.
pub(crate) fn compresses(argument: &str) -> anyhow::Result<bool> {
    let url = url(argument)?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    Ok(query.split('&').any(|pair| pair.starts_with("compress_above=")))
}

/// Returns the identity of the store that an argument names, for recording and comparing.
pub(crate) fn identity(argument: &str) -> anyhow::Result<StoreIdentity> {
    Ok(StoreIdentity::of(&url(argument)?)?)
}
