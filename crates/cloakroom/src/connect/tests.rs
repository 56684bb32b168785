//! Valid and invalid URLs.

use std::error::Error as _;
use std::time::Duration;

use super::{connect, connect_within};

/// Collects all texts of an error.
fn told(error: &super::ConnectError) -> String {
    let mut told = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        told.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    told
}

#[tokio::test]
async fn files_and_memory_open() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    for url in ["memory:".to_owned(), "MEMORY:".to_owned(), format!("file:{place}/a"), format!("file://{place}/b")] {
        connect(&url).await.unwrap();
    }
    assert!(folder.path().join("a").is_dir() && folder.path().join("b").is_dir());
    #[cfg(feature = "sqlite")]
    for name in ["a.db", "b.db"] {
        let slashes = if name == "a.db" { "" } else { "//" };
        connect(&format!("sqlite:{slashes}{place}/{name}")).await.unwrap();
        assert!(folder.path().join(name).is_file());
    }
}

#[tokio::test]
async fn errors_of_invalid_urls_name_the_problem() {
    let table = [
        ("", "begins with one of memory:, file:"),
        ("hunter2", "begins with one of"),
        ("/var/lib/hunter2:x", "begins with one of"),
        ("mongodb://u:hunter2@h/db", "no store for `mongodb:`; there are memory:, file:, sqlite:, postgres:"),
        ("memory:hunter2", "takes options only"),
        ("file:", "no path"),
        ("sqlite://", "no path"),
        ("sqlite::memory:", "`memory:`"),
        ("sqlite://:memory:", "`memory:`"),
        ("sqlite:///:memory:", "`memory:`"),
        ("sqlite::memory:?readers=2", "`memory:`"),
        ("sqlite:file::memory:?cache=shared", "`memory:`"),
        ("sqlite:file:sessions?mode=memory&cache=shared", "`memory:`"),
        ("sqlite:?readers=2", "no path"),
        ("file::memory:", "`memory:`"),
        (
            "sqlite:sessions.db?mode=rwc",
            "its parameter 1 is unknown; there are `compress_above`, `near_cache`, `near_cache_bound`, `readers`, `synchronous`, `table`",
        ),
        ("sqlite:sessions.db?reader=2", "its parameter 1 is unknown: is it `readers`?"),
        ("sqlite:sessions.db?readers=0", "`readers` is a number, and not 0"),
        ("sqlite:sessions.db?synchronous=off", "`synchronous` is one of `normal`, `full`"),
        ("sqlite:sessions.db?table=a-b", "table"),
        ("postgres://u:hunter2@h/db?table=a%20b", "table"),
        ("mysql://u:hunter2@h/db?schema=a;b", "schema"),
        ("sqlite:sessions.db?readers=2&readers=3", "`readers` is there twice"),
        ("file:sessions?durability=none", "`durability` is one of `power-failure`, `process-end`"),
        ("memory:?compress_above=1k", "`compress_above` isn't a number of bytes"),
        ("memory:?compress_above=1&compress_above=2", "`compress_above` is there twice"),
        ("memory:?near_cache=64MiB", "`near_cache` is a number of bytes, and not 0"),
        ("memory:?near_cache", "`near_cache` is a number of bytes, and not 0"),
        ("memory:?near_cache=0", "`near_cache` is a number of bytes, and not 0"),
        ("memory:?near_cache=1&near_cache=2", "`near_cache` is there twice"),
        ("memory:?near_cache=9&near_cache_bound=1s", "`near_cache_bound` is a number of milliseconds, and not 0"),
        ("memory:?near_cache=9&near_cache_bound=0", "`near_cache_bound` is a number of milliseconds, and not 0"),
        ("memory:?near_cache_bound=500", "`near_cache_bound` needs `near_cache`"),
        ("redis://:hunter2@h/?near_cache=all", "`near_cache` is a number of bytes"),
        ("memory:?capacity=many", "`capacity` is a number"),
        ("postgres:u:hunter2@h/db", "`//`"),
        ("postgres://u:hunter2@h", "no database"),
        ("postgres://u:hunter2@/db", "no host"),
        ("postgresql://u:hunter@2@h/db", "%40"),
        ("postgres://u:hunter2/x@h/db", "%40"),
        ("postgres://u:hunter2@h/db?bogus=1", "its parameter 1 is unknown; there are `application_name`"),
        ("postgres://u:hunter2@h/db?ssl_mode=require", "is it `sslmode`?"),
        ("postgres://u:hunter2@h:port/db", "65535"),
        ("mysql://u:hunter2@h", "no database"),
        ("mysql://u:hunter2@h/db?bogus=1", "its parameter 1 is unknown; there are `abs_conn_ttl`"),
        ("mysql://u:hunter2@h/db?ssl_mode=REQUIRED", "is it `ssl-mode`?"),
        ("mariadb://u:12?hunter2@h/db", "%3F"),
        ("mysql://u:hunter2#@h/db", "%23"),
        ("redis:", "`//`"),
        ("redis://", "no host"),
        ("redis://:hunter2@", "no host"),
        ("redis://:hunter2@:6379", "no host"),
        ("redis://:hunter2@h/one", "number of a database"),
        ("valkey://:hunter2@h,i/", "several hosts"),
        (
            "redis://:hunter2@h/?db=1",
            "its parameter 1 is unknown; there are `prefix`, `compress_above`, `near_cache`, `near_cache_bound`, `replicas`, `replica_timeout`, `protocol`, `timeout`",
        ),
        ("redis://:hunter2@h/?replicas=all", "`replicas` isn't a number of servers"),
        ("redis://:hunter2@h/?replica_timeout=0", "`replica_timeout` is 0"),
        ("redis://:hunter2@h/?prefx=shop:", "its parameter 1 is unknown: is it `prefix`?"),
        ("unix:run/redis.sock?pass=hunter2", "begins with a slash"),
        ("redis+unix:///run/redis.sock?pass=x&hunter2", "parameter 2"),
        ("rediss://:hunter2@/", "no host"),
        ("redis+sentinel://:hunter2@h:26379", "name of their master"),
        ("redis+sentinel://:hunter2@h:26379/mymaster?db=one", "`db`"),
        ("redis+sentinel://:hunter2@h:26379,/mymaster", "comma too many"),
        ("redis+cluster://:hunter2@h:7000,i:70000", "65535"),
        ("redis+cluster://:hunter2@h:7000/1", "no other databases"),
        ("dynamodb:", "must begin with dynamodb://"),
        ("dynamodb://id:hunter2@sessions", "credentials don't belong"),
        ("dynamodb://a", "3 to 255"),
        ("dynamodb://sessions?ttl=1", "its parameter 1 is unknown; there are `prefix`"),
        ("dynamodb://sessions?endpoint=localhost", "must begin with http://"),
    ];
    for (url, why) in table {
        let error = connect(url).await.unwrap_err();
        let scheme = url.split(':').next().unwrap();
        let off = super::SCHEMES.iter().find(|(known, features)| *known == scheme && !all_on(features));
        let why = if off.is_some() { "needs the crate cloakroom with the features" } else { why };
        assert!(error.is_config() && error.to_string().contains(why), "{url}: {error}");
        assert!(!told(&error).contains("hunter2"), "{error:?}");
    }
}

fn all_on(features: &[&str]) -> bool {
    features.iter().all(|feature| match *feature {
        "sqlite" => cfg!(feature = "sqlite"),
        "postgres" => cfg!(feature = "postgres"),
        "mysql" => cfg!(feature = "mysql"),
        "dynamodb" => cfg!(feature = "dynamodb"),
        "redis" => cfg!(feature = "redis"),
        "redis-sentinel" => cfg!(feature = "redis-sentinel"),
        "redis-cluster" => cfg!(feature = "redis-cluster"),
        "tls" => cfg!(feature = "tls"),
        unknown => panic!("{unknown}"),
    })
}

/// With any set of features, each scheme opens a store or names the feature that it needs.
#[tokio::test]
async fn a_disabled_feature_is_named() {
    for (scheme, features) in super::SCHEMES {
        let Err(error) = connect(&format!("{scheme}:")).await else { continue };
        let needs = error.to_string().contains("needs the crate cloakroom");
        assert_eq!(needs, !all_on(features), "{error}");
        if needs {
            assert!(features.iter().all(|feature| error.to_string().contains(&format!("`{feature}`"))), "{error}");
        }
    }
}

#[tokio::test]
async fn an_unreachable_server_is_an_error_without_the_password() {
    let port = cloakroom_servers::free_port();
    let here = format!("127.0.0.1:{port}");
    let table = [
        ("postgres", format!("postgres://u:hunter2@{here}/db")),
        ("mysql", format!("mariadb://u:hunter2@{here}/db")),
        ("redis", format!("redis://:hunter2@{here}")),
        ("tls", format!("rediss://:hunter2@{here}")),
        ("redis", "unix:///nowhere/redis.sock?pass=hunter2".to_owned()),
        ("redis-sentinel", format!("redis+sentinel://u:hunter2@{here}/m?sentinel_password=hunter2")),
        ("redis-cluster", format!("redis+cluster://u:hunter2@{here}")),
    ];
    for (feature, url) in table {
        let error = connect(&url).await.unwrap_err();
        let all_on = all_on(&[feature]) && (feature != "tls" || cfg!(feature = "redis"));
        assert_eq!(error.is_config(), !all_on, "{url}: {error}");
        assert!(!told(&error).contains("hunter2"), "{error:?}");
        let why = if url.starts_with("unix") { "No such file" } else { "Connection refused" };
        assert!(!all_on || error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let server = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let here = server.local_addr().unwrap();
    for (feature, url) in
        [("postgres", format!("postgres://u@{here}/db")), ("mysql", format!("mysql://u@{here}/db?prefer_socket=false"))]
    {
        let error = connect_within(&url, None, Duration::from_millis(50)).await.unwrap_err();
        assert!(!all_on(&[feature]) || error.to_string().contains("didn't answer in time"), "{error}");
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn redis_with_a_password_and_a_prefix() {
    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::StoreKey;
    use cloakroom_store::store::{Entry, Store as _};

    let server = cloakroom_servers::redis::Redis::with(&["--requirepass", "hunter2@/?", "--unixsocket", "socket"]);
    let port = server.port();
    let error = connect(&format!("redis://:hunter3@127.0.0.1:{port}")).await.unwrap_err();
    assert!(!error.is_config() && !told(&error).contains("hunter3"), "{error:?}");
    let key = StoreKey::from_bytes([7; 32]);
    let now = Timestamp::from_unix_secs(1_700_000_000);
    for (database, url) in [
        ("0", format!("redis://:hunter2%40%2F%3F@127.0.0.1:{port}?prefix=shop%3A")),
        ("2", format!("valkey://default:hunter2%40%2F%3F@127.0.0.1:{port}/2?protocol=3&prefix=shop:")),
    ] {
        let store = connect(&url).await.unwrap();
        assert!(!format!("{store:?}").contains("hunter2"));
        store.create(&key, &Entry::new("{}".into(), now, now, None), now).await.unwrap();
        let cli = ["-a", "hunter2@/?", "--no-auth-warning", "-n", database, "KEYS", "*"];
        assert_eq!(server.cli(&cli), format!("shop:s{}", "\u{7}".repeat(32)), "{url}");
    }
}

/// A missing password, and every option documented for `RedisStore::connect`.
#[cfg(feature = "redis")]
#[tokio::test]
async fn redis_without_its_password_and_with_options() {
    let server = cloakroom_servers::redis::Redis::with(&["--requirepass", "hunter2", "--unixsocket", "socket"]);
    let port = server.port();
    let error = connect(&format!("redis://127.0.0.1:{port}")).await.unwrap_err();
    assert!(!error.is_config() && error.to_string().contains("NOAUTH: it wants a password"), "{error}");
    connect(&format!("redis://:hunter2@127.0.0.1:{port}?timeout=5000&protocol=resp2")).await.unwrap();
    let error = connect(&format!("redis://:hunter2@127.0.0.1:{port}?timeout=soon")).await.unwrap_err();
    assert!(error.to_string().contains("`timeout`"), "{error}");
    let error = connect(&format!("redis://:hunter2@127.0.0.1:{port}/99")).await.unwrap_err();
    assert!(error.to_string().contains("DB index is out of range"), "{error}");
}

#[cfg(all(feature = "redis", feature = "tls"))]
#[tokio::test]
async fn redis_with_a_private_certificate_authority() {
    let authority = cloakroom_servers::Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let (ca, files) = (authority.certificate(), authority.issue("127.0.0.1", folder.path()));
    let server =
        cloakroom_servers::redis::Redis::with_tls(&ca, &files.certificate, &files.key, &["--tls-auth-clients", "no"]);
    let url = format!("rediss://127.0.0.1:{}", server.port());
    connect(&url).await.unwrap_err();
    connect(&format!("{url}?ca={}", ca.display())).await.unwrap();
    let error = connect(&format!("{url}?cert={}", files.certificate.display())).await.unwrap_err();
    assert!(error.to_string().contains("need each other"), "{error}");
}

/// A table is created only if it is missing, and the first error is reported.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_missing_right_is_reported_and_nothing_is_created() {
    let server = cloakroom_servers::Postgres::start();
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute("CREATE USER app; REVOKE CREATE ON SCHEMA public FROM PUBLIC").await.unwrap();
    let app = server.url().replace("postgres@", "app@");
    let error = connect(&app).await.unwrap_err().to_string();
    assert!(error.contains("is missing") && error.contains("permission denied for schema public"), "{error}");
    assert!(error.contains("cloakroom schema postgres"), "{error}");
    connect(&server.url()).await.unwrap();
    let error = connect(&app).await.unwrap_err().to_string();
    assert!(error.contains("permission denied for table cloakroom_sessions"), "{error}");
    admin.batch_execute("GRANT SELECT, INSERT, UPDATE, DELETE ON cloakroom_sessions TO app").await.unwrap();
    connect(&app).await.unwrap();
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_user_without_create_right_uses_an_existing_table() {
    let server = cloakroom_servers::Postgres::start();
    let read_only = format!("{}?options=-c%20default_transaction_read_only%3Don", server.url());
    let error = connect(&read_only).await.unwrap_err();
    assert!(error.to_string().contains("read-only transaction"), "{error}");
    connect(&server.url().replace("postgres://", "postgresql://")).await.unwrap();
    connect(&read_only).await.unwrap();
    let error = connect(&format!("{}-none", server.url())).await.unwrap_err();
    assert!(!error.is_config() && error.to_string().contains("database \"postgres-none\" does not exist"), "{error}");
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn a_refused_login_is_an_error_without_the_password() {
    let server = cloakroom_servers::MariaDb::start();
    connect(&server.url().replace("mysql://", "mariadb://")).await.unwrap();
    let error = connect(&server.url().replace("root@", "nobody:hunter2@")).await.unwrap_err();
    assert!(!error.is_config() && error.to_string().contains("Access denied for user 'nobody'"), "{error}");
    assert!(!told(&error).contains("hunter2"), "{error:?}");
}

/// Packed stores: the threshold of a URL and of the application, and keyrings.
#[tokio::test]
async fn records_are_packed_as_the_url_and_the_application_say() {
    use cloakroom_session::factory::StoreKey;
    use cloakroom_session::{Key, Keyring, Timestamp};
    use cloakroom_store::store::{Entry, Loaded, Store as _};

    use super::{Packing, connect_packed};

    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("sessions").display());
    let now = Timestamp::from_unix_secs(1_700_000_000);
    let secret = |byte: u8| Keyring::new(Key::new((0..32).map(|index| byte ^ index).collect::<Vec<_>>()).unwrap());
    let text = "a word and another one; ".repeat(100);
    let kept = async |key: StoreKey| {
        let Loaded::Live(_, entry) = connect(&url).await.unwrap().load(&key, now).await.unwrap() else {
            panic!("not there")
        };
        entry.text().to_string()
    };
    let put = async |byte: u8, url: &str, packing: Option<Packing>| {
        let store = match packing {
            Some(packing) => connect_packed(url, packing).await.unwrap(),
            None => connect(url).await.unwrap(),
        };
        let key = StoreKey::from_bytes([byte; 32]);
        store.create(&key, &Entry::new(text.as_str().into(), now, now, None), now).await.unwrap();
        let Loaded::Live(_, entry) = store.load(&key, now).await.unwrap() else { panic!("not there") };
        assert_eq!(&**entry.text(), text);
        kept(key).await
    };
    assert_eq!(put(1, &url, None).await, text);
    assert_eq!(put(2, &url, Some(Packing::new())).await, text);
    assert_eq!(put(3, &url, Some(Packing::new().decrypt(secret(1)))).await, text);
    let sealed = put(4, &url, Some(Packing::new().encrypt(secret(1)))).await;
    assert!(sealed.starts_with("p1.A") && sealed.len() > text.len(), "{sealed}");
    let strict = connect_packed(&url, Packing::new().only_encrypted(secret(1))).await.unwrap();
    assert!(strict.load(&StoreKey::from_bytes([1; 32]), now).await.unwrap_err().is_corrupt());
    strict.load(&StoreKey::from_bytes([4; 32]), now).await.unwrap();
    assert!(!format!("{:?}", Packing::new().encrypt(secret(1))).contains("AQIDBA"));

    let compressing = format!("{url}?compress_above=1000");
    let twice = connect_packed(&compressing, Packing::new().compress_above(1000)).await.unwrap_err();
    assert!(twice.is_config() && twice.to_string().contains("in the application's configuration as well"), "{twice}");
    if cfg!(feature = "compress") {
        let zipped = put(5, &compressing, None).await;
        assert!(zipped.starts_with("p1.A") && zipped.len() < 200, "{zipped}");
        assert!(put(6, &compressing, Some(Packing::new().encrypt(secret(1)))).await.len() < 300);
        assert!(put(7, &url, Some(Packing::new().compress_above(1000))).await.len() < 200);
    } else {
        let error = connect(&compressing).await.unwrap_err();
        assert!(error.is_config() && error.to_string().contains("the feature `compress`"), "{error}");
    }
}

/// A store whose feed leaves out changes is refused, also if the URL has other options.
#[tokio::test]
async fn a_near_cache_is_refused_without_a_feed_of_all_changes() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let table = [
        ("file", format!("file:{place}/a?near_cache=1000000"), "the changes of all processes"),
        ("sqlite", format!("sqlite:{place}/a.db?near_cache=1000000&readers=2"), "announces only ended sessions"),
    ];
    for (scheme, url, why) in table {
        let error = connect(&url).await.unwrap_err();
        if scheme == "sqlite" && !cfg!(feature = "sqlite") {
            continue;
        }
        assert!(error.is_config(), "{error}");
        assert!(error.to_string().contains("near_cache: ") && error.to_string().contains(why), "{error}");
    }
    let cached = connect("memory:?near_cache=1000000&capacity=10&near_cache_bound=250").await.unwrap();
    assert!(format!("{cached:?}").contains("CachedStore") && format!("{cached:?}").contains("250ms"), "{cached:?}");
    assert!(!format!("{:?}", connect("memory:").await.unwrap()).contains("CachedStore"));
}

/// Once the feed has proven a copy, a read makes no call.
#[cfg(feature = "redis")]
#[tokio::test]
async fn a_near_cache_by_url_answers_a_second_read() {
    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::StoreKey;
    use cloakroom_store::store::{Entry, Loaded, Store as _};

    let server = cloakroom_servers::redis::Redis::start();
    // A bound that a slow machine doesn't exceed.
    let store = connect(&format!("{}?near_cache=1000000&near_cache_bound=600000&prefix=shop:", server.url())).await;
    let (store, key) = (store.unwrap(), StoreKey::from_bytes([7; 32]));
    let now = Timestamp::from_unix_secs(1_700_000_000);
    let entry = Entry::new("1c0;".into(), now, now, None);
    store.create(&key, &entry, now).await.unwrap();
    let reads = || {
        let stats = server.cli(&["INFO", "commandstats"]);
        stats.lines().filter(|line| line.starts_with("cmdstat_get:")).map(str::to_owned).collect::<String>()
    };
    // The first reads may come before the proof of the feed.
    let began = tokio::time::Instant::now();
    loop {
        let before = reads();
        assert!(matches!(store.load(&key, now).await.unwrap(), Loaded::Live(_, it) if it == entry));
        if reads() == before && !before.is_empty() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "each read is a call: {before}");
    }
}
