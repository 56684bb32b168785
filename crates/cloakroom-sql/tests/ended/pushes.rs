//! Sign-outs on another node, killed and silent connections, and notifications of others.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_servers::Proxy;
use cloakroom_session::Session;
use cloakroom_session::factory::EndReason;
use cloakroom_sql::{PostgresStore, TableName};
use cloakroom_store::Sessions;
use cloakroom_store::store::feed::{Covers, Reach};
use deadpool_postgres::{Manager, Pool};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::node::{Node, ended, server, until_live};

fn given(url: &str) -> PostgresStore {
    PostgresStore::from_pool(Pool::builder(Manager::new(url.parse().unwrap(), NoTls)).build().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_on_one_node_resolves_on_another() {
    type Other = fn(&Session);
    let rows: [(&str, Other, EndReason); 3] = [
        ("signed out", Session::invalidate, EndReason::Gone),
        ("cycled", Session::cycle_id, EndReason::Moved),
        ("signed in", |session| session.set_owner("ann"), EndReason::Moved),
    ];
    let server = server().await;
    let url = server.url();
    let by_url = || PostgresStore::connect(&url).unwrap();
    let pairs =
        [("by URL", by_url(), by_url()), ("a pool of the application", given(&url), given(&url).listen(&url).unwrap())];
    #[cfg(feature = "sqlx-postgres")]
    let pairs = {
        let lent = async || PostgresStore::from_sqlx(sqlx::PgPool::connect(&url).await.unwrap());
        pairs.into_iter().chain([("a pool of sqlx", lent().await, lent().await.listen(&url).unwrap())])
    };
    for (kind, here, there) in pairs {
        let [here, there] = [here, there].map(Node::new);
        let feed = there.feed();
        assert_eq!((feed.covers(), feed.reach(), feed.proven_at()), (Covers::Endings, Reach::AllProcesses, None));
        let _live = until_live(&feed).await;
        for (name, other, why) in rows {
            let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let stays = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let [waiting, still] = [there.wait(&cookie).await, there.wait(&stays).await];
            here.visit(&cookie, other).await;
            assert_eq!(ended(waiting).await, why, "{kind}: {name}");
            assert!(!still.is_finished(), "{kind}, {name}: another session");
        }
        let mut waiting = Vec::new();
        for owner in ["bob", "bob", "cid"] {
            let cookie = here.visit("", |session| session.set_owner(owner)).await;
            waiting.push(there.wait(&cookie).await);
        }
        let all = Sessions::new(Arc::clone(&here.sessions));
        assert_eq!(all.end_all("bob").await.unwrap(), 2, "{kind}");
        let cid = waiting.pop().unwrap();
        for bob in waiting {
            assert_eq!(ended(bob).await, EndReason::Gone, "{kind}");
        }
        assert!(!cid.is_finished(), "{kind}");
        assert_eq!(all.end_all("cid").await.unwrap(), 1, "{kind}");
        assert_eq!(ended(cid).await, EndReason::Gone, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_misses_nothing() {
    let server = server().await;
    let (here, there) = (Node::at(&server.url()), Node::at(&format!("{}?application_name=there", server.url())));
    for _ in 0..10 {
        let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
        let waiting = there.wait(&cookie).await;
        let _live = until_live(&there.feed()).await;
        let killed = server
            .sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'there'");
        assert_ne!(killed.trim(), "0");
        // The feed may be between two connections.
        here.visit(&cookie, Session::invalidate).await;
        assert_eq!(ended(waiting).await, EndReason::Gone);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_the_connection_is_silent_resolves_after_it() {
    let server = server().await;
    let url = server.url();
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::to(port);
    let here = Node::at(&url);
    let there = Node::at(&url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port())));
    let _live = until_live(&there.feed()).await;
    let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
    let waiting = there.wait(&cookie).await;
    // The connections stay open, and nothing arrives on them. Only new ones work.
    proxy.silence();
    here.visit(&cookie, Session::invalidate).await;
    assert_eq!(ended(waiting).await, EndReason::Gone);
}

/// Hints are never facts: they may be false, repeated, out of order or senseless.
#[tokio::test(flavor = "multi_thread")]
async fn notifications_of_others_end_nothing() {
    let server = server().await;
    let [here, there] = [Node::at(&server.url()), Node::at(&server.url())];
    let _live = until_live(&there.feed()).await;
    let [stays, leaves] = [
        here.visit("", |session| session.insert("a", 1).unwrap()).await,
        here.visit("", |session| session.insert("a", 1).unwrap()).await,
    ];
    let [still, waiting] = [there.wait(&stays).await, there.wait(&leaves).await];
    let notify = |payload: &str| format!("SELECT pg_notify('cloakroom:cloakroom_sessions', {payload});");
    let each = "SELECT pg_notify('cloakroom:cloakroom_sessions', encode(store_key, 'hex')) FROM cloakroom_sessions;";
    let garbage = ["''", "'*'", "'test x'", "'ended'", "repeat('0', 7000)", "repeat('0', 64)"].map(notify).concat();
    let _ = server.sql(&format!("{each}{garbage}{each}{garbage}"));
    here.visit(&leaves, Session::invalidate).await;
    // Its notification comes after those above.
    assert_eq!(ended(waiting).await, EndReason::Gone);
    assert!(!still.is_finished(), "a hint ended a session");
    here.visit(&stays, Session::invalidate).await;
    assert_eq!(ended(still).await, EndReason::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_notify_announces_ends_of_this_process() {
    let server = server().await;
    let url = server.url();
    for store in
        [PostgresStore::connect(&format!("{url}?notify=false")).unwrap(), given(&url), given(&url).notify(false)]
    {
        assert_eq!(Node::new(store).feed().reach(), Reach::ThisProcess);
    }
    let table = TableName::new("shop").unwrap();
    let store = PostgresStore::connect(&url).unwrap().table(table).notify(true);
    assert_eq!(
        (store.table_name().to_string().as_str(), Node::new(store).feed().reach()),
        ("shop", Reach::AllProcesses)
    );
    for wrong in ["notify=no", "listen=", "listen=db:x"] {
        let error = PostgresStore::connect(&format!("{url}?{wrong}")).unwrap_err().to_string();
        assert!(error.contains(&format!("`{}`", wrong.split('=').next().unwrap())), "{error}");
    }
}

/// Measures 1,000 sign-outs one after the other. Run it alone, in release mode:
/// `cargo test -p cloakroom-sql --all-features --test ended -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn from_the_sign_out_to_the_closed_socket() {
    let server = server().await;
    let [here, there] = [Node::at(&server.url()), Node::at(&server.url())];
    let _live = until_live(&there.feed()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut times = Vec::new();
    for _ in 0..1000 {
        let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
        let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (mut client, (socket, _)) = (client.unwrap(), accepted.unwrap());
        let waiting = there.wait(&cookie).await;
        let serving = tokio::spawn(async move {
            waiting.await.unwrap();
            drop(socket);
        });
        // The first check of the wait isn't part of the measurement.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(!serving.is_finished());
        let (slot, session) = here.open(&cookie).await;
        Session::invalidate(&session);
        let began = Instant::now();
        slot.finish(200).await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!("PostgreSQL: median {} µs, worst {} µs", times[500].as_micros(), times[999].as_micros());
}
