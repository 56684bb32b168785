//! A PgBouncer in transaction mode, through which no notifications arrive.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_servers::PgBouncer;
use cloakroom_session::Session;
use cloakroom_session::factory::EndReason;
use cloakroom_sql::PostgresStore;
use tokio::sync::Notify;

use crate::node::{Node, PATIENCE, ended, server, until_live};

/// The text of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>, Arc<Notify>);

impl Log {
    fn warnings(&self) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches("notifications don't arrive").count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.0.lock().unwrap().write(bytes);
        self.1.notify_one();
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn behind_a_pooler_in_transaction_mode_the_store_is_asked_at_the_interval() {
    let mut server = server().await;
    let bouncer = PgBouncer::before(&mut server);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // The test runs on this thread alone.
    let _log = tracing::subscriber::set_default(subscriber);
    let there = PostgresStore::connect(&bouncer.url()).unwrap();
    let there = Node::checking(there, Duration::from_secs(1));
    let here = Node::at(&server.url());
    let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
    let waiting = there.wait(&cookie).await;
    while log.warnings() == 0 {
        tokio::time::timeout(PATIENCE, log.1.notified()).await.expect("no warning");
    }
    assert!(!there.feed().is_live(), "the feed seems to be live");
    here.visit(&cookie, Session::invalidate).await;
    assert_eq!(ended(waiting).await, EndReason::Gone);
    assert_eq!(log.warnings(), 1);

    // The server itself announces the ends that arrive through the pooler, and the other way round.
    let there = Node::at(&format!("{}?listen=127.0.0.1:{}", bouncer.url(), server.server().port()));
    let _live = until_live(&there.feed()).await;
    for here in [here, Node::at(&bouncer.url())] {
        let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
        let waiting = there.wait(&cookie).await;
        here.visit(&cookie, Session::invalidate).await;
        assert_eq!(ended(waiting).await, EndReason::Gone);
    }
    assert_eq!(log.warnings(), 1);
}
