//! `conform` on each kind of store, and on unusable ones.

use cloakroom::connect;
use cloakroom_servers::redis::Redis;
use cloakroom_servers::{MariaDb, Postgres};

use crate::common::{all, cloakroom, fill, json, sqlite};

/// Few rounds: finding errors in a store is the task of the store's own tests.
const ROUNDS: [&str; 2] = ["--rounds", "2"];

/// The store passes, the application's sessions stay, and nothing is left behind.
async fn passes(url: &str) {
    let store = connect(url).await.unwrap();
    fill(&store, 20).await;
    let before = all(&store).await;
    let report = json(0, &[&["conform", url], &ROUNDS[..]].concat());
    assert_eq!(report["failed"], 0, "{report}");
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 50 && checks.iter().all(|check| check["ok"] == true && check["why"].is_null()), "{report}");
    assert!(report["room"].as_str().unwrap().contains("conform"), "{report}");
    assert!(all(&store).await == before, "the application's sessions were touched");
}

fn names(folder: &std::path::Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_and_files() {
    let folder = tempfile::tempdir().unwrap();
    passes(&sqlite(folder.path(), "sessions.db")).await;
    passes(&format!("file:{}", folder.path().join("sessions").display())).await;
    let left: Vec<String> = names(folder.path()).into_iter().filter(|name| name.contains("conform")).collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    let server = Redis::with(&["--appendfsync", "everysec"]);
    passes(&server.url()).await;
    // No session is left. Tombstones and owner lists expire by themselves, so that nothing stays.
    let left = server.cli(&[
        "EVAL",
        "local left = {} for _, key in ipairs(redis.call('KEYS', '*conform-*')) do \
        if redis.call('TTL', key) == -1 then left[#left + 1] = key end end return left",
        "0",
    ]);
    assert_eq!(left.trim(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let server = Postgres::start();
    passes(&server.url()).await;
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let tables = "SELECT count(*) FROM pg_class WHERE relname LIKE 'cloakroom_conform%'";
    assert_eq!(admin.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb() {
    passes(&MariaDb::start().url()).await;
}

/// A read-only server fails checks with a reason; an unreachable one is an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_servers_are_reported() {
    let server = Redis::start();
    let port = cloakroom_servers::free_port().to_string();
    assert_eq!(server.cli(&["REPLICAOF", "127.0.0.1", &port]).trim(), "OK");
    let (code, out, err) = cloakroom(&["conform", &server.url(), "--rounds", "1"]);
    assert!(code == 1 && out.contains("failed  created_is_loaded_as_it_was: "), "{code} {out}{err}");
    assert!(out.contains("READONLY") && out.contains("checks failed"), "{out}{err}");
    let (code, out, err) = cloakroom(&["conform", &format!("redis://:hunter2@127.0.0.1:{port}")]);
    assert!(code == 1 && err.contains("Is it up") && !format!("{out}{err}").contains("hunter2"), "{code} {out}{err}");
    let (code, _, err) = cloakroom(&["conform", "nothing://h"]);
    assert!(code == 2 && err.contains("no store for `nothing:`"), "{code} {err}");
}
