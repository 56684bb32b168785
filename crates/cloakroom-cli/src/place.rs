//! A store by its URL, wherever that is written.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use cloakroom::{AnyStore, StoreIdentity, connect};

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

/// The store that an argument names.
pub(crate) async fn store(argument: &str, how: Open) -> anyhow::Result<AnyStore> {
    open(&url(argument)?, how).await
}

/// The store behind a URL.
pub(crate) async fn open(url: &str, open: Open) -> anyhow::Result<AnyStore> {
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
    connect(url).await.map_err(|error| match error.is_config() {
        true => error.into(),
        false => anyhow!("{error}. Is it up, and is this the URL that the application has?"),
    })
}

/// The identity of the store that an argument names, to be written down and compared.
pub(crate) fn identity(argument: &str) -> anyhow::Result<StoreIdentity> {
    Ok(StoreIdentity::of(&url(argument)?)?)
}
