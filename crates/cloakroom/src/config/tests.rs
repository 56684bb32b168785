//! Valid and invalid configurations.

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::SessionFactory as _;
use cloakroom_session::{CommitPolicy, Engine, Lifetimes, Timestamp};

use super::SessionConfig;

const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

fn read(text: &str) -> Result<SessionConfig, String> {
    serde_json::from_str(text).map_err(|why| why.to_string())
}

/// Returns the error from reading or checking a configuration.
fn wrong(text: &str) -> String {
    match read(text) {
        Err(why) => why,
        Ok(config) => config.check().err().map(|why| why.to_string()).unwrap_or_default(),
    }
}

fn key_file(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("key");
    std::fs::write(&path, KEY).unwrap();
    path.display().to_string()
}

#[test]
fn mistakes_name_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let file = key_file(&folder);
    let key = format!(r#""kind": "signed", "key": {{ "file": "{file}" }}"#);
    let store = r#""kind": "stored", "store": { "url": "memory:" }"#;
    for (row, text, says) in [
        ("right", format!("{{ {key} }}"), ""),
        ("right, in a store", format!("{{ {store} }}"), ""),
        ("no kind", "{}".to_owned(), "missing field `kind`"),
        ("another kind", r#"{ "kind": "cookie" }"#.to_owned(), "expected one of `signed`, `encrypted`, `stored`"),
        ("an unknown option", format!(r#"{{ {key}, "lifetime": {{}} }}"#), "unknown field `lifetime`"),
        (
            "an unknown option of a table",
            format!(r#"{{ {key}, "cookie": {{ "secure": false }} }}"#),
            "unknown field `secure`",
        ),
        ("no key", r#"{ "kind": "encrypted" }"#.to_owned(), "key: is missing"),
        (
            "a key in the configuration",
            format!(r#"{{ "kind": "signed", "key": {{ "url": "{KEY}" }} }}"#),
            "key: isn't written here",
        ),
        (
            "a key in the place of the table",
            format!(r#"{{ "kind": "signed", "key": "{KEY}" }}"#),
            "a secret isn't written here",
        ),
        ("two places", r#"{ "kind": "signed", "key": { "env": "A", "file": "b" } }"#.to_owned(), "is allowed"),
        ("no place", r#"{ "kind": "signed", "key": {} }"#.to_owned(), "is missing"),
        ("another place", r#"{ "kind": "signed", "key": { "vault": "x" } }"#.to_owned(), "unknown field `vault`"),
        (
            "no such variable",
            r#"{ "kind": "signed", "key": { "env": "CLOAKROOM_NO_SUCH" } }"#.to_owned(),
            "CLOAKROOM_NO_SUCH",
        ),
        (
            "no such file",
            r#"{ "kind": "signed", "key": { "file": "/nonexistent/key" } }"#.to_owned(),
            "/nonexistent/key",
        ),
        ("no store", r#"{ "kind": "stored" }"#.to_owned(), "store: is missing"),
        (
            "a key for a store",
            format!(r#"{{ {store}, "key": {{ "env": "PATH" }} }}"#),
            "key: is for sessions in cookies",
        ),
        (
            "a store for cookies",
            format!(r#"{{ {key}, "store": {{ "url": "memory:" }} }}"#),
            "store: is for sessions in a store",
        ),
        ("conflicts of cookies", format!(r#"{{ {key}, "conflicts": "strict" }}"#), "conflicts: is for"),
        ("a prefix and its rules", format!(r#"{{ {key}, "cookie": {{ "domain": "example.com" }} }}"#), "domain"),
        (
            "timeouts",
            format!(r#"{{ {key}, "lifetimes": {{ "absolute_timeout": "1s" }} }}"#),
            "lifetimes.absolute_timeout: ",
        ),
        ("no length of time", format!(r#"{{ {key}, "lifetimes": {{ "idle_timeout": "soon" }} }}"#), "90s"),
        ("no origin", format!(r#"{{ {key}, "csrf": {{ "own_origins": ["shop"] }} }}"#), "csrf.own_origins: "),
        (
            "no trusted origin",
            format!(r#"{{ {key}, "csrf": {{ "trusted_origins": ["*"] }} }}"#),
            "csrf.trusted_origins: ",
        ),
        ("no header", format!(r#"{{ {key}, "csrf": {{ "header": "X Token" }} }}"#), "csrf.header: "),
        ("no limit", format!(r#"{{ {key}, "csrf": {{ "body_limit": 0 }} }}"#), "csrf.body_limit: "),
        (
            "a scheme that contradicts",
            format!(
                r#"{{ {key}, "csrf": {{ "own_origins": ["https://a.example"], "danger_own_scheme_http": true }} }}"#
            ),
            "csrf.danger_own_scheme_http: ",
        ),
        (
            "a limit and none",
            r#"{ "kind": "stored", "store": { "url": "memory:" }, "no_owner_limit": true,
                "owner_limit": { "sessions": 3, "at_limit": "end-oldest" } }"#
                .to_owned(),
            "no_owner_limit: contradicts `owner_limit`",
        ),
        (
            "a near cache for cookies",
            format!(r#"{{ {key}, "near_cache": {{}} }}"#),
            "near_cache: is for sessions in a store",
        ),
        ("a near cache", format!(r#"{{ {store}, "near_cache": {{}} }}"#), ""),
        (
            "a near cache of no size",
            format!(r#"{{ {store}, "near_cache": {{ "max_bytes": 0 }} }}"#),
            "near_cache.max_bytes: is 0",
        ),
        (
            "a bound of never",
            format!(r#"{{ {store}, "near_cache": {{ "bound": "never" }} }}"#),
            "near_cache.bound: can't be never",
        ),
        (
            "a bound of nothing",
            format!(r#"{{ {store}, "near_cache": {{ "bound": "0s" }} }}"#),
            "near_cache.bound: is 0",
        ),
        (
            "a keyring for records",
            format!(r#"{{ {store}, "records": {{ "key": {{ "file": "{file}" }}, "encryption": "only-encrypted" }} }}"#),
            "",
        ),
        (
            "a keyring for records that is no keyring",
            format!(r#"{{ {store}, "records": {{ "key": {{ "env": "PATH" }} }} }}"#),
            "records.key: ",
        ),
        (
            "a keyring for records that isn't there",
            format!(r#"{{ {store}, "records": {{ "key": {{ "file": "/nonexistent/key" }} }} }}"#),
            "records.key: /nonexistent/key can't be read",
        ),
        (
            "a keyring for records in the configuration",
            format!(r#"{{ {store}, "records": {{ "key": {{ "url": "{KEY}" }} }} }}"#),
            "records.key: isn't written here",
        ),
        (
            "encryption without a keyring",
            format!(r#"{{ {store}, "records": {{ "encryption": "encrypt" }} }}"#),
            "records.encryption: needs a keyring, which `records.key` names",
        ),
        (
            "another encryption",
            format!(r#"{{ {store}, "records": {{ "encryption": "rot13" }} }}"#),
            "expected one of `encrypt`, `decrypt`, `only-encrypted`",
        ),
        ("records of cookies", format!(r#"{{ {key}, "records": {{}} }}"#), "records: is for sessions in a store"),
        (
            "nothing is checked",
            format!(r#"{{ {key}, "csrf": {{ "token": "never", "danger_token_only": true }} }}"#),
            "danger_token_only",
        ),
    ] {
        let found = wrong(&text);
        if says.is_empty() {
            assert_eq!(found, "", "{row}");
        } else {
            assert!(found.contains(says), "{row}: {found}");
        }
        assert!(!found.contains(KEY), "{row}: {found}");
    }
}

#[tokio::test]
async fn environment_variables_give_the_same_configuration_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = key_file(&folder);
    let written = read(&format!(
        r#"{{ "kind": "encrypted", "key": {{ "file": "{file}" }}, "commit": "not-on-server-error",
            "cookie": {{ "name": "__Host-shop", "same_site": "strict", "partitioned": true }},
            "lifetimes": {{
                "preset": "shop", "idle_timeout": "10m", "absolute_timeout": "never", "touch_after": "0s",
                "persistent_cookie": true
            }},
            "csrf": {{ "token": "always", "own_origins": ["https://a.example", "https://b.example"], "body_limit": 100, "danger_report_only": true }} }}"#
    ))
    .unwrap();
    let variables = [
        ("SHOP_KIND", "encrypted"),
        ("SHOP_KEY_FILE", file.as_str()),
        ("SHOP_COMMIT", "not-on-server-error"),
        ("SHOP_COOKIE_NAME", "__Host-shop"),
        ("SHOP_COOKIE_SAME_SITE", "strict"),
        ("SHOP_COOKIE_PARTITIONED", "yes"),
        ("SHOP_LIFETIMES_PRESET", "shop"),
        ("SHOP_LIFETIMES_PERSISTENT_COOKIE", "true"),
        ("SHOP_LIFETIMES_IDLE_TIMEOUT", "10m"),
        ("SHOP_LIFETIMES_ABSOLUTE_TIMEOUT", "never"),
        ("SHOP_LIFETIMES_TOUCH_AFTER", "0s"),
        ("SHOP_CSRF_TOKEN", "always"),
        ("SHOP_CSRF_OWN_ORIGINS", "https://a.example, https://b.example"),
        ("SHOP_CSRF_BODY_LIMIT", "100"),
        ("SHOP_CSRF_DANGER_REPORT_ONLY", "true"),
        ("SHOP_COOKIE_DOMAIN", ""),
        ("SHOPPING_LIST", "unrelated"),
    ];
    let read = SessionConfig::from_vars("SHOP", variables).unwrap();
    assert_eq!(read, written);
    assert_eq!(read.commit_policy(), CommitPolicy::NotOnServerError);
    let rules = read.csrf_rules().unwrap();
    assert!(rules.is_report_only() && rules.max_body() == 100);
    assert_eq!(rules.token_policy(), cloakroom_session::TokenPolicy::Always);
    assert_eq!(read.build().await.unwrap().cookie_name(), "__Host-shop");
}

#[test]
fn errors_name_invalid_variables() {
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short");
    std::fs::write(&short, "c2hvcnQ=").unwrap();
    let short = short.display().to_string();
    let (signed, key) = (("SHOP_KIND", "signed"), ("SHOP_KEY", KEY));
    let (stored, store) = (("SHOP_KIND", "stored"), ("SHOP_STORE", "memory:"));
    for (row, variables, says) in [
        ("no kind", vec![key], "SHOP_KIND: isn't set"),
        ("no key", vec![signed], "SHOP_KEY: isn't set, and SHOP_KEY_FILE isn't either"),
        ("no store", vec![stored], "SHOP_STORE: isn't set, and SHOP_STORE_FILE isn't either"),
        (
            "a typing error",
            vec![signed, key, ("SHOP_COOKIE_NAMES", "x")],
            "SHOP_COOKIE_NAMES: is not a session option: did you mean SHOP_COOKIE_NAME?",
        ),
        ("something else", vec![signed, key, ("SHOP_PRICE", "x")], "SHOP_PRICE: is not a session option"),
        ("no switch", vec![signed, key, ("SHOP_COOKIE_PARTITIONED", "maybe")], "SHOP_COOKIE_PARTITIONED: is neither"),
        ("no number", vec![signed, key, ("SHOP_CSRF_BODY_LIMIT", "1k")], "SHOP_CSRF_BODY_LIMIT: isn't a number"),
        (
            "no length of time",
            vec![signed, key, ("SHOP_LIFETIMES_IDLE_TIMEOUT", "soon")],
            "SHOP_LIFETIMES_IDLE_TIMEOUT: ",
        ),
        ("none of these words", vec![signed, key, ("SHOP_COOKIE_SAME_SITE", "loose")], "SHOP_COOKIE_SAME_SITE: "),
        ("another kind", vec![("SHOP_KIND", "magic"), key], "SHOP_KIND: "),
        ("twice", vec![signed, key, ("SHOP_KEY_FILE", "key")], "SHOP_KEY: is given twice"),
        ("a short key", vec![signed, ("SHOP_KEY", "c2hvcnQ=")], "SHOP_KEY: line 1 has no key"),
        ("a short key in a file", vec![signed, ("SHOP_KEY_FILE", &short)], "SHOP_KEY_FILE: line 1 has no key"),
        (
            "no such file",
            vec![signed, ("SHOP_KEY_FILE", "/nonexistent/key")],
            "SHOP_KEY_FILE: /nonexistent/key can't be read",
        ),
        ("a key for a store", vec![stored, store, key], "SHOP_KEY: is for sessions in cookies"),
        (
            "a limit for cookies",
            vec![signed, key, ("SHOP_CALL_TIMEOUT", "1s")],
            "SHOP_CALL_TIMEOUT: is for sessions in a store",
        ),
        (
            "half a limit",
            vec![stored, store, ("SHOP_OWNER_LIMIT_SESSIONS", "3")],
            "SHOP_OWNER_LIMIT: missing field `at_limit`",
        ),
        (
            "a short key for records",
            vec![stored, store, ("SHOP_RECORDS_KEY", "c2hvcnQ=")],
            "SHOP_RECORDS_KEY: line 1 has no key",
        ),
        (
            "no file with a key for records",
            vec![stored, store, ("SHOP_RECORDS_KEY_FILE", "/nonexistent/key")],
            "SHOP_RECORDS_KEY_FILE: /nonexistent/key can't be read",
        ),
        (
            "keys for records twice",
            vec![stored, store, ("SHOP_RECORDS_KEY", KEY), ("SHOP_RECORDS_KEY_FILE", "key")],
            "SHOP_RECORDS_KEY: is given twice",
        ),
        (
            "encryption without a key",
            vec![stored, store, ("SHOP_RECORDS_ENCRYPTION", "decrypt")],
            "SHOP_RECORDS_ENCRYPTION: needs a keyring",
        ),
        (
            "records of cookies",
            vec![signed, key, ("SHOP_RECORDS_KEY", KEY)],
            "SHOP_RECORDS: is for sessions in a store",
        ),
        ("no cookie name", vec![signed, key, ("SHOP_COOKIE_NAME", "my shop")], "SHOP_COOKIE_NAME: "),
        ("no path", vec![signed, key, ("SHOP_COOKIE_PATH", "shop")], "SHOP_COOKIE_PATH: "),
        ("timeouts", vec![signed, key, ("SHOP_LIFETIMES_ABSOLUTE_TIMEOUT", "1s")], "SHOP_LIFETIMES_ABSOLUTE_TIMEOUT: "),
        (
            "no origin",
            vec![signed, key, ("SHOP_CSRF_OWN_ORIGINS", "shop")],
            "SHOP_CSRF_OWN_ORIGINS: \"shop\" isn't an origin",
        ),
        ("no trusted origin", vec![signed, key, ("SHOP_CSRF_TRUSTED_ORIGINS", "*")], "SHOP_CSRF_TRUSTED_ORIGINS: "),
    ] {
        let error = SessionConfig::from_vars("SHOP", variables).unwrap_err();
        assert!(error.to_string().starts_with(says), "{row}: {error}");
        assert!(!format!("{error} {error:?}").contains(KEY), "{row}: {error:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let url = "postgres://shop:s3cret@host/shop";
    for config in [
        read(&format!(r#"{{ "kind": "stored", "store": {{ "url": "{url}" }} }}"#)).unwrap(),
        SessionConfig::from_vars("S", [("S_KIND", "stored"), ("S_STORE", url)]).unwrap(),
        SessionConfig::from_vars("S", [("S_KIND", "signed"), ("S_KEY", KEY)]).unwrap(),
    ] {
        let shown = format!("{config:?}");
        assert!(!shown.contains("s3cret") && !shown.contains(KEY), "{shown}");
    }
}

#[cfg(feature = "store")]
#[tokio::test]
async fn a_store_by_its_url() {
    let text = r#"{ "kind": "stored", "store": { "url": "memory:" }, "conflicts": "strict", "call_timeout": "1s",
        "owner_limit": { "sessions": 3, "at_limit": "end-oldest" } }"#;
    let sessions = read(text).unwrap().build().await.unwrap();
    assert!(sessions.as_stored().is_some());
    let now = Timestamp::from_unix_secs(1_700_000_000);
    assert!(sessions.open(CookieHeader::default(), now).await.unwrap().is_new());

    let url = "nosuch://user:s3cret@host/";
    let error =
        read(&format!(r#"{{ "kind": "stored", "store": {{ "url": "{url}" }} }}"#)).unwrap().build().await.unwrap_err();
    assert_eq!(error.option(), "store");
    assert!(error.to_string().contains("nosuch") && !format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    let never = r#"{ "kind": "stored", "store": { "url": "memory:" }, "call_timeout": "never" }"#;
    assert_eq!(read(never).unwrap().build().await.unwrap_err().option(), "call_timeout");
}

/// Records that are written with the options are read with them, from a file and from the
/// environment.
#[cfg(feature = "store")]
#[tokio::test]
async fn records_are_encrypted_as_configured() {
    use cloakroom_store::store::Store as _;

    let folder = tempfile::tempdir().unwrap();
    let (file, url) = (key_file(&folder), format!("file:{}", folder.path().join("sessions").display()));
    let written = read(&format!(
        r#"{{ "kind": "stored", "store": {{ "url": "{url}" }},
            "records": {{ "key": {{ "file": "{file}" }}, "encryption": "only-encrypted" }} }}"#
    ))
    .unwrap();
    let engine = std::sync::Arc::new(Engine::new(written.build().await.unwrap()));
    let slot = SessionSlot::new(engine);
    slot.open(CookieHeader::default()).await.unwrap().insert("user", "ann").unwrap();
    let line = slot.finish(200).await.unwrap().cookies[0].as_str().split(';').next().unwrap().to_owned();
    let now = cloakroom_session::Clock::now(&cloakroom_session::SystemClock);
    let page = crate::connect(&url).await.unwrap().scan(None, 10, now).await.unwrap();
    assert!(page.sessions.len() == 1 && page.sessions[0].entry.is_encrypted());

    let variables = [("SHOP_KIND", "stored"), ("SHOP_STORE", url.as_str())];
    for (row, more, reads) in [
        ("encrypts", vec![("SHOP_RECORDS_KEY", KEY)], true),
        ("decrypts", vec![("SHOP_RECORDS_KEY_FILE", file.as_str()), ("SHOP_RECORDS_ENCRYPTION", "decrypt")], true),
        ("has no keyring", vec![], false),
    ] {
        let config = SessionConfig::from_vars("SHOP", variables.into_iter().chain(more)).unwrap();
        assert!(!format!("{config:?}").contains(KEY), "{row}: {config:?}");
        let sessions = config.build().await.unwrap();
        let slot = SessionSlot::new(std::sync::Arc::new(Engine::new(sessions)));
        match slot.open(CookieHeader::new([line.as_bytes()])).await {
            Ok(session) => {
                assert_eq!((reads, session.get::<String>("user").unwrap().as_deref()), (true, Some("ann")), "{row}");
            }
            Err(why) => assert!(!reads && format!("{why:?}").contains("no keyring for records"), "{row}: {why:?}"),
        }
    }
}

#[cfg(feature = "store")]
#[tokio::test]
async fn a_configured_store_can_be_reloaded() {
    let config = read(r#"{ "kind": "stored", "store": { "url": "memory:" } }"#).unwrap();
    let engine = std::sync::Arc::new(Engine::new(config.build().await.unwrap()));
    let slot = SessionSlot::new(std::sync::Arc::clone(&engine));
    slot.open(CookieHeader::default()).await.unwrap().insert("user", "ann").unwrap();
    let line = slot.finish(200).await.unwrap().cookies[0].as_str().split(';').next().unwrap().to_owned();

    let open = async || {
        let slot = SessionSlot::new(std::sync::Arc::clone(&engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        (slot, session)
    };
    let (_, watching) = open().await;
    assert!(watching.refresh().await.unwrap());
    let (slot, signing_out) = open().await;
    signing_out.invalidate();
    slot.finish(200).await.unwrap();
    assert!(!watching.refresh().await.unwrap());
}

/// The form of a builder option in a configuration, or in the URL of a store.
#[cfg(feature = "store")]
enum Written {
    /// A member of the configuration, in JSON.
    Config(&'static str),
    /// A parameter of these schemes.
    Url(&'static [&'static str], &'static str),
}

/// Every builder option must be configurable. A new option without a row fails here.
#[cfg(feature = "store")]
#[test]
fn every_option_of_a_builder_can_be_configured() {
    use Written::{Config, Url};

    const REDIS: &[&str] = &["redis", "unix", "redis+sentinel", "redis+cluster"];
    const ALL: &[&str] = &[
        "memory",
        "file",
        "sqlite",
        "postgres",
        "mysql",
        "redis",
        "unix",
        "redis+sentinel",
        "redis+cluster",
        "dynamodb",
    ];
    let folder = tempfile::tempdir().unwrap();
    let keys = key_file(&folder);
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (file, rows) in [
        (
            "cloakroom-store/src/stored_sessions/builder.rs",
            &[
                ("cookie", Config(r#""cookie": {}"#)),
                ("lifetimes", Config(r#""lifetimes": {}"#)),
                ("conflicts", Config(r#""conflicts": "strict""#)),
                ("call_timeout", Config(r#""call_timeout": "1s""#)),
                ("commit_timeout", Config(r#""commit_timeout": "1s""#)),
                ("tombstone_ttl", Config(r#""tombstone_ttl": "5s""#)),
                ("owner_limit", Config(r#""owner_limit": { "sessions": 3, "at_limit": "end-oldest" }"#)),
                ("no_owner_limit", Config(r#""no_owner_limit": true"#)),
                ("fail_fast", Config(r#""fail_fast": true"#)),
                ("form_tokens_in_cookie", Config(r#""form_tokens_in_cookie": true"#)),
                ("end_check_interval", Config(r#""end_check_interval": "5s""#)),
            ][..],
        ),
        (
            "cloakroom-core/src/cookie/config.rs",
            &[
                ("name", Config(r#""cookie": { "name": "__Host-a" }"#)),
                ("path", Config(r#""cookie": { "path": "/" }"#)),
                ("domain", Config(r#""cookie": { "name": "a", "domain": "shop.example" }"#)),
                ("same_site", Config(r#""cookie": { "same_site": "strict" }"#)),
                ("partitioned", Config(r#""cookie": { "partitioned": true }"#)),
                ("former", Config(r#""cookie": { "name": "a", "path": "/app", "former": ["/", "a.example/"] }"#)),
                ("danger_insecure", Config(r#""cookie": { "name": "a", "danger_insecure": true }"#)),
                (
                    "danger_readable_by_scripts",
                    Config(r#""cookie": { "name": "a", "danger_readable_by_scripts": true }"#),
                ),
            ],
        ),
        (
            "cloakroom-core/src/lifetimes/mod.rs",
            &[
                ("idle_timeout", Config(r#""lifetimes": { "idle_timeout": "1h" }"#)),
                ("absolute_timeout", Config(r#""lifetimes": { "absolute_timeout": "never" }"#)),
                ("persistent_cookie", Config(r#""lifetimes": { "persistent_cookie": true }"#)),
                ("browser_session_cookie", Config(r#""lifetimes": { "persistent_cookie": false }"#)),
                ("touch_after", Config(r#""lifetimes": { "touch_after": "1s" }"#)),
            ],
        ),
        (
            "cloakroom-core/src/csrf/builder.rs",
            &[
                ("own_origin", Config(r#""csrf": { "own_origins": ["https://a.example"] }"#)),
                ("danger_own_scheme_http", Config(r#""csrf": { "danger_own_scheme_http": true }"#)),
                ("trusted_origin", Config(r#""csrf": { "trusted_origins": ["https://a.example"] }"#)),
                ("token_policy", Config(r#""csrf": { "token": "always" }"#)),
                ("origin_only", Config(r#""csrf": { "token": "never" }"#)),
                ("danger_token_only", Config(r#""csrf": { "danger_token_only": true }"#)),
                ("danger_allow_no_origin", Config(r#""csrf": { "danger_allow_no_origin": true }"#)),
                ("danger_report_only", Config(r#""csrf": { "danger_report_only": true }"#)),
                ("exempt_authorization", Config(r#""csrf": { "exempt_authorization": ["Bearer"] }"#)),
                ("danger_safe_method", Config(r#""csrf": { "danger_safe_methods": ["PROPFIND"] }"#)),
                ("header", Config(r#""csrf": { "header": "X-Token" }"#)),
                ("field", Config(r#""csrf": { "field": "token" }"#)),
                ("body_limit", Config(r#""csrf": { "body_limit": 1000 }"#)),
            ],
        ),
        (
            "cloakroom-store/src/packed/mod.rs",
            &[
                ("compress", Config(r#""records": { "compress_above": 1024 }"#)),
                ("compress_above", Url(ALL, "compress_above")),
                ("encrypt", Config(r#""records": { "key": { "file": "KEYS" } }"#)),
                ("decrypt", Config(r#""records": { "key": { "file": "KEYS" }, "encryption": "decrypt" }"#)),
                (
                    "only_encrypted",
                    Config(r#""records": { "key": { "file": "KEYS" }, "encryption": "only-encrypted" }"#),
                ),
            ],
        ),
        (
            "cloakroom-store/src/cached/mod.rs",
            &[
                ("bound", Config(r#""near_cache": { "bound": "500ms" }"#)),
                ("max_bytes", Config(r#""near_cache": { "max_bytes": 1000000 }"#)),
            ],
        ),
        ("cloakroom-store/src/memory/mod.rs", &[("capacity", Url(&["memory"], "capacity"))]),
        (
            "cloakroom-sql/src/sqlite.rs",
            &[
                // Of the store and of its configuration.
                ("table", Url(&["sqlite"], "table")),
                ("table", Url(&["sqlite"], "table")),
                ("synchronous", Url(&["sqlite"], "synchronous")),
                ("readers", Url(&["sqlite"], "readers")),
            ],
        ),
        (
            "cloakroom-sql/src/postgres.rs",
            &[("table", Url(&["postgres"], "table")), ("notify", Url(&["postgres"], "notify"))],
        ),
        ("cloakroom-sql/src/mysql.rs", &[("table", Url(&["mysql"], "table"))]),
        ("cloakroom-dynamodb/src/dynamodb_store.rs", &[("prefix", Url(&["dynamodb"], "prefix"))]),
        (
            "cloakroom-redis/src/redis_store.rs",
            &[
                ("prefix", Url(REDIS, "prefix")),
                ("durability", Url(REDIS, "replicas")),
                ("durable_on_disk", Url(REDIS, "durability")),
            ],
        ),
    ] {
        let source = std::fs::read_to_string(crates.join(file)).unwrap();
        let options = options_of(&source);
        let named: Vec<&str> = rows.iter().map(|(option, _)| *option).collect();
        assert_eq!(options, named, "{file}: each option needs a row, and each row an option");
        for (option, written) in rows {
            match written {
                Config(text) => {
                    let text = format!(r#"{{ "kind": "stored", "store": {{ "url": "memory:" }}, {text} }}"#);
                    let found = wrong(&text.replace("KEYS", &keys));
                    // Compression is an option that also needs a feature, and says so.
                    let is_off = text.contains("compress_above") && !cfg!(feature = "compress");
                    assert_eq!(found.is_empty(), !is_off, "{option}: {found}");
                }
                Url(schemes, name) => schemes.iter().for_each(|scheme| {
                    assert!(crate::connect::has_option(scheme, name), "{option}: `{scheme}:` has no `{name}`");
                }),
            }
        }
    }
}

/// Returns the options that a builder's source defines, in their order: those of each
/// `factory_options! { … }`, and each method that is one.
#[cfg(feature = "store")]
fn options_of(source: &str) -> Vec<&str> {
    let (mut is_list, mut is_hidden) = (false, false);
    let option = |line| {
        let line: &str = str::trim(line);
        // Not for applications.
        let was_hidden = is_hidden;
        is_hidden = line == "#[doc(hidden)]" || (was_hidden && line.starts_with('#'));
        if was_hidden {
            return None;
        }
        is_list = (is_list && line != "}") || line == "factory_options! {";
        let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        if is_list { Some(line).filter(|line| is_name(line) && !line.is_empty()) } else { option_of(line) }
    };
    source.lines().filter_map(option).collect()
}

/// Returns the option that a line of a builder's source defines.
///
/// An option is a public method that takes and returns the builder.
#[cfg(feature = "store")]
fn option_of(line: &str) -> Option<&str> {
    let line = line.trim().strip_prefix("pub ")?;
    let line = line.strip_prefix("const ").unwrap_or(line).strip_prefix("fn ")?;
    let (name, rest) = line.split_once('(')?;
    let takes_itself = rest.starts_with("self") || rest.starts_with("mut self");
    let returns_itself = rest.ends_with("-> Self {") || rest.ends_with("-> Result<Self, ConfigError> {");
    (takes_itself && returns_itself).then_some(name)
}

#[test]
fn presets_have_the_names_of_the_methods() {
    let with = |options: &str| {
        let text = format!(r#"{{ "kind": "stored", "store": {{ "url": "memory:" }}, "lifetimes": {{ {options} }} }}"#);
        read(&text).unwrap().lifetimes()
    };
    let two_weeks = Lifetimes::two_weeks();
    for (options, expected) in [
        ("", Lifetimes::default()),
        (r#""preset": "bank""#, Lifetimes::bank()),
        (r#""preset": "shop""#, Lifetimes::shop()),
        (r#""preset": "two-weeks""#, two_weeks),
        (r#""preset": "tower-sessions""#, Lifetimes::tower_sessions()),
        (r#""preset": "actix-session""#, Lifetimes::actix_session()),
        (r#""preset": "aal1""#, Lifetimes::aal1()),
        (r#""preset": "aal2""#, Lifetimes::aal2()),
        (r#""preset": "aal3""#, Lifetimes::aal3()),
        (r#""preset": "two-weeks", "persistent_cookie": false"#, two_weeks.browser_session_cookie()),
        (r#""preset": "two-weeks", "absolute_timeout": "never""#, two_weeks.absolute_timeout(None)),
    ] {
        assert_eq!(with(options), expected, "{options}");
    }
}

#[test]
fn a_tombstone_ttl_of_never_is_rejected() {
    let text = r#"{ "kind": "stored", "store": { "url": "memory:" }, "tombstone_ttl": "never" }"#;
    let config = read(text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(config.build()).unwrap_err();
    assert_eq!(error.option(), if cfg!(feature = "store") { "tombstone_ttl" } else { "kind" });
}

/// The near cache of a configuration wraps the store, or is refused under its name.
#[cfg(feature = "store")]
#[tokio::test]
async fn a_near_cache_is_built_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("file:{}", folder.path().join("sessions").display());
    for (url, says) in [
        ("memory:", ""),
        (&file, "near_cache: needs a store that announces the changes of all processes"),
        ("memory:?near_cache=1000000", "near_cache: is in the URL of the store as well"),
    ] {
        let variables = [
            ("SHOP_KIND", "stored"),
            ("SHOP_STORE", url),
            ("SHOP_NEAR_CACHE_MAX_BYTES", "1000000"),
            ("SHOP_NEAR_CACHE_BOUND", "250ms"),
        ];
        match SessionConfig::from_vars("SHOP", variables).unwrap().build().await {
            Ok(sessions) => {
                let store = format!("{:?}", sessions.as_stored().unwrap().store());
                assert!(says.is_empty() && store.contains("CachedStore") && store.contains("250ms"), "{url}: {store}");
            }
            Err(error) => assert!(!says.is_empty() && error.to_string().contains(says), "{url}: {error}"),
        }
    }
}
