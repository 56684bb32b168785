//! Every command on every kind of store.

use cloakroom::store::{Loaded, Store as _, StoreKey};
use cloakroom::{AnyStore, connect};
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_servers::{DynamoDb, MariaDb, Postgres};
use mysql_async::prelude::Queryable as _;

use crate::common::{all, cloakroom, entry, fill, json, key, now, run, sqlite};

/// The limits of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Can {
    Everything,
    NoOwners,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_files() {
    let folder = tempfile::tempdir().unwrap();
    every_command(&sqlite(folder.path(), "sessions.db"), Can::Everything, "SQLite", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("sessions").display());
    every_command(&url, Can::NoOwners, "files", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let server = Postgres::start();
    every_command(&server.url(), Can::Everything, "PostgreSQL", 0).await;
}

/// Credentials are in the environment of the program, never in the URL.
#[test]
fn dynamodb() {
    let server = DynamoDb::start();
    let url = format!("dynamodb://sessions?region=eu-west-1&endpoint=http://127.0.0.1:{}", server.port());
    let run = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_cloakroom"));
        program.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "s3cret").args(arguments);
        let output = program.arg(&url).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!told.contains("s3cret"), "{told}");
        (output.status.code(), told)
    };
    // As in production, the first use creates the table, and the canary session works.
    let (_, doctor) = run(&["--json", "doctor"]);
    let doctor: serde_json::Value = serde_json::from_str(&doctor).unwrap_or_else(|why| panic!("{why}: {doctor}"));
    let findings = doctor["findings"].as_array().unwrap();
    let about = |topic: &str| findings.iter().find(|it| it["about"] == topic).unwrap_or_else(|| panic!("{doctor}"));
    for topic in ["writes", "storage", "rights"] {
        assert_eq!(about(topic)["severity"], "good", "{doctor}");
    }
    let (code, stats) = run(&["stats"]);
    assert_eq!(code, Some(0), "{stats}");
    let (code, schema) = run(&["schema"]);
    assert!(code == Some(0) && schema.contains("aws dynamodb create-table"), "{schema}");
}

/// A read-only user, and one without a certain right in Redis: the error names the refused
/// operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_reported() {
    let rights = |url: &str| {
        let doctor = json(3, &["doctor", url]);
        let findings = doctor["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|it| it["about"] == "rights").unwrap()["text"].to_string()
    };
    let server = Postgres::start();
    connect(&server.url()).await.unwrap();
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute("CREATE USER app; GRANT SELECT ON cloakroom_sessions TO app").await.unwrap();
    let found = rights(&server.url().replace("postgres@", "app@"));
    assert!(found.contains("creating a session failed: permission denied for table cloakroom_sessions"), "{found}");
    let server = Redis::start();
    let user = ["ACL", "SETUSER", "app", "on", ">secret", "~cloakroom:*", "-@all", "+@read", "+@write", "+@scripting"];
    assert_eq!(server.cli(&user), "OK");
    let found = rights(&server.url().replace("redis://", "redis://app:secret@"));
    // Redis names the command since version 7.2.
    let named = ["run the 'time' command", "can't run this command"].iter().any(|words| found.contains(words));
    assert!(found.contains("moving a session failed") && named, "{found}");
}

/// Returns the block of this page of the guide that begins with this line, without the line.
fn documented(page: &str, first: &str) -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");
    let text = std::fs::read_to_string(format!("{guide}/{page}")).unwrap();
    let (_, block) = text.split_once(first).unwrap_or_else(|| panic!("{page} has no block that begins with {first}"));
    block.split("```").next().unwrap().to_owned()
}

/// The guide's statements grant enough rights: they are executed literally, and a session can be
/// created, used and ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_rights_are_enough() {
    let rights = |url: &str| {
        let (_, out, err) = cloakroom(&["--json", "doctor", url]);
        let doctor: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out}{err}"));
        let findings = doctor["findings"].as_array().unwrap().clone();
        let rights = findings.into_iter().find(|it| it["about"] == "rights").unwrap();
        assert_eq!(rights["severity"], "good", "{rights}");
    };
    let server = Postgres::start();
    connect(&server.url()).await.unwrap();
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute(&documented("sql.md", "-- PostgreSQL\n")).await.unwrap();
    rights(&server.url().replace("postgres@", "shop:password@"));

    let server = MariaDb::start();
    connect(&server.url()).await.unwrap();
    let mut admin = mysql_async::Conn::from_url(server.url()).await.unwrap();
    for statement in documented("sql.md", "-- MySQL, MariaDB\n").split(';').map(str::trim).filter(|it| !it.is_empty()) {
        admin.query_drop(statement).await.unwrap();
    }
    rights(&server.url().replace("root@", "shop:password@"));

    let server = Redis::start();
    let line = documented("redis.md", "ACL SETUSER shop ");
    let words: Vec<&str> = ["ACL", "SETUSER", "shop"].into_iter().chain(line.split_whitespace()).collect();
    assert_eq!(server.cli(&words), "OK");
    rights(&server.url().replace("redis://", "redis://shop:password@"));
}

/// The program sees a list of mounts in which the folder is on NFS. Only root can fake that list.
#[cfg(target_os = "linux")]
#[test]
fn a_network_file_system_is_a_problem() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = folder.path().canonicalize().unwrap();
    let mounts = elsewhere.path().join("mountinfo");
    let lines = ["22 1 8:1 / / rw - ext4 /dev/sda rw", &format!("30 22 0:50 / {} rw - nfs4 h:/x rw", root.display())];
    std::fs::write(&mounts, lines.join("\n")).unwrap();
    let doctor = |url: &str, is_there: bool| {
        let steps = if is_there { "mount --bind \"$0\" /proc/$$/mountinfo && exec \"$@\"" } else { "exec \"$@\"" };
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", steps]).arg(&mounts).arg(env!("CARGO_BIN_EXE_cloakroom"));
        let (code, out, err) = run(command.args(["--json", "doctor", url]));
        let doctor: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out}{err}"));
        let storage = doctor["findings"].as_array().unwrap().iter().find(|it| it["about"] == "storage").unwrap();
        (code, storage["severity"].as_str().unwrap().to_owned(), storage["text"].as_str().unwrap().to_owned())
    };
    std::fs::write(folder.path().join("sessions.db"), "").unwrap();
    for url in [sqlite(folder.path(), "sessions.db"), format!("file:{}", folder.path().display())] {
        let (code, severity, text) = doctor(&url, true);
        assert_eq!((code, severity.as_str()), (3, "problem"), "{url}: {text}");
        assert!(text.contains("(nfs4)") && text.contains(root.to_str().unwrap()), "{url}: {text}");
        let (code, severity, text) = doctor(&url, false);
        assert_eq!((code, severity.as_str()), (0, "good"), "{url}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb() {
    let server = MariaDb::start();
    every_command(&server.url(), Can::Everything, "MariaDB", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    let server = Redis::start();
    every_command(&server.url(), Can::Everything, "Redis", 0).await;
    let doctor = |code| json(code, &["doctor", &server.url()])["findings"].to_string();
    assert!(doctor(0).contains("appendfsync always"));
    let _ = server.cli(&["CONFIG", "SET", "timeout", "300"]);
    assert!(doctor(0).contains("idle connections are closed after 300 s"));
    let _ = server.cli(&["CONFIG", "SET", "maxmemory", "100mb"]);
    let _ = server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert!(doctor(3).contains("signs users out"));
    let alone = Redis::with(&["--appendonly", "no"]);
    let found = json(3, &["doctor", &alone.url()])["findings"].to_string();
    assert!(found.contains("no append-only file"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster() {
    let cluster = Cluster::start();
    let hosts: Vec<String> =
        cluster.urls().iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/').to_owned()).collect();
    every_command(&format!("redis+cluster://{}", hosts.join(",")), Can::Everything, "Redis", 0).await;
}

async fn every_command(url: &str, can: Can, server: &str, healthy: i32) {
    let store = connect(url).await.unwrap();
    assert_eq!(json(3, &["sessions", "list", url])["sessions"].as_array().unwrap().len(), 0);
    let keys = fill(&store, 130).await;
    lists(url, &keys, can);
    shows(url, &store, &keys).await;
    counts(url);
    sweeps(url, &store).await;
    ends(url, &store, &keys, can).await;
    let doctor = json(healthy, &["doctor", url]);
    assert!(doctor["server"].as_str().unwrap().contains(server), "{doctor}");
    assert!(doctor["findings"].as_array().unwrap().len() >= 2, "{doctor}");
    let rights = doctor["findings"].as_array().unwrap().iter().find(|it| it["about"] == "rights").unwrap();
    assert_eq!(rights["severity"], "good", "{rights}");
}

fn lists(url: &str, keys: &[StoreKey], can: Can) {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut arguments = vec!["sessions", "list", url, "--limit", "40"];
        if let Some(after) = &after {
            arguments.extend(["--after", after]);
        }
        let (_, out, _) = cloakroom(&[&["--json"], arguments.as_slice()].concat());
        let list: serde_json::Value = serde_json::from_str(&out).unwrap();
        let page = list["sessions"].as_array().unwrap().clone();
        assert!(page.len() <= 160, "{}", page.len());
        found.extend(page.iter().map(|session| session["key"].as_str().unwrap().to_owned()));
        assert!(!out.contains("secret "), "{out}");
        match list["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    found.sort_unstable();
    found.dedup();
    let mut expected: Vec<String> = keys.iter().map(StoreKey::to_hex).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);

    let (code, out, err) = cloakroom(&["sessions", "list", url, "--older-than", "100s", "--limit", "1000"]);
    assert_eq!(code, 0, "{err}");
    // The clock advances while the sessions are created.
    assert!((29..=40).contains(&(out.lines().count() - 1)), "{out}");
    match can {
        Can::Everything => {
            let owned = json(0, &["sessions", "list", url, "--owner", "user-3"]);
            assert_eq!(owned["sessions"].as_array().unwrap().len(), 13, "{owned}");
            assert_eq!(cloakroom(&["sessions", "list", url, "--owner", "nobody"]).0, 3);
        }
        Can::NoOwners => {
            let (code, _, err) = cloakroom(&["sessions", "list", url, "--owner", "user-3"]);
            assert_eq!(code, 1);
            assert!(err.contains("doesn't support"), "{err}");
        }
    }
}

async fn shows(url: &str, store: &AnyStore, keys: &[StoreKey]) {
    let name = keys[7].to_hex();
    let Loaded::Live(_, there) = store.load(&keys[7], now()).await.unwrap() else { panic!("not there") };
    let record = there.record(&keys[7]).unwrap();
    let token = record.csrf().unwrap().expose();
    for (arguments, shown) in
        [(vec!["sessions", "show", url, &name], false), (vec!["sessions", "show", url, &name, "--values"], true)]
    {
        for json in [false, true] {
            let flag: &[&str] = if json { &["--json"] } else { &[] };
            let (code, out, err) = cloakroom(&[flag, &arguments].concat());
            assert_eq!(code, 0, "{err}");
            assert_eq!(out.contains("secret 7"), shown, "{out}");
            assert!(out.contains("number") && out.contains("user-7") && out.contains(&name), "{out}");
            assert!(!out.contains(token), "{out}");
        }
    }
    let (code, out, _) = cloakroom(&["sessions", "show", url, &name[..12]]);
    assert!(code == 0 && out.contains(&name), "{out}");
    assert_eq!(cloakroom(&["sessions", "show", url, &key().to_hex()]).0, 3);
    assert_eq!(cloakroom(&["sessions", "show", url, "not a key"]).0, 2);
}

fn counts(url: &str) {
    let stats = json(0, &["stats", url]);
    assert_eq!(
        (&stats["sessions"], &stats["owners"], &stats["damaged"]),
        (&130.into(), &10.into(), &0.into()),
        "{stats}"
    );
    let (_, text, _) = cloakroom(&["stats", url]);
    assert!(text.starts_with("130 sessions; 130 of 10 owners") && text.contains('█'), "{text}");
    let watched = json(0, &["stats", url, "--watch", "1", "--times", "1"]);
    assert_eq!((&watched["sessions"], &watched["ended_per_second"]), (&130.into(), &0.0.into()), "{watched}");
}

async fn sweeps(url: &str, store: &AnyStore) {
    let mut over = entry(0, 100);
    over.deadline = Some(over.created);
    for _ in 0..7 {
        store.create(&key(), &over, over.created).await.unwrap();
    }
    let expected = if url.starts_with("redis") { 0 } else { 7 };
    assert_eq!(json(0, &["sweep", url, "--batch", "3"])["swept"], expected);
}

async fn ends(url: &str, store: &AnyStore, keys: &[StoreKey], can: Can) {
    let (one, other) = (keys[0].to_hex(), keys[1].to_hex());
    assert_eq!(json(0, &["sessions", "end", url, &one, &other[..16]])["ended"], 2);
    assert_eq!(json(3, &["sessions", "end", url, &one])["ended"], 0);
    assert_eq!(cloakroom(&["sessions", "end", url]).0, 2, "which ones?");
    if can == Can::NoOwners {
        assert_eq!(all(store).await.len(), 128);
        return;
    }
    assert_eq!(json(0, &["sessions", "end", url, "--owner", "user-2"])["ended"], 13);
    assert_eq!(all(store).await.len(), 115);
    assert_eq!(json(0, &["sessions", "end", url, "--before", "0s"])["ended"], 115);
    assert_eq!(all(store).await.len(), 0);
}
