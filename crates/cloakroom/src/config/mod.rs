//! Sessions from an application's configuration: a file that serde reads, or the environment.
//!
//! | module | what it is about |
//! |---|---|
//! | `options` | the tables of options: cookie, lifetimes, CSRF, and those of a store |
//! | `source` | where a secret is written |
//! | `span` | lengths of time, as people write them |
//! | `environment` | options that are variables of the environment |
//! | `configured` | the factory that it makes |
//! | `error` | what can be wrong |

mod configured;
mod environment;
mod error;
mod options;
mod source;
mod span;
#[cfg(test)]
mod tests;

use cloakroom_session::{CommitPolicy, ConfigError, CookieSessions, CsrfRules, Keyring, Lifetimes};
use serde::Deserialize;

pub use configured::ConfiguredSessions;
pub use error::SetupError;
pub use options::{
    AtLimitOption, CookieOptions, CsrfOptions, EncryptionOption, LifetimeOptions, OwnerLimitOption, RecordOptions,
    SameSiteOption, TokenOption,
};
pub use source::Source;
pub use span::Span;

/// Where sessions live, and everything that can be configured about them.
///
/// Deserialize it from the application's own configuration, whatever format that has, or read it
/// [from the environment](Self::from_env). Options that nobody knows are refused, so that a typing
/// error weakens nothing. Then [`check`](Self::check) or [`build`](Self::build) it at start-up.
///
/// ```toml
/// [sessions]
/// kind = "stored"                             # or "encrypted", "signed"
/// store = { env = "SESSION_STORE" }           # or { url = "sqlite:sessions.db" }, { file = "/run/secrets/store" }
/// commit = "not-on-server-error"              # or "always", the default
///
/// [sessions.records]
/// key = { file = "/run/secrets/record-keys" } # encrypts records in the store
///
/// [sessions.cookie]
/// name = "__Host-Http-shop"
///
/// [sessions.lifetimes]
/// idle_timeout = "20m"
/// absolute_timeout = "12h"                    # or "never"
///
/// [sessions.csrf]
/// own_origins = ["https://shop.example"]
/// ```
///
/// # Security
/// Secrets are named and not written: a key is in a variable of the environment or in a file.
/// `Debug` shows none. Options that weaken a default begin with `danger_`, as elsewhere.
///
/// # Examples
/// For axum, and for every other framework that takes tower layers:
/// ```
/// use cloakroom::config::SessionConfig;
/// # #[cfg(feature = "axum")]
/// use cloakroom::{CsrfLayer, SessionLayer};
///
/// # #[cfg(all(feature = "axum", feature = "store"))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = r#"{ "kind": "stored", "store": { "url": "memory:" }, "lifetimes": { "idle_timeout": "1h" } }"#;
/// let config: SessionConfig = serde_json::from_str(text)?;        // or `toml::from_str`, or a field of your own configuration
/// let (rules, policy) = (config.csrf_rules()?, config.commit_policy());
/// let sessions = config.build().await?;
/// let app: axum::Router = axum::Router::new()
///     // .route(…)
///     .layer(CsrfLayer::new(rules))
///     .layer(SessionLayer::new(sessions).commit_policy(policy));
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "axum", feature = "store")))]
/// # fn main() {}
/// ```
///
/// For an adapter of one's own, the factory goes into an [`Engine`](cloakroom_session::Engine):
/// ```
/// use cloakroom::config::SessionConfig;
/// use cloakroom::{CookieHeader, Engine, SessionSlot};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let variables = [
///     ("SHOP_KIND", "encrypted"),
///     ("SHOP_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="),
///     ("SHOP_COOKIE_NAME", "__Host-Http-shop"),
/// ];
/// let config = SessionConfig::from_vars("SHOP", variables)?;      // `from_env("SHOP")` reads the real ones
/// let policy = config.commit_policy();
/// let engine = Engine::new(config.build().await?).policy(policy);
/// let slot = SessionSlot::new(Arc::new(engine));
/// assert!(slot.open(CookieHeader::default()).await?.is_new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Where sessions live.
    pub kind: Kind,
    /// The key or the keyring that seals cookies; needed for `signed` and `encrypted`.
    #[serde(default)]
    pub key: Option<Source>,
    /// The store's URL; needed for `stored`.
    #[serde(default)]
    pub store: Option<Source>,
    /// The cookie's name and attributes.
    #[serde(default)]
    pub cookie: CookieOptions,
    /// How long sessions last.
    #[serde(default)]
    pub lifetimes: LifetimeOptions,
    /// Who may send forms.
    #[serde(default)]
    pub csrf: CsrfOptions,
    /// Whether error responses commit.
    #[serde(default)]
    pub commit: Commit,
    /// What happens when two requests set the same key; for `stored`.
    #[serde(default)]
    pub conflicts: Option<Conflicts>,
    /// How long one call of the store may take; for `stored`.
    #[serde(default)]
    pub call_timeout: Option<Span>,
    /// How long a commit may go on meeting others; for `stored`.
    #[serde(default)]
    pub commit_timeout: Option<Span>,
    /// How long an id that has moved is still known as moved; for `stored`.
    #[serde(default)]
    pub moved_grace: Option<Span>,
    /// How many sessions an owner may have; for `stored`.
    #[serde(default)]
    pub owner_limit: Option<OwnerLimitOption>,
    /// Whether an owner may have any number of sessions; for `stored`.
    #[serde(default)]
    pub no_owner_limit: Option<bool>,
    /// Whether calls fail at once while the store is known to be down; for `stored`.
    #[serde(default)]
    pub fail_fast: Option<bool>,
    /// Compression and encryption of records in the store; for `stored`.
    #[serde(default)]
    pub records: Option<RecordOptions>,
}

/// Where sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// In a cookie that the browser's owner can read and not change.
    Signed,
    /// In a cookie that the browser's owner can neither read nor change.
    Encrypted,
    /// In a store (feature `store`, and one for each kind of store).
    Stored,
}

/// Whether error responses commit: [`CommitPolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Commit {
    /// They do, as in Pyramid.
    #[default]
    Always,
    /// Not if the status is 500 or above.
    NotOnServerError,
}

/// What happens when two requests set the same key:
/// [`ConflictPolicy`](cloakroom_session::ConflictPolicy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Conflicts {
    /// The request that commits last wins, on that key alone.
    LastWriteWins,
    /// The request that commits last gets an error.
    Strict,
}

impl SessionConfig {
    /// What there is to know about `CsrfLayer` and `CsrfGuard`.
    ///
    /// # Errors
    /// Something that isn't an origin, or options that contradict each other.
    pub fn csrf_rules(&self) -> Result<CsrfRules, ConfigError> {
        self.csrf.rules()
    }

    /// Whether error responses commit, for `SessionLayer` and
    /// [`Engine`](cloakroom_session::Engine).
    #[must_use]
    pub const fn commit_policy(&self) -> CommitPolicy {
        match self.commit {
            Commit::Always => CommitPolicy::Always,
            Commit::NotOnServerError => CommitPolicy::NotOnServerError,
        }
    }

    /// The timeouts.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes.lifetimes()
    }

    /// Checks everything that can be checked without a store: also that keys are there, and are
    /// keys.
    ///
    /// # Errors
    /// The option at fault, and what is wrong with it.
    pub fn check(&self) -> Result<(), SetupError> {
        self.csrf_rules().map_err(SetupError::within("csrf"))?;
        self.lifetimes().validate().map_err(SetupError::within("lifetimes"))?;
        self.cookie.config().build().map_err(SetupError::within("cookie"))?;
        match self.kind {
            Kind::Signed | Kind::Encrypted => {
                let ours = [
                    ("store", self.store.is_some()),
                    ("conflicts", self.conflicts.is_some()),
                    ("call_timeout", self.call_timeout.is_some()),
                    ("commit_timeout", self.commit_timeout.is_some()),
                    ("moved_grace", self.moved_grace.is_some()),
                    ("owner_limit", self.owner_limit.is_some()),
                    ("no_owner_limit", self.no_owner_limit.is_some()),
                    ("fail_fast", self.fail_fast.is_some()),
                    ("records", self.records.is_some()),
                ];
                if let Some((option, _)) = ours.into_iter().find(|(_, there)| *there) {
                    return Err(ConfigError::new(option, "is for sessions in a store: kind = \"stored\"").into());
                }
                self.keyring().map(drop)
            }
            Kind::Stored if self.key.is_some() => {
                Err(ConfigError::new("key", "is for sessions in cookies; `records.key` encrypts those in a store")
                    .into())
            }
            Kind::Stored if self.owner_limit.is_some() && self.no_owner_limit == Some(true) => {
                Err(ConfigError::new("no_owner_limit", "contradicts `owner_limit`: set one of them").into())
            }
            Kind::Stored => {
                self.store_url()?;
                self.records.as_ref().map_or(Ok(None), RecordOptions::keyring).map(drop)
            }
        }
    }

    /// Makes the factory; a store has answered once when this returns.
    ///
    /// # Errors
    /// As [`check`](Self::check), and a store that can't be reached.
    pub async fn build(self) -> Result<ConfiguredSessions, SetupError> {
        self.check()?;
        let builder = match self.kind {
            Kind::Signed => CookieSessions::signed(self.keyring()?),
            Kind::Encrypted => CookieSessions::encrypted(self.keyring()?),
            Kind::Stored => return self.stored().await,
        };
        let sessions = builder.cookie(self.cookie.config()).lifetimes(self.lifetimes()).build()?;
        Ok(ConfiguredSessions::cookies(sessions))
    }

    fn keyring(&self) -> Result<Keyring, SetupError> {
        let missing = || ConfigError::new("key", "is missing: { env = \"NAME\" } or { file = \"PATH\" }");
        let text = self.key.as_ref().ok_or_else(missing)?.read("key")?;
        Keyring::parse(&text).map_err(|why| SetupError::of("key", why.problem()))
    }

    fn store_url(&self) -> Result<String, SetupError> {
        let missing =
            || ConfigError::new("store", "is missing: { url = \"…\" }, { env = \"NAME\" } or { file = \"PATH\" }");
        self.store.as_ref().ok_or_else(missing)?.read("store")
    }

    #[cfg(feature = "store")]
    async fn stored(self) -> Result<ConfiguredSessions, SetupError> {
        use cloakroom_session::ConflictPolicy;
        use cloakroom_store::StoredSessions;

        let url = self.store_url()?;
        let store = match &self.records {
            None => crate::connect(&url).await,
            Some(records) => crate::connect_packed(&url, records.packing()?).await,
        };
        let store = store.map_err(|why| SetupError::of("store", why))?;
        let mut builder = StoredSessions::new(store).cookie(self.cookie.config()).lifetimes(self.lifetimes());
        if let Some(conflicts) = self.conflicts {
            builder = builder.conflicts(match conflicts {
                Conflicts::LastWriteWins => ConflictPolicy::LastWriteWins,
                Conflicts::Strict => ConflictPolicy::Strict,
            });
        }
        if let Some(span) = self.call_timeout {
            builder = builder.call_timeout(span.limit("call_timeout")?);
        }
        if let Some(span) = self.commit_timeout {
            builder = builder.commit_timeout(span.limit("commit_timeout")?);
        }
        if let Some(span) = self.moved_grace {
            let never =
                || ConfigError::new("moved_grace", "can't be never: marks of what has moved would stay for ever");
            builder = builder.moved_grace(span.duration().ok_or_else(never)?);
        }
        if let Some(limit) = &self.owner_limit {
            builder = builder.owner_limit(limit.sessions, limit.at_limit.policy());
        }
        if self.no_owner_limit == Some(true) {
            builder = builder.no_owner_limit();
        }
        if let Some(fails_fast) = self.fail_fast {
            builder = builder.fail_fast(fails_fast);
        }
        Ok(ConfiguredSessions::stored(builder.build()?))
    }

    #[cfg(not(feature = "store"))]
    #[expect(clippy::unused_async, reason = "with the feature `store` it waits")]
    async fn stored(self) -> Result<ConfiguredSessions, SetupError> {
        Err(ConfigError::new("kind", "`stored` needs the crate cloakroom with the feature `store`").into())
    }
}
