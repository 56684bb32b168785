//! tower-sessions on axum with its stores: tower-sessions-cookie-store, tower-sessions-redis-store
//! and tower-sessions-sqlx-store.

#[path = "../../tower-sessions/src/pages.rs"]
mod pages;

use axum::Router;
use bench_harness::{Storage, store_address};
use bench_on_axum::{Application, OnAxum};
use tower_sessions::{Session, SessionManagerLayer};
use tower_sessions_cookie_store::{CookieSessionManagerLayer, Key};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx::{PgPool, SqlitePool};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

use pages::pages;

pub type Peer = OnAxum<Library>;

pub struct Library;

impl Application for Library {
    async fn router(storage: Storage) -> Option<Router> {
        Some(match storage {
            Storage::Nothing => pages(),
            Storage::Signed => pages().layer(CookieSessionManagerLayer::signed(key())),
            Storage::Encrypted => pages().layer(CookieSessionManagerLayer::private(key())),
            Storage::Redis | Storage::Valkey => {
                let config = Config::from_url(&store_address()).expect("an address");
                let pool = Pool::new(config, None, None, None, 6).expect("valid options");
                pool.init().await.expect("a Redis");
                pages().layer(SessionManagerLayer::new(RedisStore::new(pool)))
            }
            Storage::Postgres => {
                let store = PostgresStore::new(PgPool::connect(&store_address()).await.expect("a PostgreSQL"));
                store.migrate().await.expect("a schema");
                pages().layer(SessionManagerLayer::new(store))
            }
            Storage::Sqlite => {
                let address = format!("sqlite://{}?mode=rwc", store_address());
                let store = SqliteStore::new(SqlitePool::connect(&address).await.expect("a file"));
                store.migrate().await.expect("a schema");
                pages().layer(SessionManagerLayer::new(store))
            }
            Storage::EmptyLayer | Storage::Memory => return None,
        })
    }
}

fn key() -> Key {
    Key::from(&[b'k'; 64])
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
