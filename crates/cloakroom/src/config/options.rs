//! Tables of options.

use cloakroom_session::{ConfigError, CookieConfig, CsrfRules, Keyring, Lifetimes, SameSite, TokenPolicy};
use serde::Deserialize;

use super::error::SetupError;
use super::source::Source;
use super::span::Span;

/// Options of the cookie. See [`CookieConfig`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CookieOptions {
    /// Name of the cookie.
    pub name: Option<String>,
    /// The `Path` attribute.
    pub path: Option<String>,
    /// The `Domain` attribute. The cookie is also sent to all subdomains.
    pub domain: Option<String>,
    /// The `SameSite` attribute.
    pub same_site: Option<SameSiteOption>,
    /// The `Partitioned` attribute: a separate cookie for each site that embeds this one.
    pub partitioned: bool,
    /// The domains and paths that the cookie had before, as `DOMAIN/PATH` or `/PATH`. See
    /// [`CookieConfig::former`].
    pub former: Vec<String>,
    /// Omits `Secure`, for development.
    pub danger_insecure: bool,
    /// Omits `HttpOnly`.
    pub danger_readable_by_scripts: bool,
}

/// The sites from which the cookie is sent. See [`SameSite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SameSiteOption {
    /// Only requests from the same site.
    Strict,
    /// Also top-level navigation from other sites, for example by a link.
    Lax,
    /// All requests.
    None,
}

impl CookieOptions {
    pub(super) fn config(&self) -> CookieConfig {
        let mut config = self.config_of(self.path.as_deref(), self.domain.as_deref());
        for former in &self.former {
            let (domain, path) = former.split_at(former.find('/').unwrap_or(former.len()));
            config = config.former(self.config_of(Some(path), Some(domain).filter(|domain| !domain.is_empty())));
        }
        config
    }

    /// Returns the configuration of the cookie at this place.
    fn config_of(&self, path: Option<&str>, domain: Option<&str>) -> CookieConfig {
        let mut config = CookieConfig::default();
        if let Some(name) = &self.name {
            config = config.name(name);
        }
        if let Some(path) = path {
            config = config.path(path);
        }
        if let Some(domain) = domain {
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

/// Timeouts of sessions. See [`Lifetimes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LifetimeOptions {
    /// Timeouts by name. The other options change single ones of them.
    pub preset: Option<PresetOption>,
    /// The time without use after which a session expires.
    pub idle_timeout: Option<Span>,
    /// The time after creation after which a session expires.
    pub absolute_timeout: Option<Span>,
    /// The minimum interval between two extensions of the idle deadline by reads.
    pub touch_after: Option<Span>,
    /// Lets the cookie survive the end of the browser session.
    pub persistent_cookie: Option<bool>,
}

/// Timeouts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PresetOption {
    /// See [`Lifetimes::bank`].
    Bank,
    /// See [`Lifetimes::shop`].
    Shop,
    /// See [`Lifetimes::two_weeks`].
    TwoWeeks,
    /// See [`Lifetimes::tower_sessions`].
    TowerSessions,
    /// See [`Lifetimes::actix_session`].
    ActixSession,
    /// See [`Lifetimes::aal1`].
    Aal1,
    /// See [`Lifetimes::aal2`].
    Aal2,
    /// See [`Lifetimes::aal3`].
    Aal3,
}

impl PresetOption {
    fn lifetimes(self) -> Lifetimes {
        match self {
            Self::Bank => Lifetimes::bank(),
            Self::Shop => Lifetimes::shop(),
            Self::TwoWeeks => Lifetimes::two_weeks(),
            Self::TowerSessions => Lifetimes::tower_sessions(),
            Self::ActixSession => Lifetimes::actix_session(),
            Self::Aal1 => Lifetimes::aal1(),
            Self::Aal2 => Lifetimes::aal2(),
            Self::Aal3 => Lifetimes::aal3(),
        }
    }
}

impl LifetimeOptions {
    pub(super) fn lifetimes(&self) -> Lifetimes {
        let mut lifetimes = self.preset.map_or_else(Lifetimes::default, PresetOption::lifetimes);
        if let Some(span) = self.idle_timeout {
            lifetimes = lifetimes.idle_timeout(span.duration());
        }
        if let Some(span) = self.absolute_timeout {
            lifetimes = lifetimes.absolute_timeout(span.duration());
        }
        if let Some(span) = self.touch_after {
            lifetimes = lifetimes.touch_after(span.duration());
        }
        match self.persistent_cookie {
            Some(true) => lifetimes.persistent_cookie(),
            Some(false) => lifetimes.browser_session_cookie(),
            None => lifetimes,
        }
    }
}

/// Options of the CSRF check. See [`CsrfRules`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CsrfOptions {
    /// The policy for tokens.
    pub token: Option<TokenOption>,
    /// The application's own origins. By default the `Host` header with `https`.
    pub own_origins: Vec<String>,
    /// Other trusted origins, or all subdomains as `https://*.example.com`.
    pub trusted_origins: Vec<String>,
    /// Name of the header with the token.
    pub header: Option<String>,
    /// Name of the form field with the token.
    pub field: Option<String>,
    /// Maximum number of bytes of a form that are searched for the token.
    pub body_limit: Option<usize>,
    /// Schemes of `Authorization` that exempt requests without the session's cookie.
    pub exempt_authorization: Vec<String>,
    /// Uses plain `http` for the application's own origin, for development.
    pub danger_own_scheme_http: bool,
    /// Additional methods that aren't checked.
    pub danger_safe_methods: Vec<String>,
    /// Checks the token, but not the origin.
    pub danger_token_only: bool,
    /// Accepts requests without an origin.
    pub danger_allow_no_origin: bool,
    /// Reports failed checks instead of refusing requests.
    pub danger_report_only: bool,
}

/// The policy for tokens. See [`TokenPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenOption {
    /// Every unsafe request must carry the token.
    Always,
    /// Only requests whose headers don't state an origin must carry the token.
    WhenUnsure,
    /// No request needs the token: the origin alone decides.
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
        for scheme in &self.exempt_authorization {
            rules = rules.exempt_authorization(scheme);
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
            // These options are lists here, with plural names.
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
    /// Encrypts records, and still reads plain ones.
    #[default]
    Encrypt,
    /// Reads encrypted records, but writes plain ones. Use it before `encrypt` if several nodes
    /// share a store, and after it to phase encryption out.
    Decrypt,
    /// Encrypts records, and rejects plain ones.
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

/// The limit of sessions of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OwnerLimitOption {
    /// Maximum number of sessions.
    pub sessions: usize,
    /// The policy for a further session.
    pub at_limit: AtLimitOption,
}

/// The policy for a sign-in of an owner who has reached the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AtLimitOption {
    /// Refuses the new session.
    RefuseNew,
    /// Ends the oldest sessions.
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
