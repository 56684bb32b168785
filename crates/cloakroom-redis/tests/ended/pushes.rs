//! Sign-outs on another node, lost connections and killed servers.

use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use cloakroom_redis::RedisStore;
use cloakroom_servers::Proxy;
use cloakroom_servers::redis::{Redis, Sentinels};
use cloakroom_session::Session;
use cloakroom_session::factory::EndReason;
use cloakroom_store::Sessions;

use crate::node::{Node, PATIENCE, ended, until_live};

fn servers() -> [Redis; 2] {
    [Redis::start(), Redis::valkey(&[])]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_on_one_node_resolves_on_another() {
    type Other = fn(&Session);
    let rows: [(&str, Other, EndReason); 3] = [
        ("signed out", Session::invalidate, EndReason::Gone),
        ("cycled", Session::cycle_id, EndReason::Moved),
        ("signed in", |session| session.set_owner("ann"), EndReason::Moved),
    ];
    for server in servers() {
        let [here, there] = [Node::at(&server.url()).await, Node::at(&server.url()).await];
        let _live = until_live(&there.feed(), true).await;
        for (name, other, why) in rows {
            let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let stays = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let [waiting, still] = [there.wait(&cookie).await, there.wait(&stays).await];
            here.visit(&stays, |session| session.insert("a", 2).unwrap()).await;
            here.visit(&cookie, other).await;
            assert_eq!(ended(waiting).await, why, "{name}");
            assert!(!still.is_finished(), "{name}: another session");
        }
        let mut waiting = Vec::new();
        for owner in ["ann", "ann", "bob"] {
            let cookie = here.visit("", |session| session.set_owner(owner)).await;
            waiting.push(there.wait(&cookie).await);
        }
        let all = Sessions::new(Arc::clone(&here.sessions));
        // The session that signed in above is one of them.
        assert_eq!(all.end_all("ann").await.unwrap(), 3);
        for ann in waiting.drain(..2) {
            assert_eq!(ended(ann).await, EndReason::Gone);
        }
        assert!(!waiting[0].is_finished());
        let _ = server.cli(&["FLUSHALL"]);
        assert_eq!(ended(waiting.remove(0)).await, EndReason::Gone, "an emptied server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_the_connection_is_silent_resolves_after_it() {
    for server in servers() {
        let url = server.url();
        let port: u16 = url.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
        let proxy = Proxy::to(port);
        let there = Node::at(&format!("redis://127.0.0.1:{}/?timeout=200", proxy.port())).await;
        let here = Node::at(&url).await;
        let _live = until_live(&there.feed(), true).await;
        let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
        let waiting = there.wait(&cookie).await;
        // The connection stays open, and nothing arrives on it. Only a new one works.
        proxy.silence();
        here.visit(&cookie, Session::invalidate).await;
        assert_eq!(ended(waiting).await, EndReason::Gone);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_misses_nothing() {
    for server in servers() {
        let [here, there] = [Node::at(&server.url()).await, Node::at(&server.url()).await];
        for _ in 0..20 {
            let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let waiting = there.wait(&cookie).await;
            let _live = until_live(&there.feed(), true).await;
            // The connections of feeds are killed among others, at about the time of the end.
            let kill = server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            assert!(!kill.starts_with("ERR"), "{kill}");
            here.visit(&cookie, Session::invalidate).await;
            assert_eq!(ended(waiting).await, EndReason::Gone);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_misses_nothing() {
    for mut server in servers() {
        let [here, there] = [Node::at(&server.url()).await, Node::at(&server.url()).await];
        let live = until_live(&there.feed(), true).await;
        let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
        let waiting = there.wait(&cookie).await;
        server.kill();
        let down = until_live(&there.feed(), false).await;
        drop(live);
        let server = tokio::task::spawn_blocking(move || {
            server.start_again();
            server
        })
        .await
        .unwrap();
        here.visit(&cookie, Session::invalidate).await;
        assert_eq!(ended(waiting).await, EndReason::Gone);
        drop((server, down));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_follows_a_failover() {
    let mut servers = Sentinels::start();
    servers.notice_after(Duration::from_millis(500));
    let node = || async { Node::new(RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap()) };
    let [here, there] = [node().await, node().await];
    let live = until_live(&there.feed(), true).await;
    let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
    let waiting = there.wait(&cookie).await;
    let first = here.visit("", |session| session.insert("a", 1).unwrap()).await;
    let pushed = there.wait(&first).await;
    here.visit(&first, Session::invalidate).await;
    assert_eq!(ended(pushed).await, EndReason::Gone);
    // The replica has everything before the master is killed.
    let _ = servers.servers[0].cli(&["WAIT", "1", "10000"]);
    servers.servers[0].kill();
    let began = Instant::now();
    // Calls fail until the sentinels agree.
    while let Err(error) = here.signs_out(&cookie).await {
        assert!(error.is_unavailable() && began.elapsed() < PATIENCE, "{error}");
    }
    assert_eq!(ended(waiting).await, EndReason::Gone);
    drop(live);
}
