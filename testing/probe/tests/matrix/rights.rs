//! Full stores, and users without the right to write.

use cloakroom::{AnyStore, MemoryStore};

use crate::cell::{Bench, Cell, Ran, SOME};
use crate::load::{Load, leave};
use crate::node::Node;
use crate::stores::{Kind, Servers};

/// The capacity of the memory store, and the number of anonymous visitors.
const ROOM: usize = 2_000;
const FLOOD: usize = 6_000;

/// The store has no room for another record. Existing sessions remain, and continue when there is
/// room again.
pub(crate) async fn full(bench: &mut Bench) -> Cell {
    if bench.kind == Kind::Memory {
        return flooded().await;
    }
    let kept = bench.nodes[0].begin().await.unwrap();
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    let redis = bench.kind.is_redis();
    if redis {
        bench.place.redis(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        bench.place.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    } else {
        bench.place.disk().expect("it is on one").fill();
    }
    // Pages that were reserved before have room for a while.
    let (mut written, mut refused, mut said) = (Vec::new(), 0_usize, Vec::new());
    let large: String =
        (0..50_000_u64).map(|n| char::from(b'a' + (cloakroom_servers::scrambled(n) % 26) as u8)).collect();
    while refused < 3 {
        match bench.nodes[0].visit("", |session| session.insert("large", &large)).await {
            Ok(((), cookie)) => written.push(cookie),
            Err(error) => {
                refused += 1;
                said.push(crate::load::said(&error));
            }
        }
        assert!(written.len() < 2_000, "it is never full");
    }
    let read = bench.nodes[1].request(&kept).await.is_ok();
    if redis {
        bench.place.redis(&["CONFIG", "SET", "maxmemory", "0"]);
    } else {
        bench.place.disk().expect("it is on one").free();
    }
    // InnoDB may abort when it cannot continue.
    let died = if bench.place.revive() { ", of which the server died" } else { "" };
    let cell = bench.goes_on(load).await;
    let Cell::Ran(mut ran) = cell else { return cell };
    if bench.kind == Kind::MariaDb {
        let checked = bench.place.sql("CHECK TABLE cloakroom_sessions EXTENDED");
        ran.check(checked.ends_with("OK"), || format!("the table is damaged: {checked}"));
    }
    // The next fault needs room again.
    for cookie in &written {
        while bench.nodes[0].visit(cookie, leave).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    let written = written.len();
    ran.check(read || !died.is_empty(), || "reading needs no room".to_owned());
    // The texts of the file systems, the databases and Redis.
    let full = |said: &String| ["No space", "full", "could not extend", "OOM"].iter().any(|word| said.contains(word));
    // A request that waited for another commit may have received a timeout instead.
    let told = said.iter().chain(ran.tally.errors.keys()).any(full);
    ran.check(told || !died.is_empty(), || format!("no error says that the store is full: {said:?}"));
    Cell::Ran(ran.noted(format_args!("{written} large records fitted{died}")))
}

/// More anonymous visitors than there is room for: signed-in sessions must remain.
async fn flooded() -> Cell {
    let node = Node::over(AnyStore::new(MemoryStore::new().capacity(ROOM)));
    let load = Load::start(&[node.clone(), node.clone()]).await;
    load.until_done(SOME).await;
    let mut signed_in = Vec::new();
    for number in 0..ROOM / 10 {
        signed_in.push(node.sign_in(&format!("user {number}")).await.unwrap());
    }
    for _ in 0..FLOOD {
        node.visit("", |session| session.insert("cart", 1)).await.unwrap();
    }
    let mut left = 0;
    for cookie in &signed_in {
        left += usize::from(node.opens(cookie).await);
    }
    let all = signed_in.len();
    load.pause().await;
    // The sessions of the load are anonymous and may have been evicted.
    drop(load);
    let mut ran = Ran::default();
    ran.tally.requests = FLOOD + all;
    (ran.tally.acknowledged, ran.tally.there) = (all, left);
    ran.check(left == all, || format!("{left} of {all} signed-in sessions are left"));
    Cell::Ran(ran)
}

/// The user loses the right to write. Reads continue, and failed writes name the reason.
pub(crate) async fn read_only(bench: &mut Bench) -> Cell {
    let kept = bench.nodes[0].begin().await.unwrap();
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    bench.place.allow_writes(false);
    load.until_failed(6).await;
    let mut read = 0;
    for node in &bench.nodes {
        read += usize::from(node.request(&kept).await.is_ok());
    }
    bench.place.allow_writes(true);
    let cell = bench.goes_on(load).await;
    let Cell::Ran(mut ran) = cell else { return cell };
    ran.check(read == 2, || "reading needs no right to write".to_owned());
    let words: &[&str] = match &bench.place.servers {
        Servers::MariaDb(..) => &["denied", "1142"],
        Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => &["NOPERM", "can't run this command"],
        Servers::None | Servers::Disk(_) | Servers::Postgres(..) | Servers::Pooled(..) => {
            &["permission denied", "42501"]
        }
    };
    let named = ran.tally.errors.keys().any(|said| words.iter().any(|word| said.contains(word)));
    ran.check(named, || "no error names the missing right".to_owned());
    Cell::Ran(ran)
}
