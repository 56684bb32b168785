//! Each acknowledged update is applied exactly once, even if the client of a Cluster repeats it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::{CookieConfig, Engine, Error, Session};
use cloakroom_store::StoredSessions;

use crate::bench::clock;

const COOKIE: &str = "session";
const WORKERS: usize = 32;

/// The interval at which connections are cut.
const CUT: Duration = Duration::from_millis(300);

/// Returns the number of rounds; `CLOAKROOM_CUT_ROUNDS` increases it.
fn rounds() -> usize {
    std::env::var("CLOAKROOM_CUT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

/// One of several processes that serve the same sessions.
fn node(store: RedisStore) -> Arc<Engine> {
    let sessions = StoredSessions::new(store).cookie(CookieConfig::default().name(COOKIE)).build().unwrap();
    Arc::new(Engine::new(sessions))
}

async fn visit(node: &Arc<Engine>, cookie: &str, handler: impl FnOnce(&Session)) -> Result<Option<String>, Error> {
    let slot = SessionSlot::new(Arc::clone(node));
    handler(&slot.open(CookieHeader::new([cookie.as_bytes()])).await?);
    let effects = slot.finish(200).await?;
    let set = effects.cookies.first().map(ToString::to_string);
    Ok(set.map(|set| set.split(';').next().unwrap_or_default().to_owned()))
}

fn add_one(session: &Session) {
    session.update("count", |count: &mut u64| *count += 1).unwrap();
}

/// The results that the workers got, and the stored counter.
#[derive(Debug)]
struct Count {
    acknowledged: u64,
    unsure: u64,
    there: u64,
}

/// Increments the counter of one session from workers of both nodes, while the connections of all
/// servers are cut repeatedly.
async fn count(nodes: &[Arc<Engine>; 2], servers: &[Redis], round: Duration) -> Count {
    let mut cookie = None;
    while cookie.is_none() {
        cookie = visit(&nodes[0], "", add_one).await.ok().flatten();
    }
    let cookie: Arc<str> = cookie.unwrap().into();
    let (acknowledged, unsure) = (Arc::new(AtomicU64::new(1)), Arc::<AtomicU64>::default());
    let end = clock() + round;
    let workers = nodes.iter().cycle().take(WORKERS).map(|node| {
        let node = Arc::clone(node);
        let (cookie, acknowledged, unsure) = (Arc::clone(&cookie), Arc::clone(&acknowledged), Arc::clone(&unsure));
        tokio::spawn(async move {
            while clock() < end {
                let outcome = visit(&node, &cookie, add_one).await;
                let counter = if outcome.is_ok() { &acknowledged } else { &unsure };
                counter.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut half = 0;
            while !done.load(Ordering::SeqCst) {
                std::thread::sleep(CUT);
                // One node continues while the client of the other one waits for its retry.
                half += 1;
                for server in servers {
                    cut(server, half % 2);
                }
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for worker in workers {
                    worker.await.unwrap();
                }
            });
        });
        done.store(true, Ordering::SeqCst);
    });
    let mut there = 0;
    let read = |session: &Session| there = session.get("count").unwrap().unwrap_or_default();
    visit(&nodes[0], &cookie, read).await.unwrap();
    let [acknowledged, unsure] = [acknowledged, unsure].map(|count| count.load(Ordering::SeqCst));
    Count { acknowledged, unsure, there }
}

/// Closes every second connection of a server.
fn cut(server: &Redis, half: usize) {
    let list = server.cli(&["CLIENT", "LIST", "TYPE", "normal"]);
    let ids = list.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next());
    for id in ids.skip(half).step_by(2) {
        let _ = server.cli(&["CLIENT", "KILL", "ID", id, "SKIPME", "yes"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_whose_connections_are_cut_applies_each_update_once() {
    let cluster = Cluster::start();
    let nodes = [
        node(RedisStore::connect_cluster(&cluster.urls()).await.unwrap()),
        node(RedisStore::connect_cluster(&cluster.urls()).await.unwrap()),
    ];
    for round in 0..rounds() {
        let count = count(&nodes, &cluster.servers, Duration::from_secs(3)).await;
        println!("round {round}: {count:?}");
        assert!(count.acknowledged > 1, "{count:?}");
        assert!((count.acknowledged..=count.acknowledged + count.unsure).contains(&count.there), "{count:?}");
    }
}
