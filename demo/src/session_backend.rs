//! The session backend: cookies, or a store named on the command line.

use std::sync::Arc;

use anyhow::Context as _;
use cloakroom::{
    AnyStore, Clock, ConfigError, CookieSessions, DeviceBinding, Engine, Key, SessionLayer, StoredSessions, connect,
};

/// The place where sessions are kept.
#[derive(Clone, Debug)]
pub(crate) enum SessionBackend {
    Cookies(Arc<CookieSessions>),
    Store(Arc<StoredSessions<AnyStore>>),
}

impl SessionBackend {
    /// `signed`, `encrypted`, or the URL of a store.
    pub(crate) async fn open(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "signed" => Self::Cookies(Arc::new(CookieSessions::signed(key()?).build()?)),
            "encrypted" => Self::Cookies(Arc::new(CookieSessions::encrypted(key()?).build()?)),
            url => {
                let store = connect(url).await.context("--store")?;
                Self::Store(Arc::new(StoredSessions::new(store).build()?))
            }
        })
    }

    /// Returns the layer, with bindings to devices if `binding` is given.
    pub(crate) fn layer(
        &self,
        clock: Arc<dyn Clock>,
        binding: Option<DeviceBinding>,
    ) -> Result<SessionLayer, ConfigError> {
        let engine = match self {
            Self::Cookies(sessions) => Engine::new(Arc::clone(sessions)),
            Self::Store(sessions) => Engine::new(Arc::clone(sessions)),
        };
        let engine = engine.clock(clock);
        Ok(SessionLayer::from_engine(match binding {
            Some(binding) => engine.device_binding(binding)?,
            None => engine,
        }))
    }

    pub(crate) fn cookie_name(&self) -> &str {
        match self {
            Self::Cookies(sessions) => sessions.cookie_name(),
            Self::Store(sessions) => sessions.cookie_name(),
        }
    }
}

/// Returns the part of a store's URL that is safe to print: a server's URL may contain a password.
pub(crate) fn name_of(store: &str) -> &str {
    let scheme = store.split(':').next().unwrap_or_default();
    match scheme {
        "file" | "sqlite" => store,
        _ => scheme,
    }
}

/// Reads the key from the environment, or generates one for the lifetime of this process.
fn key() -> anyhow::Result<Key> {
    match std::env::var("CLOAKROOM_KEY") {
        Ok(text) => Key::from_base64(&text).context("CLOAKROOM_KEY"),
        Err(std::env::VarError::NotPresent) => {
            println!("CLOAKROOM_KEY isn't set: sessions are sealed with a random key and end with this process");
            Ok(Key::new(cloakroom::factory::random::<32>()?)?)
        }
        Err(error) => Err(error).context("CLOAKROOM_KEY"),
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn passwords_are_not_printed() {
        for (url, said) in [
            ("sqlite:shop.db", "sqlite:shop.db"),
            ("file:/var/lib/shop", "file:/var/lib/shop"),
            ("redis://:hunter2@host/0", "redis"),
            ("postgres://ann:hunter2@host/shop", "postgres"),
            ("signed", "signed"),
        ] {
            assert_eq!(name_of(url), said);
        }
    }
}
