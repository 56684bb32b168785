//! Encrypted connections to real servers, with certificates of an authority that the test creates.

use std::fmt::Debug;

use cloakroom_servers::{Authority, MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Store, StoreError};

use crate::common::{NOW, entry, key};

async fn refused<S: Store + Debug>(what: &str, store: Result<S, StoreError>, why: &str) {
    let error = match store {
        Ok(store) => format!("{:?}", store.load(&key(1), NOW).await.expect_err(what)),
        Err(error) => format!("{error:?}"),
    };
    assert!(error.contains(why), "{what}: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (server, plain) = (Postgres::encrypted(&authority), Postgres::start());
    let (ours, theirs) = (authority.certificate(), stranger.certificate());
    let (ours, theirs) = (ours.display(), theirs.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("{}?sslmode={mode}&sslrootcert={ours}", server.url());
        let store = PostgresStore::connect(&url).unwrap();
        store.migrate().await.unwrap();
        store.create(&key(1), &entry(mode), NOW).await.unwrap();
        assert!(store.end(&key(1), NOW).await.unwrap(), "{mode}");

        let wrong = PostgresStore::connect(&format!("{}?sslmode={mode}&sslrootcert={theirs}", server.url()));
        refused("another authority's", wrong, "InvalidCertificate").await;
        let system = PostgresStore::connect(&format!("{}?sslmode={mode}", server.url()));
        refused("the system's", system, "ertificate").await;
        let name = server.url().replace("127.0.0.1", "localhost");
        let name = PostgresStore::connect(&format!("{name}?sslmode={mode}&sslrootcert={ours}"));
        refused("another name", name, "NotValidForName").await;
        let plain = PostgresStore::connect(&format!("{}?sslmode={mode}&sslrootcert={ours}", plain.url()));
        refused("a plain server", plain, "does not support TLS").await;
    }
    let missing = PostgresStore::connect("postgres://h/d?sslmode=require&sslrootcert=/nowhere/ca.pem");
    refused("a file that isn't there", missing, "/nowhere/ca.pem").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (server, plain) = (MariaDb::encrypted(&authority), MariaDb::start());
    let (ours, theirs) = (authority.certificate(), stranger.certificate());
    let (ours, theirs) = (ours.display(), theirs.display());
    // Through its socket the server would be reached without encryption.
    let url = format!("{}?prefer_socket=false&", server.url());
    for mode in ["require_ssl=true", "ssl-mode=REQUIRED", "ssl-mode=verify_identity"] {
        let store = MysqlStore::connect(&format!("{url}{mode}&ssl-ca={ours}")).unwrap();
        store.migrate().await.unwrap();
        store.create(&key(1), &entry(mode), NOW).await.unwrap();
        assert!(store.end(&key(1), NOW).await.unwrap(), "{mode}");

        let wrong = MysqlStore::connect(&format!("{url}{mode}&ssl-ca={theirs}"));
        refused("another authority's", wrong, "InvalidCertificate").await;
        refused("the system's", MysqlStore::connect(&format!("{url}{mode}")), "ertificate").await;
        let name = url.replace("127.0.0.1", "localhost");
        refused("another name", MysqlStore::connect(&format!("{name}{mode}&ssl-ca={ours}")), "NotValidForName").await;
        let plain = format!("{}?prefer_socket=false&{mode}&ssl-ca={ours}", plain.url());
        refused("a plain server", MysqlStore::connect(&plain), "NoClientSslFlag").await;
    }
    let missing = MysqlStore::connect(&format!("{url}ssl-mode=REQUIRED&ssl-ca=/nowhere/ca.pem"));
    refused("a file that isn't there", missing, "/nowhere/ca.pem").await;
    refused("an unknown mode", MysqlStore::connect(&format!("{url}ssl-mode=MAYBE")), "ssl-mode").await;
}
