//! The application's own sqlx pools, of each version of sqlx.

use std::sync::Arc;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteStore};
use cloakroom_store::store::{
    Store as _,
    conformance::{Capabilities, assert_conforms},
};

use crate::common::{NOW, chase, entry, key, over_makes_room};

const ROUNDS: Capabilities = Capabilities::all().rounds(20);

macro_rules! version {
    ($version:ident, $sqlx:ident) => {
        mod $version {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                let server = Postgres::start();
                let pool = $sqlx::PgPool::connect(&server.url()).await.unwrap();
                let store = PostgresStore::from_sqlx(pool.clone());
                let missing = store.load(&key(1), NOW).await.unwrap_err().to_string();
                assert!(missing.contains("cloakroom_sessions"), "{missing}");
                store.migrate().await.unwrap();
                store.migrate().await.unwrap();
                over_makes_room(&store).await;
                chase(store.clone(), 100).await;
                store.create(&key(1), &entry("{}"), NOW).await.unwrap();
                $sqlx::query(r"UPDATE cloakroom_sessions SET record = '\xff'").execute(&pool).await.unwrap();
                assert!(store.load(&key(1), NOW).await.unwrap_err().is_corrupt());
                store.end(&key(1), NOW).await.unwrap();
                assert_conforms(Arc::new(store), ROUNDS).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn mysql() {
                let server = MariaDb::start();
                let pool = $sqlx::MySqlPool::connect(&server.url()).await.unwrap();
                let store = MysqlStore::from_sqlx(pool.clone());
                let missing = store.load(&key(1), NOW).await.unwrap_err().to_string();
                assert!(missing.contains("cloakroom_sessions"), "{missing}");
                store.migrate().await.unwrap();
                store.migrate().await.unwrap();
                over_makes_room(&store).await;
                chase(store.clone(), 100).await;
                store.create(&key(1), &entry("{}"), NOW).await.unwrap();
                $sqlx::query("UPDATE cloakroom_sessions SET record = x'ff'").execute(&pool).await.unwrap();
                assert!(store.load(&key(1), NOW).await.unwrap_err().is_corrupt());
                store.end(&key(1), NOW).await.unwrap();
                assert_conforms(Arc::new(store), ROUNDS).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn sqlite() {
                use $sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

                let folder = tempfile::tempdir().unwrap();
                let options =
                    SqliteConnectOptions::new().filename(folder.path().join("sessions.db")).create_if_missing(true);
                let options = options.journal_mode(SqliteJournalMode::Wal);
                let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
                let store = SqliteStore::from_sqlx(pool.clone());
                let missing = store.load(&key(1), NOW).await.unwrap_err().to_string();
                assert!(missing.contains("cloakroom_sessions"), "{missing}");
                store.migrate().await.unwrap();
                store.migrate().await.unwrap();
                over_makes_room(&store).await;
                chase(store.clone(), 100).await;
                store.create(&key(1), &entry("{}"), NOW).await.unwrap();
                $sqlx::query("UPDATE cloakroom_sessions SET record = CAST(x'ff' AS TEXT)")
                    .execute(&pool)
                    .await
                    .unwrap();
                assert!(store.load(&key(1), NOW).await.unwrap_err().is_corrupt());
                store.end(&key(1), NOW).await.unwrap();
                // Both drivers on one file.
                let other = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
                store.create(&key(2), &entry("{}"), NOW).await.unwrap();
                assert_eq!(other.load(&key(2), NOW).await.unwrap(), store.load(&key(2), NOW).await.unwrap());
                assert_conforms(Arc::new(store), ROUNDS).await;
            }
        }
    };
}

version!(v09, sqlx);
version!(v08, sqlx08);
