//! Lost writes, and clocks that differ.

use std::fs;
use std::path::Path;

use cloakroom_servers::redis::Redis;

use crate::cell::{Bench, Cell, Ran, SOME};
use crate::load::{Load, add};
use crate::stores::{Place, Servers};

/// The store loses acknowledged writes, as after a failover or a restored snapshot. A stale request
/// must not mistake a later write for a lost one.
pub(crate) async fn goes_back(bench: &mut Bench) -> Cell {
    let mut findings = Vec::new();
    for (row, [lost, slow, after]) in
        [("each on another application", [0, 0, 1]), ("the later ones on one", [1, 0, 0]), ("all on one", [0, 0, 0])]
    {
        let nodes = bench.nodes.clone();
        let cookie = nodes[lost].begin().await.unwrap();
        nodes[lost].visit(&cookie, |session| add(session, 0)).await.unwrap();
        let snapshot = Snapshot::of(&mut bench.place);
        nodes[lost].visit(&cookie, |session| add(session, 1)).await.unwrap();
        // This request has loaded a version that will be lost.
        let request = nodes[slow].request(&cookie).await.unwrap();
        add(&request.session, 3).unwrap();
        snapshot.restore(&mut bench.place);
        // Connections to the replaced server are broken; a retry opens new ones.
        let mut acknowledged = Vec::new();
        let mut number = 10;
        while acknowledged.is_empty() {
            assert!(number < 1000, "{row}: never again");
            match nodes[after].visit(&cookie, |session| add(session, number)).await {
                Ok((true, _)) => acknowledged.push(number),
                Ok((false, _)) => findings.push(format!("{row}: the session of the snapshot is gone")),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
            number += 1;
        }
        if request.finish().await.is_ok() {
            acknowledged.push(3);
        }
        for node in &nodes {
            let there = node.found(&cookie, |session| session.get::<Vec<usize>>("items")).await.flatten();
            let there = there.unwrap_or_default();
            let missing: Vec<_> = acknowledged.iter().filter(|number| !there.contains(number)).collect();
            if !missing.is_empty() {
                findings.push(format!(
                    "{row}: {missing:?} was acknowledged after the rollback, but only {there:?} is there"
                ));
            }
        }
    }
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    let mut ran = Ran::of(load.stop().await, None);
    ran.findings.append(&mut findings);
    Cell::Ran(ran)
}

/// A snapshot of a store's contents.
enum Snapshot {
    /// The column names of the table.
    Table(String),
    Folder(tempfile::TempDir),
}

impl Snapshot {
    fn of(place: &mut Place) -> Self {
        match &place.servers {
            Servers::Postgres(..) | Servers::Pooled(..) | Servers::MariaDb(..) => {
                place.sql("DROP TABLE IF EXISTS snapshot");
                // Generated columns cannot be written.
                let columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'cloakroom_sessions' \
                               AND is_generated = 'NEVER'";
                let columns = place.sql(columns).lines().collect::<Vec<_>>().join(", ");
                place.sql(&format!("CREATE TABLE snapshot AS SELECT {columns} FROM cloakroom_sessions"));
                Self::Table(columns)
            }
            Servers::None | Servers::Disk(_) | Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => {
                let folder = tempfile::tempdir().unwrap();
                stopped(place, |parts| {
                    for (number, part) in parts.iter().enumerate() {
                        copy(part, &folder.path().join(number.to_string()));
                    }
                });
                Self::Folder(folder)
            }
        }
    }

    fn restore(&self, place: &mut Place) {
        match self {
            Self::Table(columns) => {
                let back = format!("INSERT INTO cloakroom_sessions ({columns}) SELECT {columns} FROM snapshot");
                place.sql(&format!("DELETE FROM cloakroom_sessions; {back}"));
            }
            Self::Folder(folder) => stopped(place, |parts| {
                for (number, part) in parts.iter().enumerate() {
                    let _ = if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) };
                    copy(&folder.path().join(number.to_string()), part);
                }
            }),
        }
    }
}

/// Runs `act` on the store's files while its server is stopped.
fn stopped(place: &mut Place, act: impl FnOnce(&[std::path::PathBuf])) {
    if matches!(place.servers, Servers::Disk(_)) {
        return if place.path().is_dir() { act(&[place.path()]) } else { sqlite(place, act) };
    }
    place.kill();
    let parts: Vec<_> = place.masters().into_iter().map(|server: &Redis| server.data()).collect();
    act(&parts);
    place.restart();
}

/// Copies and restores a database file that other processes have open.
///
/// The copy has no free pages: a file that was full once consists of them, and the log of the
/// restore would need as much room again.
fn sqlite(place: &Place, act: impl FnOnce(&[std::path::PathBuf])) {
    // Not on the store's own disk, which is small.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let mut live = rusqlite::Connection::open(place.path()).unwrap();
    live.busy_timeout(crate::node::PATIENCE).unwrap();
    live.execute("VACUUM INTO ?1", [copy.to_str().expect("a path in UTF-8")]).unwrap();
    act(std::slice::from_ref(&copy));
    live.restore(rusqlite::MAIN_DB, &copy, None::<fn(rusqlite::backup::Progress)>).unwrap();
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        copy(&file.path(), &to.join(file.file_name()));
    }
}

/// The clocks of the applications differ by five minutes, a quarter of the idle timeout. Sessions
/// continue, and ended ones stay ended.
pub(crate) async fn skewed(bench: &mut Bench) -> Cell {
    const FIVE_MINUTES: i64 = 5 * 60 * 1000;
    let nodes = bench.patient();
    let load = Load::start(&nodes).await;
    load.until_done(SOME).await;
    for skew in [FIVE_MINUTES, -FIVE_MINUTES, 0] {
        nodes[1].skew(skew);
        load.until_done(2 * SOME).await;
        // The sweep of the application whose clock is ahead removes no valid session, and the other
        // application revives none.
        let node = &nodes[1];
        let _ = cloakroom::store::Store::sweep(&node.store, node.now(), 500).await;
        load.until_all_go_on().await;
    }
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    Cell::Ran(ran)
}
