//! A custom table and schema, on every store and on the application's own pools.

use std::sync::Arc;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteConfig, SqliteStore, TableName};
use cloakroom_store::store::{
    Loaded, Store, Topic,
    conformance::{Capabilities, assert_conforms},
};
use deadpool_postgres::{Manager, Pool};
use mysql_async::prelude::Queryable as _;
use tokio_postgres::NoTls;

use crate::common::{NOW, entry, key, over_makes_room};
use crate::postgres::client;

/// Two tables of one database are independent.
async fn apart<S: Store>(one: S, other: S) {
    one.create(&key(9), &entry("one"), NOW).await.unwrap();
    assert_eq!(other.load(&key(9), NOW).await.unwrap(), Loaded::Absent);
    assert!(one.end(&key(9), NOW).await.unwrap());
    over_makes_room(&one).await;
    let checkup = one.checkup().await;
    if let Ok(checkup) = checkup {
        let durability = checkup.findings.iter().find(|found| found.topic == Topic::Durability).unwrap();
        assert!(!durability.text.contains("doesn't exist"), "{}", durability.text);
    }
    assert_conforms(Arc::new(one), Capabilities::all().rounds(3)).await;
}

/// Errors name the option before any connection is opened.
#[test]
fn invalid_names_are_errors() {
    for (url, option) in [("?table=a%22b", "`table`"), ("?table=", "`table`"), ("?schema=a.b", "`schema`")] {
        let error = PostgresStore::connect(&format!("postgres://h/d{url}")).unwrap_err().to_string();
        assert!(error.contains(option), "{url}: {error}");
        let error = MysqlStore::connect(&format!("mysql://h/d{url}")).unwrap_err().to_string();
        assert!(error.contains(option), "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_on_postgresql() {
    let server = Postgres::start();
    let client = client(&server.url()).await;
    client.batch_execute("CREATE SCHEMA web").await.unwrap();
    let url = format!("{}?table=Select&schema=web", server.url());
    let (one, other) = (PostgresStore::connect(&url).unwrap(), PostgresStore::connect(&server.url()).unwrap());
    let error = one.load(&key(1), NOW).await.unwrap_err();
    assert!(error.is_missing() && error.to_string().contains("web.Select"), "{error}");
    assert!(format!("{one:?}").contains("Select"));
    other.migrate().await.unwrap();
    one.migrate().await.unwrap();
    one.migrate().await.unwrap();
    // The printed schema equals the table created: applying it changes nothing.
    client.batch_execute(&PostgresStore::schema(one.table_name())).await.unwrap();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'web' AND tablename = 'Select'";
    let left = client.query_one(indexes, &[]).await.unwrap().get::<_, i64>(0);
    let there = "SELECT count(*) FROM pg_indexes WHERE tablename = 'cloakroom_sessions'";
    assert_eq!(left, client.query_one(there, &[]).await.unwrap().get::<_, i64>(0));
    apart(one, other.clone()).await;
    let manager = Manager::new(server.url().parse().unwrap(), NoTls);
    let pool = Pool::builder(manager).max_size(4).build().unwrap();
    let name = TableName::new("Select").unwrap().in_schema("web").unwrap();
    apart(PostgresStore::from_pool(pool).table(name), other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_on_mysql() {
    let server = MariaDb::start();
    let mut client = mysql_async::Conn::new(mysql_async::Opts::from_url(&server.url()).unwrap()).await.unwrap();
    client.query_drop("CREATE DATABASE web").await.unwrap();
    let url = format!("{}?table=select&schema=web", server.url());
    let (one, other) = (MysqlStore::connect(&url).unwrap(), MysqlStore::connect(&server.url()).unwrap());
    assert!(one.load(&key(1), NOW).await.unwrap_err().is_missing());
    for store in [&one, &one, &other] {
        store.migrate().await.unwrap();
    }
    client.query_drop(MysqlStore::schema(one.table_name())).await.unwrap();
    apart(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let open = |name: &str| SqliteConfig::new(&path).table(TableName::new(name).unwrap()).open().unwrap();
    apart(open("select"), open("other")).await;
    // An attached file.
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute("ATTACH ?1 AS web", [folder.path().join("web.db").to_str().unwrap()]).unwrap();
    let name = TableName::new("shop").unwrap().in_schema("web").unwrap();
    let store = SqliteStore::from_connection(connection).table(name);
    store.migrate().await.unwrap();
    over_makes_room(&store).await;
}
