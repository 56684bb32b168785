//! `migrate` between all kinds of stores, in both directions, killed and repeated.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cloakroom::store::{Store as _, Version};
use cloakroom::{AnyStore, connect};
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_servers::{MariaDb, Postgres};
use serde_json::Value;

use crate::common::{all, cloakroom, command, entries, fill, json, now, sqlite};

/// The number of sessions to move; `CLOAKROOM_MIGRATE=100000` moves more.
fn many() -> usize {
    std::env::var("CLOAKROOM_MIGRATE").ok().and_then(|count| count.parse().ok()).unwrap_or(3_000)
}

pub(crate) fn migrate(code: i32, from: &str, to: &str, journal: &Path) -> Value {
    json(code, &["migrate", from, to, "--journal", journal.to_str().unwrap()])
}

/// Both sides have equal sessions, and the report says so.
fn is_whole(report: &Value, count: usize) {
    assert_eq!(report["verified"]["same"], count, "{report}");
    assert_eq!(report["verified"]["checksum_source"], report["verified"]["checksum_target"], "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_to_redis_and_back() {
    let count = many();
    let (folder, server) = (tempfile::tempdir().unwrap(), Redis::with(&["--appendfsync", "everysec"]));
    let (start, back) = (sqlite(folder.path(), "start.db"), sqlite(folder.path(), "back.db"));
    fill(&connect(&start).await.unwrap(), count).await;
    let began = now();
    let there = migrate(0, &start, &server.url(), &folder.path().join("there"));
    let arrived = now();
    let again = migrate(0, &server.url(), &back, &folder.path().join("back"));
    let returned = now();
    eprintln!("{count} sessions: SQLite to Redis {:?}, and back {:?}", arrived.since(began), returned.since(arrived));
    is_whole(&there, count);
    is_whole(&again, count);
    assert_eq!((&there["copied"], &again["copied"]), (&count.into(), &count.into()));
    assert_eq!(there["verified"]["checksum_source"], again["verified"]["checksum_target"]);
    assert!(entries(&connect(&start).await.unwrap()).await == entries(&connect(&back).await.unwrap()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn around_all_kinds_of_stores() {
    let folder = tempfile::tempdir().unwrap();
    let (postgres, mariadb, cluster) = (Postgres::start(), MariaDb::start(), Cluster::start());
    let hosts: Vec<String> =
        cluster.urls().iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/').to_owned()).collect();
    let round = [
        sqlite(folder.path(), "start.db"),
        postgres.url(),
        mariadb.url(),
        format!("redis+cluster://{}", hosts.join(",")),
        format!("file:{}", folder.path().join("files").display()),
        sqlite(folder.path(), "end.db"),
    ];
    fill(&connect(&round[0]).await.unwrap(), 700).await;
    for (number, pair) in round.windows(2).enumerate() {
        let report = migrate(0, &pair[0], &pair[1], &folder.path().join(number.to_string()));
        assert_eq!(report["copied"], 700, "{} to {}: {report}", pair[0], pair[1]);
        is_whole(&report, 700);
    }
    let [start, end] = [&round[0], &round[5]].map(|url| connect(url));
    assert!(entries(&start.await.unwrap()).await == entries(&end.await.unwrap()).await);
}

/// Kills the program with SIGKILL once the target has some but not all sessions.
async fn kill_in_the_middle(from: &str, to: &str, store: &AnyStore, journal: &Path, count: usize) -> usize {
    let before = all(store).await.len();
    let arguments = ["migrate", from, to, "--journal", journal.to_str().unwrap(), "--pause", "20", "--at-once", "4"];
    let mut child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        let there = all(store).await.len();
        if there > before {
            child.kill().unwrap();
            child.wait().unwrap();
            let there = all(store).await.len();
            assert!(there < count, "it was faster than the kill: {there} of {count}");
            return there;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_run_again() {
    let count = many();
    let (folder, server) = (tempfile::tempdir().unwrap(), Redis::with(&["--appendfsync", "everysec"]));
    let (from, to) = (sqlite(folder.path(), "start.db"), server.url());
    let (source, target) = (connect(&from).await.unwrap(), connect(&to).await.unwrap());
    fill(&source, count).await;
    let journal = folder.path().join("journal");
    let mut there = 0;
    for _ in 0..3 {
        there = kill_in_the_middle(&from, &to, &target, &journal, count).await;
    }
    let report = migrate(0, &from, &to, &journal);
    is_whole(&report, count);
    assert_eq!(report["copied"], count - there, "{report}");
    assert!(entries(&source).await == entries(&target).await);
    // Each session was written once.
    assert!(all(&target).await.values().all(|(version, _)| Version::new(*version).is_first()));
    // Run again: there is nothing to do.
    let report = migrate(0, &from, &to, &journal);
    assert_eq!(
        (&report["copied"], &report["updated"], &report["same"]),
        (&0.into(), &0.into(), &count.into()),
        "{report}"
    );
    // The same without the journal, although Redis answers a repeated create like the first one.
    let before = all(&target).await;
    let report = migrate(0, &from, &to, &folder.path().join("another"));
    let seen = report["copied"].as_u64().unwrap() + report["same"].as_u64().unwrap();
    assert_eq!((seen, &report["updated"]), (u64::try_from(count).unwrap(), &0.into()), "{report}");
    assert!(all(&target).await == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_ended_at_the_source_end_at_the_target_unless_nearly_all() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (sqlite(folder.path(), "from.db"), sqlite(folder.path(), "to.db"));
    let (source, target) = (connect(&from).await.unwrap(), connect(&to).await.unwrap());
    let keys = fill(&source, 400).await;
    let journal = folder.path().join("journal");
    migrate(0, &from, &to, &journal);
    for key in &keys[..20] {
        source.end(key, now()).await.unwrap();
    }
    assert_eq!(migrate(0, &from, &to, &journal)["ended"], 20);
    assert!(entries(&source).await == entries(&target).await);

    cloakroom::store::end_all_before(&source, now(), now()).await.unwrap();
    let report = migrate(3, &from, &to, &journal);
    assert_eq!((&report["ended"], &report["not_ended"]), (&0.into(), &380.into()), "{report}");
    assert_eq!(all(&target).await.len(), 380, "an emptied source ends no sessions at the target");
    let (code, out, _) = cloakroom(&["migrate", &from, &to, "--journal", journal.to_str().unwrap(), "--end-many"]);
    assert!(code == 0 && out.contains("380  ended at the target"), "{out}");
    assert_eq!(all(&target).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_sessions_are_named_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let from = format!("file:{}", folder.path().join("files").display());
    let to = sqlite(folder.path(), "to.db");
    let keys = fill(&connect(&from).await.unwrap(), 50).await;
    let name = keys[0].to_hex();
    std::fs::write(folder.path().join("files").join(&name[..2]).join(&name), "nonsense").unwrap();
    let report = migrate(3, &from, &to, &folder.path().join("journal"));
    assert_eq!((&report["copied"], &report["damaged"]), (&49.into(), &1.into()), "{report}");
    let list = json(0, &["sessions", "list", &from, "--limit", "100"]);
    assert_eq!(list["damaged"][0], name);
}

/// One server, two applications: the journal of the first one's migration doesn't apply to the
/// second one's sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_prefix_is_another_store() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Redis::with(&["--appendfsync", "everysec"]));
    let url = |prefix: &str| format!("{}?prefix={prefix}", server.url().trim_end_matches('/'));
    let (shop, blog) = (url("shop:"), url("blog:"));
    fill(&connect(&shop).await.unwrap(), 60).await;
    fill(&connect(&blog).await.unwrap(), 300).await;
    let (target, journal) = (sqlite(folder.path(), "t.db"), folder.path().join("journal"));
    is_whole(&migrate(0, &shop, &target, &journal), 60);
    let again = cloakroom(&["migrate", &blog, &target, "--journal", journal.to_str().unwrap()]);
    assert_eq!(all(&connect(&target).await.unwrap()).await.len(), 60, "{again:?}");
    let (code, out, err) = again;
    assert!(code == 2 && err.contains("is about other stores"), "{out}{err}");
    assert!(err.contains("prefix=shop:") && err.contains("prefix=blog:"), "{err}");
}
