//! The tables of options.

use cloakroom_session::{ConfigError, CookieConfig, CsrfRules, Keyring, Lifetimes, SameSite, TokenPolicy};
use serde::Deserialize;

use super::error::SetupError;
use super::source::Source;
use super::span::Span;

/// The cookie: [`CookieConfig`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CookieOptions {
    /// Its name.
    pub name: Option<String>,
    /// Below which path it is sent.
    pub path: Option<String>,
    /// To which domain it is sent, and to all below.
    pub domain: Option<String>,
    /// From which sites it is sent along.
    pub same_site: Option<SameSiteOption>,
    /// A jar of its own for each site that embeds ours.
    pub partitioned: bool,
    /// Without Secure, for development.
    pub danger_insecure: bool,
    /// Without HttpOnly.
    pub danger_readable_by_scripts: bool,
}

/// From which sites the cookie is sent along: [`SameSite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SameSiteOption {
    /// Only from our own site.
    Strict,
    /// Also when the user follows a link to us.
    Lax,
    /// From anywhere.
    None,
}

impl CookieOptions {
    pub(super) fn config(&self) -> CookieConfig {
        let mut config = CookieConfig::default();
        if let Some(name) = &self.name {
            config = config.name(name);
        }
        if let Some(path) = &self.path {
            config = config.path(path);
        }
        if let Some(domain) = &self.domain {
            config = config.domain(domain);
        }
        if let Some(same_site) = self.same_site {
            config = config.same_site(match same_site {
                SameSiteOption::Strict => SameSite::Strict,
                SameSiteOption::Lax => SameSite::Lax,
                SameSiteOption::None => SameSite::None,
            });
        }
        if self.partitioned {
            config = config.partitioned();
        }
        if self.danger_insecure {
            config = config.danger_insecure();
        }
        if self.danger_readable_by_scripts {
            config = config.danger_readable_by_scripts();
        }
        config
    }
}

/// How long sessions last: [`Lifetimes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LifetimeOptions {
    /// Ends a session that wasn't used for so long.
    pub idle_timeout: Option<Span>,
    /// Ends a session so long after it was created.
    pub absolute_timeout: Option<Span>,
    /// How often a read extends the idle deadline.
    pub touch_after: Option<Span>,
}

impl LifetimeOptions {
    pub(super) fn lifetimes(&self) -> Lifetimes {
        let mut lifetimes = Lifetimes::default();
        if let Some(span) = self.idle_timeout {
            lifetimes = lifetimes.idle_timeout(span.duration());
        }
        if let Some(span) = self.absolute_timeout {
            lifetimes = lifetimes.absolute_timeout(span.duration());
        }
        if let Some(span) = self.touch_after {
            lifetimes = lifetimes.touch_after(span.duration());
        }
        lifetimes
    }
}

/// Who may send forms: [`CsrfRules`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CsrfOptions {
    /// When a request must bring the token.
    pub token: Option<TokenOption>,
    /// The application's own origins; without any, the `Host` header under `https`.
    pub own_origins: Vec<String>,
    /// Other origins that are trusted, or all subdomains as `https://*.example.com`.
    pub trusted_origins: Vec<String>,
    /// The header that carries the token.
    pub header: Option<String>,
    /// The form field that carries the token.
    pub field: Option<String>,
    /// How many bytes of a form are read in search of the token.
    pub body_limit: Option<usize>,
    /// The own origin is under plain `http`, for development.
    pub danger_own_scheme_http: bool,
    /// Further methods that aren't checked.
    pub danger_safe_methods: Vec<String>,
    /// Checks the token only.
    pub danger_token_only: bool,
    /// Lets requests pass that don't say where they come from.
    pub danger_allow_no_origin: bool,
    /// Refuses nothing, and reports.
    pub danger_report_only: bool,
}

/// When a request must bring the token: [`TokenPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenOption {
    /// Always.
    Always,
    /// Where the browser's headers don't say where the request comes from.
    WhenUnsure,
    /// Never: the origin alone decides.
    Never,
}

impl CsrfOptions {
    pub(super) fn rules(&self) -> Result<CsrfRules, ConfigError> {
        let mut rules = CsrfRules::builder();
        if let Some(token) = self.token {
            rules = rules.token_policy(match token {
                TokenOption::Always => TokenPolicy::Always,
                TokenOption::WhenUnsure => TokenPolicy::WhenUnsure,
                TokenOption::Never => TokenPolicy::Never,
            });
        }
        if self.danger_own_scheme_http {
            rules = rules.danger_own_scheme_http();
        }
        for origin in &self.own_origins {
            rules = rules.own_origin(origin);
        }
        for origin in &self.trusted_origins {
            rules = rules.trusted_origin(origin);
        }
        if let Some(header) = &self.header {
            rules = rules.header(header);
        }
        if let Some(field) = &self.field {
            rules = rules.field(field);
        }
        if let Some(limit) = self.body_limit {
            rules = rules.body_limit(limit);
        }
        for method in &self.danger_safe_methods {
            rules = rules.danger_safe_method(method);
        }
        if self.danger_token_only {
            rules = rules.danger_token_only();
        }
        if self.danger_allow_no_origin {
            rules = rules.danger_allow_no_origin();
        }
        if self.danger_report_only {
            rules = rules.danger_report_only();
        }
        rules.build().map_err(|why| match why.option() {
            // Here the options are lists, named in the plural.
            "own_origin" => ConfigError::new("own_origins", why.problem()),
            "trusted_origin" => ConfigError::new("trusted_origins", why.problem()),
            "danger_safe_method" => ConfigError::new("danger_safe_methods", why.problem()),
            _ => why,
        })
    }
}

/// Compression and encryption of the records in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RecordOptions {
    /// The key or the keyring that encrypts records.
    pub key: Option<Source>,
    /// The use of the keyring; `encrypt` unless another one is named.
    pub encryption: Option<EncryptionOption>,
    /// Compresses records of more than this many bytes (feature `compress`).
    pub compress_above: Option<usize>,
}

/// The use of a keyring for records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EncryptionOption {
    /// Encrypts records, and reads those that aren't encrypted as well.
    #[default]
    Encrypt,
    /// Reads encrypted records, and encrypts none: the step before `encrypt` where several nodes
    /// share a store, and the step after it where encryption is to end.
    Decrypt,
    /// Encrypts records, and refuses those that aren't encrypted.
    OnlyEncrypted,
}

impl RecordOptions {
    /// Checks the options, and reads the keyring.
    pub(super) fn keyring(&self) -> Result<Option<Keyring>, SetupError> {
        if self.compress_above.is_some() && !cfg!(feature = "compress") {
            let problem = "needs the crate cloakroom with the feature `compress`";
            return Err(ConfigError::new("records.compress_above", problem).into());
        }
        let Some(key) = &self.key else {
            if self.encryption.is_some() {
                let problem = "needs a keyring, which `records.key` names";
                return Err(ConfigError::new("records.encryption", problem).into());
            }
            return Ok(None);
        };
        let text = key.read("records.key")?;
        Keyring::parse(&text).map(Some).map_err(|why| SetupError::of("records.key", why.problem()))
    }

    #[cfg(feature = "store")]
    pub(super) fn packing(&self) -> Result<crate::Packing, SetupError> {
        let mut packing = crate::Packing::new();
        if let Some(bytes) = self.compress_above {
            packing = packing.compress_above(bytes);
        }
        let Some(keyring) = self.keyring()? else { return Ok(packing) };
        Ok(match self.encryption.unwrap_or_default() {
            EncryptionOption::Encrypt => packing.encrypt(keyring),
            EncryptionOption::Decrypt => packing.decrypt(keyring),
            EncryptionOption::OnlyEncrypted => packing.only_encrypted(keyring),
        })
    }
}

/// How many sessions an owner may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OwnerLimitOption {
    /// How many.
    pub sessions: usize,
    /// What happens to one more.
    pub at_limit: AtLimitOption,
}

/// What happens when an owner with as many sessions as are allowed signs in once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AtLimitOption {
    /// The new one is refused.
    RefuseNew,
    /// The oldest ones end.
    EndOldest,
}

#[cfg(feature = "store")]
impl AtLimitOption {
    pub(super) const fn policy(self) -> cloakroom_store::AtLimit {
        match self {
            Self::RefuseNew => cloakroom_store::AtLimit::RefuseNew,
            Self::EndOldest => cloakroom_store::AtLimit::EndOldest,
        }
    }
}
