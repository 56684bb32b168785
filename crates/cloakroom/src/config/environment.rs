//! Options from environment variables: with the prefix `SHOP`, `SHOP_COOKIE_NAME` sets
//! `cookie.name`.

use serde_json::{Map, Value, json};

use super::error::SetupError;
use super::source::Source;
use super::{Kind as Place, SessionConfig};
use crate::nearest::nearest;

/// The format of a variable's text.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Switch,
    Number,
    /// Several values, separated by commas.
    List,
    /// A secret, contained in the variable itself.
    Secret,
    /// The path of a file with a secret.
    SecretFile,
}

/// Variable names without the prefix, with their options and formats.
const VARIABLES: &[(&str, &str, Kind)] = &[
    ("KIND", "kind", Kind::Text),
    ("KEY", "key", Kind::Secret),
    ("KEY_FILE", "key", Kind::SecretFile),
    ("STORE", "store", Kind::Secret),
    ("STORE_FILE", "store", Kind::SecretFile),
    ("COMMIT", "commit", Kind::Text),
    ("CONFLICTS", "conflicts", Kind::Text),
    ("CALL_TIMEOUT", "call_timeout", Kind::Text),
    ("COMMIT_TIMEOUT", "commit_timeout", Kind::Text),
    ("TOMBSTONE_TTL", "tombstone_ttl", Kind::Text),
    ("OWNER_LIMIT_SESSIONS", "owner_limit.sessions", Kind::Number),
    ("OWNER_LIMIT_AT_LIMIT", "owner_limit.at_limit", Kind::Text),
    ("NO_OWNER_LIMIT", "no_owner_limit", Kind::Switch),
    ("FAIL_FAST", "fail_fast", Kind::Switch),
    ("END_CHECK_INTERVAL", "end_check_interval", Kind::Text),
    ("NEAR_CACHE_MAX_BYTES", "near_cache.max_bytes", Kind::Number),
    ("NEAR_CACHE_BOUND", "near_cache.bound", Kind::Text),
    ("FORM_TOKENS_IN_COOKIE", "form_tokens_in_cookie", Kind::Switch),
    ("RECORDS_KEY", "records.key", Kind::Secret),
    ("RECORDS_KEY_FILE", "records.key", Kind::SecretFile),
    ("RECORDS_ENCRYPTION", "records.encryption", Kind::Text),
    ("RECORDS_COMPRESS_ABOVE", "records.compress_above", Kind::Number),
    ("COOKIE_NAME", "cookie.name", Kind::Text),
    ("COOKIE_PATH", "cookie.path", Kind::Text),
    ("COOKIE_DOMAIN", "cookie.domain", Kind::Text),
    ("COOKIE_SAME_SITE", "cookie.same_site", Kind::Text),
    ("COOKIE_PARTITIONED", "cookie.partitioned", Kind::Switch),
    ("COOKIE_FORMER", "cookie.former", Kind::List),
    ("COOKIE_DANGER_INSECURE", "cookie.danger_insecure", Kind::Switch),
    ("COOKIE_DANGER_READABLE_BY_SCRIPTS", "cookie.danger_readable_by_scripts", Kind::Switch),
    ("LIFETIMES_PRESET", "lifetimes.preset", Kind::Text),
    ("LIFETIMES_IDLE_TIMEOUT", "lifetimes.idle_timeout", Kind::Text),
    ("LIFETIMES_ABSOLUTE_TIMEOUT", "lifetimes.absolute_timeout", Kind::Text),
    ("LIFETIMES_TOUCH_AFTER", "lifetimes.touch_after", Kind::Text),
    ("LIFETIMES_PERSISTENT_COOKIE", "lifetimes.persistent_cookie", Kind::Switch),
    ("CSRF_TOKEN", "csrf.token", Kind::Text),
    ("CSRF_OWN_ORIGINS", "csrf.own_origins", Kind::List),
    ("CSRF_TRUSTED_ORIGINS", "csrf.trusted_origins", Kind::List),
    ("CSRF_HEADER", "csrf.header", Kind::Text),
    ("CSRF_FIELD", "csrf.field", Kind::Text),
    ("CSRF_BODY_LIMIT", "csrf.body_limit", Kind::Number),
    ("CSRF_EXEMPT_AUTHORIZATION", "csrf.exempt_authorization", Kind::List),
    ("CSRF_DANGER_OWN_SCHEME_HTTP", "csrf.danger_own_scheme_http", Kind::Switch),
    ("CSRF_DANGER_SAFE_METHODS", "csrf.danger_safe_methods", Kind::List),
    ("CSRF_DANGER_TOKEN_ONLY", "csrf.danger_token_only", Kind::Switch),
    ("CSRF_DANGER_ALLOW_NO_ORIGIN", "csrf.danger_allow_no_origin", Kind::Switch),
    ("CSRF_DANGER_REPORT_ONLY", "csrf.danger_report_only", Kind::Switch),
];

impl SessionConfig {
    /// Reads the options from environment variables with the given prefix.
    ///
    /// A variable's name is the prefix, an underscore, and the name of the option in capitals, with
    /// an underscore between a table and its option: `SHOP_COOKIE_NAME` sets `cookie.name`.
    /// `SHOP_KEY` and `SHOP_STORE` contain the keyring and the URL; `SHOP_KEY_FILE` and
    /// `SHOP_STORE_FILE` name files that contain them. `SHOP_RECORDS_KEY` and
    /// `SHOP_RECORDS_KEY_FILE` do the same for the keyring of records. Lists are separated by
    /// commas, and switches are `true` or `false`. An empty variable counts as not set.
    ///
    /// The configuration is [checked](Self::check).
    ///
    /// # Errors
    /// Fails if a variable with this prefix is not an option, has an invalid value, or is missing.
    /// The
    /// error names the variable.
    pub fn from_env(prefix: &str) -> Result<Self, SetupError> {
        // Variables that aren't valid Unicode are unrelated, or rejected by name.
        Self::from_vars(
            prefix,
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))),
        )
    }

    /// Reads the options from the given variables instead of the environment.
    ///
    /// Useful for tests, and for files of variables.
    ///
    /// # Errors
    /// Fails in the same cases as [`from_env`](Self::from_env).
    pub fn from_vars<N: AsRef<str>, V: AsRef<str>>(
        prefix: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SetupError> {
        let (mut options, mut secrets) = (Map::new(), Vec::new());
        for (name, value) in variables {
            let (name, value) = (name.as_ref(), value.as_ref());
            let ours = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
            let Some(ours) = ours.filter(|_| !value.is_empty()) else { continue };
            let known = VARIABLES.iter().find(|(known, ..)| *known == ours);
            let (_, option, kind) = known.ok_or_else(|| SetupError::of(name, unknown(prefix, ours)))?;
            let value = match kind {
                Kind::Text => json!(value),
                Kind::Switch => json!(switch(value).ok_or_else(|| SetupError::of(name, "is neither true nor false"))?),
                Kind::Number => json!(value.parse::<u64>().map_err(|_| SetupError::of(name, "isn't a number"))?),
                Kind::List => json!(value.split(',').map(str::trim).collect::<Vec<_>>()),
                Kind::SecretFile => {
                    secrets.push((*option, Source::File(value.into())));
                    continue;
                }
                Kind::Secret => {
                    secrets.push((*option, Source::Read(value.to_owned())));
                    continue;
                }
            };
            match option.split_once('.') {
                Some((table, option)) => {
                    if let Value::Object(table) = options.entry(table).or_insert_with(|| json!({})) {
                        table.insert(option.to_owned(), value);
                    }
                }
                None => {
                    options.insert((*option).to_owned(), value);
                }
            }
        }
        if !options.contains_key("kind") {
            return Err(SetupError::of(format!("{prefix}_KIND"), "isn't set: signed, encrypted or stored"));
        }
        // serde reports the path of an invalid value, such as `cookie.same_site`.
        let mut config: Self = serde_path_to_error::deserialize(Value::Object(options)).map_err(|why| {
            let path = why.path().to_string();
            SetupError::of(variable(prefix, &path), why.into_inner().to_string())
        })?;
        for (option, source) in secrets {
            let place = match option {
                "key" => &mut config.key,
                "store" => &mut config.store,
                _ => &mut config.records.get_or_insert_default().key,
            };
            if place.replace(source).is_some() {
                let problem = "is given twice: as a variable and as a file";
                return Err(SetupError::of(variable(prefix, option), problem));
            }
        }
        let (option, source) = match config.kind {
            Place::Stored => ("store", &config.store),
            Place::Signed | Place::Encrypted => ("key", &config.key),
        };
        let name = variable(prefix, option);
        if source.is_none() {
            let problem = format!("isn't set, and {name}_FILE isn't either");
            return Err(SetupError::of(name, problem));
        }
        // Check here, where the names of the variables are known.
        config.check().map_err(|why| why.renamed(|option| config.variable(prefix, option)))?;
        Ok(config)
    }

    /// Returns the name of the variable that set an option.
    fn variable(&self, prefix: &str, option: &str) -> String {
        let source = match option {
            "key" => self.key.as_ref(),
            "store" => self.store.as_ref(),
            "records.key" => self.records.as_ref().and_then(|records| records.key.as_ref()),
            _ => None,
        };
        let ending = if matches!(source, Some(Source::File(_))) { "_FILE" } else { "" };
        variable(prefix, option) + ending
    }
}

/// The error message for a variable that isn't an option.
fn unknown(prefix: &str, name: &str) -> String {
    let perhaps = nearest(name, VARIABLES.iter().map(|(known, ..)| *known));
    let perhaps = perhaps.map(|known| format!(": did you mean {prefix}_{known}?")).unwrap_or_default();
    format!("is not a session option{perhaps}")
}

/// Returns the name of the variable for an option.
fn variable(prefix: &str, option: &str) -> String {
    format!("{prefix}_{}", option.replace('.', "_").to_ascii_uppercase())
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
