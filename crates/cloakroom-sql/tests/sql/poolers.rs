//! Poolers in transaction mode, and servers that forget or confuse prepared statements.

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_servers::{PgBouncer, Postgres};
use cloakroom_sql::PostgresStore;
use cloakroom_store::store::{Created, Loaded, Replaced, Severity, Store as _, StoreError, Topic, end_all_before};
use deadpool_postgres::{Manager, Pool};
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::common::{LATER, NOW, PAST, entry, key};

fn pool(url: &str, connections: usize) -> Pool {
    let manager = Manager::new(url.parse().unwrap(), NoTls);
    Pool::builder(manager).max_size(connections).build().unwrap()
}

/// Runs the whole life of a session, a new one each time.
async fn life(store: &PostgresStore) -> Result<(), StoreError> {
    static NEXT: AtomicU64 = AtomicU64::new(100);
    let number = NEXT.fetch_add(2, Ordering::Relaxed);
    let (a, b) = (key(number), key(number + 1));
    let first = entry("1").next_version(None);
    assert_eq!(store.create(&a, &entry("1"), NOW).await?, Created::Yes(first));
    let Loaded::Live(seen, _) = store.load(&a, NOW).await? else { panic!("{number} is lost") };
    let Replaced::Yes(seen) = store.replace(&a, seen, &entry("2"), NOW).await? else { panic!("{number} has changed") };
    assert!(store.touch(&a, LATER, Some(LATER), NOW).await?);
    let Replaced::Yes(_) = store.cycle(&a, seen, &b, &entry("3"), LATER, NOW).await? else {
        panic!("{number} is gone")
    };
    store.sweep(NOW, 10).await?;
    assert!(store.end(&a, NOW).await?, "{number}");
    Ok(())
}

/// Runs many lives concurrently. Returns the errors.
async fn lives(store: &PostgresStore) -> Vec<String> {
    let mut lives = JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        lives.spawn(async move { life(&store).await });
    }
    let ended = lives.join_all().await;
    ended.into_iter().filter_map(|life| life.err().map(|error| error.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn behind_a_pooler_in_transaction_mode() {
    let mut server = Postgres::start();
    let bouncer = PgBouncer::before(&mut server);
    let url = bouncer.url();
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    let table = [
        ("found out by its answer to our limits", PostgresStore::connect(&url).unwrap()),
        ("set in the URL", PostgresStore::connect(&format!("{url}?prepared=false")).unwrap()),
        ("detected by forgotten statements", PostgresStore::from_pool(pool(&url, 8))),
    ];
    for (row, store) in table {
        for round in 0..3 {
            let failed = lives(&store).await;
            println!("PgBouncer, {row}: round {round}: {} of 40 lives failed", failed.len());
            assert_eq!(failed, Vec::<String>::new(), "{row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_checkup_reports_a_pooler() {
    let mut server = Postgres::start();
    let bouncer = PgBouncer::before(&mut server);
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    let found = async |store: PostgresStore, topic| {
        let findings = store.checkup().await.unwrap().findings;
        let finding = findings.into_iter().find(|it| it.topic == topic).unwrap();
        (finding.severity, finding.text)
    };
    let (straight, pooled) = (server.url(), bouncer.url());
    let (severity, text) = found(PostgresStore::connect(&straight).unwrap(), Topic::Connections).await;
    assert!(severity == Severity::Good && text.contains("statement_timeout=1800ms, lock_timeout=1s"), "{text}");
    for url in [pooled.clone(), format!("{pooled}?prepared=false")] {
        let (severity, text) = found(PostgresStore::connect(&url).unwrap(), Topic::Connections).await;
        assert!(severity == Severity::Note && text.contains("a pooler is in between"), "{text}");
        assert!(text.contains("lock_timeout=0") && text.contains("ALTER ROLE"), "{text}");
    }

    let (severity, text) = found(PostgresStore::connect(&straight).unwrap(), Topic::Writes).await;
    assert!(severity == Severity::Good, "{text}");
    let (admin, connection) = tokio_postgres::connect(&straight, NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute("ALTER DATABASE postgres SET default_transaction_read_only = on").await.unwrap();
    let (severity, text) = found(PostgresStore::connect(&straight).unwrap(), Topic::Writes).await;
    assert!(severity == Severity::Problem && text.contains("default_transaction_read_only"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pooler_that_breaks_statements_is_named() {
    let mut server = Postgres::start();
    let bouncer = PgBouncer::before(&mut server);
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    let store = PostgresStore::connect(&format!("{}?prepared=true", bouncer.url())).unwrap();
    let failed = lives(&store).await;
    assert!(failed.iter().any(|why| why.contains("a pooler in transaction mode is in between")), "{failed:?}");
    #[cfg(feature = "sqlx-postgres")]
    {
        let store = PostgresStore::from_sqlx(sqlx::PgPool::connect(&bouncer.url()).await.unwrap());
        let failed = lives(&store).await;
        assert!(failed.iter().any(|why| why.contains("a pooler in transaction mode is in between")), "{failed:?}");
    }
}

/// Like `RecyclingMethod::Custom("DISCARD ALL")`, or a pooler that reassigns a connection.
#[tokio::test]
async fn forgotten_statements_are_sent_again() {
    let server = Postgres::start();
    let pool = pool(&server.url(), 1);
    let store = PostgresStore::from_pool(pool.clone());
    store.migrate().await.unwrap();
    for _ in 0..8 {
        life(&store).await.unwrap();
        pool.get().await.unwrap().batch_execute("DISCARD ALL").await.unwrap();
    }
}

/// Another client has given our statements' names to the most destructive statement.
#[tokio::test]
async fn a_statement_with_a_reused_name_is_never_run() {
    let server = Postgres::start();
    let pool = pool(&server.url(), 1);
    let client = async || pool.get().await.unwrap();
    PostgresStore::from_pool(pool.clone()).migrate().await.unwrap();
    let names = "SELECT name, statement FROM pg_prepared_statements WHERE from_sql IS FALSE";
    for other in ["created <", "deadline <"] {
        // A store that has prepared all its statements.
        let store = PostgresStore::from_pool(pool.clone());
        life(&store).await.unwrap();
        end_all_before(&store, PAST, NOW).await.unwrap();
        store.create(&key(7), &entry("live"), NOW).await.unwrap();
        let rows = client().await.query(names, &[]).await.unwrap();
        let known: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let text = known.iter().map(|(_, text)| text).find(|text| text.contains("DELETE") && text.contains(other));
        let text = text.unwrap_or_else(|| panic!("{other}: {known:?}"));
        for (name, _) in &known {
            let mixed = format!("DEALLOCATE {name}; PREPARE {name} AS {text}");
            client().await.batch_execute(&mixed).await.unwrap();
        }
        assert_eq!(store.sweep(NOW, 10).await.unwrap(), 0, "{other}");
        assert_eq!(
            store.load(&key(7), NOW).await.unwrap(),
            Loaded::Live(entry("live").next_version(None), entry("live")),
            "{other}"
        );
        assert_eq!(end_all_before(&store, PAST, NOW).await.unwrap(), 0, "{other}");
        life(&store).await.unwrap();
        assert_eq!(
            store.load(&key(7), NOW).await.unwrap(),
            Loaded::Live(entry("live").next_version(None), entry("live")),
            "{other}"
        );
        assert!(store.end(&key(7), NOW).await.unwrap());
        client().await.batch_execute("DEALLOCATE ALL").await.unwrap();
        client().await.statement_cache.clear();
    }
}
