//! The raw throughput of a store: an axum application that reads 200 bytes under a key and writes
//! them back. It uses the same database clients as Cloakroom's stores, without sessions.

mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use bench_harness::{Contents, Storage, store_address};
use bench_on_axum::{Application, OnAxum, token};

use store::{Postgres, Redis, Sqlite, Store};

struct RawStore;

impl Application for RawStore {
    async fn router(storage: Storage) -> Option<Router> {
        let address = store_address();
        Some(match storage {
            Storage::Redis | Storage::Valkey => pages(Redis::connect(&address).await),
            Storage::Postgres => pages(Postgres::connect(&address).await),
            Storage::Sqlite => pages(Sqlite::open(&address)),
            Storage::Nothing | Storage::EmptyLayer | Storage::Memory | Storage::Signed | Storage::Encrypted => {
                return None;
            }
        })
    }
}

fn pages<S: Store>(store: S) -> Router {
    let value: String = Contents::Small.entries().into_iter().flat_map(|(key, value)| [key, value]).collect();
    Router::new()
        .route(
            Contents::Small.path(),
            get(async move |State(store): State<Arc<S>>| {
                let key = token();
                store.set(&key, &value).await;
                [(header::SET_COOKIE, format!("key={key}"))]
            }),
        )
        .route(
            "/write",
            get(async |State(store): State<Arc<S>>, headers: HeaderMap| {
                let key = headers.get(header::COOKIE).and_then(|it| it.to_str().ok()?.strip_prefix("key="));
                let Some(key) = key else { return (StatusCode::BAD_REQUEST, "unknown") };
                let value = store.get(key).await;
                store.set(key, &value).await;
                (StatusCode::OK, "written")
            }),
        )
        .with_state(Arc::new(store))
}

fn main() {
    bench_harness::main::<OnAxum<RawStore>>();
}
