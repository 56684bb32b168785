//! The databases, as stores of one value per key.

use std::sync::Mutex;

use deadpool_postgres::{Manager, Pool};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use tokio_postgres::NoTls;

const ANSWERS: &str = "a store that answers";

pub trait Store: Send + Sync + 'static {
    fn get(&self, key: &str) -> impl Future<Output = String> + Send;
    fn set(&self, key: &str, value: &str) -> impl Future<Output = ()> + Send;
}

pub struct Redis(ConnectionManager);

impl Redis {
    pub async fn connect(address: &str) -> Self {
        let client = redis::Client::open(address).expect("an address");
        Self(client.get_connection_manager().await.expect("a Redis"))
    }
}

impl Store for Redis {
    async fn get(&self, key: &str) -> String {
        self.0.clone().get(key).await.expect(ANSWERS)
    }

    async fn set(&self, key: &str, value: &str) {
        self.0.clone().set_ex(key, value, 1_209_600).await.expect(ANSWERS)
    }
}

pub struct Postgres(Pool);

impl Postgres {
    pub async fn connect(address: &str) -> Self {
        let manager = Manager::new(address.parse().expect("an address"), NoTls);
        let pool = Pool::builder(manager).build().expect("valid options");
        let client = pool.get().await.expect("a PostgreSQL");
        client
            .batch_execute("CREATE TABLE IF NOT EXISTS raw_store (key text PRIMARY KEY, value text)")
            .await
            .expect(ANSWERS);
        Self(pool)
    }
}

impl Store for Postgres {
    async fn get(&self, key: &str) -> String {
        let client = self.0.get().await.expect(ANSWERS);
        let statement = client.prepare_cached("SELECT value FROM raw_store WHERE key = $1").await.expect(ANSWERS);
        client.query_one(&statement, &[&key]).await.expect(ANSWERS).get(0)
    }

    async fn set(&self, key: &str, value: &str) {
        let client = self.0.get().await.expect(ANSWERS);
        let text = "INSERT INTO raw_store VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2";
        let statement = client.prepare_cached(text).await.expect(ANSWERS);
        client.execute(&statement, &[&key, &value]).await.expect(ANSWERS);
    }
}

/// Called on the thread that handles the request, which is the fastest way.
pub struct Sqlite(Mutex<rusqlite::Connection>);

impl Sqlite {
    pub fn open(path: &str) -> Self {
        let connection = rusqlite::Connection::open(path).expect("a file");
        let text = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            CREATE TABLE IF NOT EXISTS raw_store (key text PRIMARY KEY, value text) WITHOUT ROWID";
        connection.execute_batch(text).expect(ANSWERS);
        Self(Mutex::new(connection))
    }

    fn with<T>(&self, ask: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> T {
        ask(&self.0.lock().expect(ANSWERS)).expect(ANSWERS)
    }
}

impl Store for Sqlite {
    async fn get(&self, key: &str) -> String {
        self.with(|it| {
            it.prepare_cached("SELECT value FROM raw_store WHERE key = ?1")?.query_row([key], |row| row.get(0))
        })
    }

    async fn set(&self, key: &str, value: &str) {
        self.with(|it| it.prepare_cached("INSERT OR REPLACE INTO raw_store VALUES (?1, ?2)")?.execute([key, value]));
    }
}
