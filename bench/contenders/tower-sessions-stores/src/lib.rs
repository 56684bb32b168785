//! tower-sessions on axum, with its stores: the cookie store of tower-sessions-cookie-store, tower-sessions-redis-store and
//! tower-sessions-sqlx-store.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use bench_harness::{Answer, Ask, Contender, Contents, Keep, slow_work, store_address};
use bench_on_axum::{check, token};
use tower_sessions::{Session, SessionManagerLayer};
use tower_sessions_cookie_store::{CookieSessionManagerLayer, Key};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx::{PgPool, SqlitePool};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

pub struct Peer;

impl Contender for Peer {
    type App = Router;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Router> {
        Some(match keep {
            Keep::Nothing => pages(),
            Keep::Signed => pages().layer(CookieSessionManagerLayer::signed(key())),
            Keep::Encrypted => pages().layer(CookieSessionManagerLayer::private(key())),
            Keep::Redis => {
                let config = Config::from_url(&store_address()).expect("an address");
                let pool = Pool::new(config, None, None, None, 6).expect("valid options");
                pool.init().await.expect("a Redis");
                pages().layer(SessionManagerLayer::new(RedisStore::new(pool)))
            }
            Keep::Postgres => {
                let store = PostgresStore::new(PgPool::connect(&store_address()).await.expect("a PostgreSQL"));
                store.migrate().await.expect("a schema");
                pages().layer(SessionManagerLayer::new(store))
            }
            Keep::Sqlite => {
                let address = format!("sqlite://{}?mode=rwc", store_address());
                let store = SqliteStore::new(SqlitePool::connect(&address).await.expect("a file"));
                store.migrate().await.expect("a schema");
                pages().layer(SessionManagerLayer::new(store))
            }
            Keep::EmptyLayer | Keep::Memory => return None,
        })
    }

    async fn call(app: &Router, ask: &Ask<'_>) -> Response {
        bench_on_axum::call(app, ask).await
    }

    async fn read(response: Response) -> Answer {
        bench_on_axum::read(response).await
    }

    async fn serve(keep: Keep, listener: std::net::TcpListener) -> bool {
        bench_on_axum::serve(Self::app(keep).await, listener).await
    }
}

const ANSWERS: &str = "a store that answers";

fn key() -> Key {
    Key::from(&[b'k'; 64])
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route(
            "/fill/{contents}",
            get(async |session: Session, Path(contents): Path<String>| {
                for (key, value) in Contents::named(&contents).entries() {
                    session.insert(&key, value).await.expect(ANSWERS);
                }
                session.insert("count", 1).await.expect(ANSWERS);
            }),
        )
        .route(
            "/new",
            get(async |session: Session| {
                session.insert("count", 1).await.expect(ANSWERS);
                "new"
            }),
        )
        .route(
            "/read",
            get(async |session: Session| {
                let count = session.get::<u64>("count").await.expect(ANSWERS);
                if count.is_some() { "known" } else { "unknown" }
            }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count: u64 = session.get("count").await.expect(ANSWERS).unwrap_or_default();
                session.insert("count", count + 1).await.expect(ANSWERS);
                "written"
            }),
        )
        // It has no flash messages: this is what its users write.
        .route(
            "/flash",
            get(async |session: Session| {
                let mut messages: Vec<String> = session.get("_flash").await.expect(ANSWERS).unwrap_or_default();
                messages.push("Saved".to_owned());
                session.insert("_flash", messages).await.expect(ANSWERS);
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session| {
                let messages: Vec<String> = session.remove("_flash").await.expect(ANSWERS).unwrap_or_default();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
        // Nor a CSRF check.
        .route(
            "/token",
            get(async |session: Session| {
                let token = token();
                session.insert("_csrf", &token).await.expect(ANSWERS);
                token
            }),
        )
        .route(
            "/post",
            post(async |session: Session, headers: HeaderMap| {
                let token: Option<String> = session.get("_csrf").await.expect(ANSWERS);
                check(token, &headers)
            }),
        )
        .route(
            "/slow-count",
            get(async |session: Session| {
                let count: u64 = session.get("count").await.expect(ANSWERS).unwrap_or_default();
                slow_work().await;
                session.insert("count", count + 1).await.expect(ANSWERS);
                "counted"
            }),
        )
        .route(
            "/slow-key/{key}",
            get(async |session: Session, Path(key): Path<String>| {
                session.get::<u64>("count").await.expect(ANSWERS);
                slow_work().await;
                session.insert(&key, true).await.expect(ANSWERS);
                "set"
            }),
        )
        .route(
            "/count",
            get(async |session: Session| {
                session.get::<u64>("count").await.expect(ANSWERS).unwrap_or_default().to_string()
            }),
        )
        .route(
            "/has/{key}",
            get(async |session: Session, Path(key): Path<String>| {
                session.get::<bool>(&key).await.expect(ANSWERS).is_some().to_string()
            }),
        )
        .route(
            "/login",
            get(async |session: Session| {
                session.cycle_id().await.expect(ANSWERS);
                session.insert("user", "fred").await.expect(ANSWERS);
                "welcome"
            }),
        )
        .route(
            "/logout",
            get(async |session: Session| {
                session.flush().await.expect(ANSWERS);
                "good bye"
            }),
        )
}
