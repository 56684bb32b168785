//! The notifications themselves: which statements send them, and with which text.

use std::future::poll_fn;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_sql::{PostgresStore, TableName};
use cloakroom_store::store::{Created, Entry, Replaced, Store as _, StoreKey, end_all_before};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::node::{PATIENCE, server};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// Listens to a channel.
struct Ear {
    client: Client,
    channel: &'static str,
    payloads: UnboundedReceiver<String>,
}

impl Ear {
    async fn on(url: &str, channel: &'static str) -> Self {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let (heard, payloads) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(told) = message {
                    let _ = heard.send(told.payload().to_owned());
                }
            }
        });
        client.batch_execute(&format!("LISTEN \"{channel}\"")).await.unwrap();
        Self { client, channel, payloads }
    }

    /// Returns everything that was announced up to now.
    async fn heard(&mut self) -> Vec<String> {
        self.client.execute("SELECT pg_notify($1, 'last')", &[&self.channel]).await.unwrap();
        let mut heard = Vec::new();
        loop {
            let payload = tokio::time::timeout(PATIENCE, self.payloads.recv()).await.unwrap().unwrap();
            if payload == "last" {
                return heard;
            }
            heard.push(payload);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ends_and_moves_are_announced() {
    let server = server().await;
    let url = server.url();
    server.sql("CREATE SCHEMA web");
    let table = || TableName::new("shop").unwrap().in_schema("web").unwrap();
    let store = PostgresStore::connect(&url).unwrap().table(table());
    store.migrate().await.unwrap();
    let mut ear = Ear::on(&url, "cloakroom:web.shop").await;
    let mut other = Ear::on(&url, "cloakroom:cloakroom_sessions").await;
    let key = |number: u8| StoreKey::from_bytes([number; 32]);
    let later = NOW + Duration::from_secs(10);
    let entry = |deadline| Entry::new("1c0;".into(), NOW, NOW, deadline).owner(Some("ann".to_owned()));

    let Created::Yes(version) = store.create(&key(1), &entry(None), NOW).await.unwrap() else { panic!("taken") };
    let Replaced::Yes(version) = store.replace(&key(1), version, &entry(None), NOW).await.unwrap() else { panic!() };
    store.touch(&key(1), later, None, NOW).await.unwrap();
    store.load(&key(1), NOW).await.unwrap();
    store.create(&key(2), &entry(Some(NOW)), NOW).await.unwrap();
    assert_eq!(store.sweep(later, 10).await.unwrap(), 1, "the listeners know the deadline");
    assert!(!store.end(&key(9), NOW).await.unwrap());
    assert_eq!(store.end_owned("bob", None, 10, NOW).await.unwrap().count, 0);
    let stale = entry(None).next_version(None);
    assert_eq!(store.cycle(&key(1), stale, &key(3), &entry(None), later, NOW).await.unwrap(), Replaced::Conflict);
    assert_eq!(ear.heard().await, [""; 0], "nothing ended");

    store.cycle(&key(1), version, &key(3), &entry(None), later, NOW).await.unwrap();
    assert_eq!(ear.heard().await, [key(1).to_hex()]);
    assert!(store.end(&key(1), NOW).await.unwrap());
    assert_eq!(ear.heard().await, [key(3).to_hex()], "the key that the session had by then");

    for (count, all) in [(100, false), (101, true)] {
        let numbers = || 10..10 + count;
        for number in numbers() {
            store.create(&key(number), &entry(None), NOW).await.unwrap();
        }
        assert_eq!(store.end_owned("ann", None, 200, NOW).await.unwrap().count, usize::from(count));
        let heard = ear.heard().await;
        assert_eq!(heard.len(), 1);
        let mut keys: Vec<&str> = heard[0].split(' ').collect();
        keys.sort_unstable();
        let expected: Vec<String> = numbers().map(|number| key(number).to_hex()).collect();
        assert_eq!(keys, if all { vec!["*".to_owned()] } else { expected });
    }
    store.create(&key(4), &entry(None), NOW).await.unwrap();
    assert_eq!(end_all_before(&store, later, NOW).await.unwrap(), 1);
    assert_eq!(ear.heard().await, [key(4).to_hex()]);

    let silent = PostgresStore::connect(&url).unwrap().table(table()).notify(false);
    silent.create(&key(5), &entry(None), NOW).await.unwrap();
    assert!(silent.end(&key(5), NOW).await.unwrap());
    assert_eq!(ear.heard().await, [""; 0], "it doesn't notify");
    assert_eq!(other.heard().await, [""; 0], "another table");
}
