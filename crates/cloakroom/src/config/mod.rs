//! Configuration of sessions from a file that serde reads, or from the environment.
//!
//! | module | content |
//! |---|---|
//! | `options` | tables of options: cookie, lifetimes, CSRF, and limits of a store |
//! | `near` | options of the near cache |
//! | `source` | locations of secrets |
//! | `span` | durations in text form |
//! | `environment` | options from environment variables |
//! | `configured` | the factory built from a configuration |
//! | `error` | errors in a configuration |

mod configured;
mod environment;
mod error;
mod near;
mod options;
mod source;
mod span;
#[cfg(test)]
mod tests;

use cloakroom_session::{CommitPolicy, ConfigError, CookieSessions, CsrfRules, Keyring, Lifetimes};
use serde::Deserialize;

pub use configured::ConfiguredSessions;
pub use error::SetupError;
pub use near::NearCacheOptions;
pub use options::{
    AtLimitOption, CookieOptions, CsrfOptions, EncryptionOption, LifetimeOptions, OwnerLimitOption, PresetOption,
    RecordOptions, SameSiteOption, TokenOption,
};
pub use source::Source;
pub use span::Span;

/// The complete configuration of sessions.
///
/// Deserialize it from the application's own configuration in any format that serde supports, or
/// read it [from the environment](Self::from_env). Unknown options are rejected, so that a typing
/// error cannot weaken a setting. Then [`check`](Self::check) or [`build`](Self::build) it at
/// start-up.
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
/// The configuration names the location of a secret: an environment variable or a file. `Debug`
/// shows no secrets. Options that weaken a default begin with `danger_`.
///
/// # Examples
/// For axum, and for every other framework that accepts tower layers:
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
/// For your own adapter, put the factory into an [`Engine`](cloakroom_session::Engine):
/// ```
/// use cloakroom::config::SessionConfig;
/// use cloakroom::Engine;
/// use cloakroom::adapter::{CookieHeader, SessionSlot};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let variables = [
///     ("SHOP_KIND", "encrypted"),
///     ("SHOP_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="),
///     ("SHOP_COOKIE_NAME", "__Host-Http-shop"),
/// ];
/// let config = SessionConfig::from_vars("SHOP", variables)?;      // `from_env("SHOP")` reads the environment
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
    /// The place where sessions are kept.
    pub kind: Kind,
    /// The key or keyring that seals cookies. Required for `signed` and `encrypted`.
    #[serde(default)]
    pub key: Option<Source>,
    /// The URL of the store. Required for `stored`.
    #[serde(default)]
    pub store: Option<Source>,
    /// Name and attributes of the cookie.
    #[serde(default)]
    pub cookie: CookieOptions,
    /// Timeouts of sessions.
    #[serde(default)]
    pub lifetimes: LifetimeOptions,
    /// Options of the CSRF check.
    #[serde(default)]
    pub csrf: CsrfOptions,
    /// The policy for error responses.
    #[serde(default)]
    pub commit: Commit,
    /// The policy for two requests that set the same key. Only for `stored`.
    #[serde(default)]
    pub conflicts: Option<Conflicts>,
    /// Timeout of one store call. Only for `stored`.
    #[serde(default)]
    pub call_timeout: Option<Span>,
    /// Timeout of a commit that conflicts with others. Only for `stored`.
    #[serde(default)]
    pub commit_timeout: Option<Span>,
    /// Lifetime of the tombstone of a cycled id. Only for `stored`.
    #[serde(default)]
    pub tombstone_ttl: Option<Span>,
    /// Maximum number of sessions of an owner. Only for `stored`.
    #[serde(default)]
    pub owner_limit: Option<OwnerLimitOption>,
    /// Removes the limit of sessions of an owner. Only for `stored`.
    #[serde(default)]
    pub no_owner_limit: Option<bool>,
    /// Fails calls immediately while the store is known to be down. Only for `stored`.
    #[serde(default)]
    pub fail_fast: Option<bool>,
    /// Time between two checks of a session that a stream waits for. Only for `stored`.
    #[serde(default)]
    pub end_check_interval: Option<Span>,
    /// Keeps sessions in the memory of this process. Only for `stored`, with Redis and Valkey.
    #[serde(default)]
    pub near_cache: Option<NearCacheOptions>,
    /// Keeps the CSRF token of a visitor without a session in the cookie.
    pub form_tokens_in_cookie: Option<bool>,
    /// Compression and encryption of records in the store; for `stored`.
    #[serde(default)]
    pub records: Option<RecordOptions>,
}

/// The place where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A signed cookie. Users can read it but not change it.
    Signed,
    /// An encrypted cookie. Users can neither read nor change it.
    Encrypted,
    /// A store. Needs the feature `store`, and the feature of the store.
    Stored,
}

/// The policy for error responses. See [`CommitPolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Commit {
    /// Every response commits, as in Pyramid.
    #[default]
    Always,
    /// Responses with a status of 500 or above don't commit.
    NotOnServerError,
}

/// The policy for two requests that set the same key.
///
/// See [`ConflictPolicy`](cloakroom_session::ConflictPolicy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Conflicts {
    /// The request that commits last wins, for this key only.
    LastWriteWins,
    /// The request that commits last gets an error.
    Strict,
}

impl SessionConfig {
    /// Returns the rules for `CsrfLayer` and `CsrfGuard`.
    ///
    /// # Errors
    /// Fails if an origin is invalid, or if options contradict each other.
    pub fn csrf_rules(&self) -> Result<CsrfRules, ConfigError> {
        self.csrf.rules()
    }

    /// Returns the commit policy.
    ///
    /// Pass it to `SessionLayer` or [`Engine`](cloakroom_session::Engine).
    #[must_use]
    pub const fn commit_policy(&self) -> CommitPolicy {
        match self.commit {
            Commit::Always => CommitPolicy::Always,
            Commit::NotOnServerError => CommitPolicy::NotOnServerError,
        }
    }

    /// Returns the timeouts.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes.lifetimes()
    }

    /// Checks everything that can be checked without a store.
    ///
    /// This includes the presence and validity of keys.
    ///
    /// # Errors
    /// Names the option at fault and the problem.
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
                    ("tombstone_ttl", self.tombstone_ttl.is_some()),
                    ("owner_limit", self.owner_limit.is_some()),
                    ("no_owner_limit", self.no_owner_limit.is_some()),
                    ("fail_fast", self.fail_fast.is_some()),
                    ("end_check_interval", self.end_check_interval.is_some()),
                    ("near_cache", self.near_cache.is_some()),
                    ("form_tokens_in_cookie", self.form_tokens_in_cookie.is_some()),
                    ("records", self.records.is_some()),
                ];
                if let Some((option, _)) = ours.into_iter().find(|(_, there)| *there) {
                    return Err(ConfigError::new(option, "is for sessions in a store: kind = \"stored\"").into());
                }
                self.keyring().map(drop)
            }
            Kind::Stored if self.key.is_some() => {
                Err(ConfigError::new("key", "is for sessions in cookies; for sessions in a store use `records.key`")
                    .into())
            }
            Kind::Stored if self.owner_limit.is_some() && self.no_owner_limit == Some(true) => {
                Err(ConfigError::new("no_owner_limit", "contradicts `owner_limit`: set one of them").into())
            }
            Kind::Stored => {
                self.store_url()?;
                self.near_cache.map_or(Ok(()), NearCacheOptions::check)?;
                self.records.as_ref().map_or(Ok(None), RecordOptions::keyring).map(drop)
            }
        }
    }

    /// Builds the factory.
    ///
    /// A store has answered once when this returns.
    ///
    /// # Errors
    /// Fails in the same cases as [`check`](Self::check), and if the store can't be reached.
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
        let packing = self.records.as_ref().map(RecordOptions::packing).transpose()?;
        let near = self.near_cache.map(NearCacheOptions::near_cache);
        let store = crate::connect::connect_configured(&url, packing, near).await?;
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
        if let Some(span) = self.tombstone_ttl {
            let never = || ConfigError::new("tombstone_ttl", "can't be never: tombstones would never be deleted");
            builder = builder.tombstone_ttl(span.duration().ok_or_else(never)?);
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
        if let Some(span) = self.end_check_interval {
            let never = || ConfigError::new("end_check_interval", "can't be never: ends would not be noticed");
            builder = builder.end_check_interval(span.duration().ok_or_else(never)?);
        }
        if let Some(in_cookie) = self.form_tokens_in_cookie {
            builder = builder.form_tokens_in_cookie(in_cookie);
        }
        Ok(ConfiguredSessions::stored(builder.build()?))
    }

    #[cfg(not(feature = "store"))]
    #[expect(clippy::unused_async, reason = "with the feature `store` it waits")]
    async fn stored(self) -> Result<ConfiguredSessions, SetupError> {
        Err(ConfigError::new("kind", "`stored` needs the crate cloakroom with the feature `store`").into())
    }
}
