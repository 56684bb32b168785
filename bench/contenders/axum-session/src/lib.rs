//! axum_session on axum. It can't store a session in its cookie. Without a database it keeps all
//! sessions in memory, and with one it keeps them in both.

use std::fmt::Debug;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum_session::{DatabasePool, Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use axum_session_redispool::SessionRedisPool;
use axum_session_sqlx::{SessionPgPool, SessionSqlitePool};
use bench_harness::{Contents, Storage, slow_work, store_address};
use bench_on_axum::{Application, OnAxum, check, token};
use sqlx::{PgPool, SqlitePool};

pub type Peer = OnAxum<Library>;

pub struct Library;

impl Application for Library {
    async fn router(storage: Storage) -> Option<Router> {
        Some(match storage {
            Storage::Nothing => pages::<SessionNullPool>(),
            Storage::Memory => with::<SessionNullPool>(None).await,
            Storage::Redis | Storage::Valkey => {
                let client = redis::Client::open(store_address()).expect("an address");
                with(Some(SessionRedisPool::from(redis_pool::RedisPool::from(client)))).await
            }
            Storage::Postgres => {
                let pool = PgPool::connect(&store_address()).await.expect("a PostgreSQL");
                with(Some(SessionPgPool::from(pool))).await
            }
            Storage::Sqlite => {
                let address = format!("sqlite://{}?mode=rwc", store_address());
                with(Some(SessionSqlitePool::from(SqlitePool::connect(&address).await.expect("a file")))).await
            }
            Storage::EmptyLayer | Storage::Signed | Storage::Encrypted => return None,
        })
    }
}

async fn with<P: DatabasePool + Clone + Debug + Sync + Send + 'static>(pool: Option<P>) -> Router {
    let store = SessionStore::<P>::new(pool, SessionConfig::default()).await.expect("a store");
    pages::<P>().layer(SessionLayer::new(store))
}

fn pages<P: DatabasePool + Clone + Debug + Sync + Send + 'static>() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route(
            "/fill/{contents}",
            get(async |session: Session<P>, Path(contents): Path<String>| {
                for (key, value) in Contents::named(&contents).entries() {
                    session.set(&key, value);
                }
                session.set("count", 1);
            }),
        )
        .route(
            "/new",
            get(async |session: Session<P>| {
                session.set("count", 1);
                "new"
            }),
        )
        .route(
            "/read",
            get(async |session: Session<P>| if session.get::<u64>("count").is_some() { "known" } else { "unknown" }),
        )
        .route(
            "/write",
            get(async |session: Session<P>| {
                let count = session.get::<u64>("count").unwrap_or_default();
                session.set("count", count + 1);
                "written"
            }),
        )
        // It has no flash messages: these are handlers that its users would write.
        .route(
            "/flash",
            get(async |session: Session<P>| {
                let mut messages: Vec<String> = session.get("_flash").unwrap_or_default();
                messages.push("Saved".to_owned());
                session.set("_flash", messages);
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session<P>| {
                let messages: Vec<String> = session.get_remove("_flash").unwrap_or_default();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
        // It has no CSRF check either.
        .route(
            "/token",
            get(async |session: Session<P>| {
                let token = token();
                session.set("_csrf", &token);
                token
            }),
        )
        .route("/post", post(async |session: Session<P>, headers: HeaderMap| check(session.get("_csrf"), &headers)))
        .route(
            "/slow-count",
            get(async |session: Session<P>| {
                let count = session.get::<u64>("count").unwrap_or_default();
                slow_work().await;
                session.set("count", count + 1);
                "counted"
            }),
        )
        .route(
            "/slow-key/{key}",
            get(async |session: Session<P>, Path(key): Path<String>| {
                session.get::<u64>("count");
                slow_work().await;
                session.set(&key, true);
                "set"
            }),
        )
        .route("/count", get(async |session: Session<P>| session.get::<u64>("count").unwrap_or_default().to_string()))
        .route(
            "/has/{key}",
            get(async |session: Session<P>, Path(key): Path<String>| session.get::<bool>(&key).is_some().to_string()),
        )
        .route(
            "/login",
            get(async |session: Session<P>| {
                session.renew();
                session.set("user", true);
                "welcome"
            }),
        )
        .route(
            "/logout",
            get(async |session: Session<P>| {
                session.destroy();
                "good bye"
            }),
        )
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
