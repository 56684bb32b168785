//! Servers that stop without closing their connections, alone and with Sentinel.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Redis, Sentinels};
use cloakroom_session::factory::fresh_id;
use cloakroom_store::CachedStore;
use cloakroom_store::store::{Loaded, Replaced, Store as _};
use tokio::time::{Instant, timeout};

use crate::{BOUND, PATIENCE, created, entry, last_old_read, node, now, replaced, until_warm};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_hit_beyond_the_bound_while_a_server_is_stopped() {
    for (name, server) in [("Redis", Redis::start()), ("Valkey", Redis::valkey(&[]))] {
        let (here, there) = (node(&server.url()).await, node(&server.url()).await);
        let key = fresh_id().unwrap().store_key();
        let seen = created(&*here, &key, "old").await;
        until_warm(&there, &key).await;
        let began = Instant::now();
        server.freeze(true);
        let frozen = Instant::now();
        let (mut hits, mut last) = (there.stats().hits, Duration::ZERO);
        while frozen.elapsed() < 3 * BOUND {
            let read = began.elapsed();
            let _ = timeout(Duration::from_millis(50), there.load(&key, now())).await;
            if there.stats().hits > hits {
                (hits, last) = (there.stats().hits, read);
            }
            tokio::task::yield_now().await;
        }
        println!("{name}: the last hit began {last:?} after the server was stopped");
        // The last answered ping may have been sent while the signal was on its way.
        let most = BOUND + frozen.duration_since(began);
        assert!(last <= most, "{last:?} and not {most:?}");
        assert!(there.stats().proof_age.is_none_or(|age| age > BOUND), "{:?}", there.stats());
        server.freeze(false);
        until_warm(&there, &key).await;
        let Ok(Loaded::Live(..)) = here.load_latest(&key, now()).await else { panic!("it is lost") };
        replaced(&*here, &key, seen, "new").await;
        let last = last_old_read(&there, &key, "old", Instant::now()).await;
        println!("{name}: the last older read after the stop began {last:?} after the write was acknowledged");
        assert!(last <= BOUND, "{last:?}");
    }
}

/// The stopped master is replaced, and wakes up later as if nothing had happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_older_read_beyond_the_bound_after_a_failover() {
    let servers = Sentinels::start();
    servers.notice_after(Duration::from_millis(500));
    let node = || async {
        let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
        Arc::new(CachedStore::new(store).unwrap())
    };
    let (here, there) = (node().await, node().await);
    let key = fresh_id().unwrap().store_key();
    created(&*here, &key, "old").await;
    until_warm(&there, &key).await;
    // The replica has the session before the master stops.
    let _ = servers.servers[0].cli(&["WAIT", "1", "10000"]);
    servers.servers[0].freeze(true);
    let began = Instant::now();
    // Calls fail until the sentinels agree. A write without an answer may have been carried out.
    loop {
        assert!(began.elapsed() < PATIENCE, "no server takes the write");
        let Ok(Loaded::Live(seen, _)) = here.load_latest(&key, now()).await else { continue };
        if let Ok(Replaced::Yes(_)) = here.replace(&key, seen, &entry("new"), now()).await {
            break;
        }
    }
    let acknowledged = Instant::now();
    println!("a server took the write {:?} after the master was stopped", began.elapsed());
    let last = last_old_read(&there, &key, "old", acknowledged).await;
    println!("the last older read after a failover began {last:?} after the write was acknowledged");
    assert!(last <= BOUND, "{last:?}");
    servers.servers[0].freeze(false);
    // No copy from the earlier master is kept, although its own connections work again.
    let last = last_old_read(&there, &key, "old", Instant::now()).await;
    assert_eq!(last, Duration::ZERO, "the earlier master was believed");
    until_warm(&there, &key).await;
}
