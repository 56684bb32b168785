//! The routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{get, post};
use axum::{Json, Router};
use cloakroom::{CsrfLayer, CsrfRules, Session, SessionLayer, StoredSessions};
use serde_json::{Value, json};

use crate::backend::{self, Backend};
use crate::clock::{self, RequestClock};
use crate::counting::{CountingCookies, CountingStore, Counts};
use crate::operations;
use crate::options::{Adapter, Options};

pub(crate) async fn app(options: &Options) -> anyhow::Result<Router> {
    let Adapter::Axum = options.adapter;
    let counts = Counts::default();
    let (sessions, stored) = match backend::connect(options, &counts).await? {
        Backend::Cookies(inner) => (SessionLayer::new(CountingCookies { inner, counts: counts.clone() }), None),
        Backend::Foreign(engine) => (SessionLayer::from_engine(engine), None),
        Backend::Store(factory) => {
            let factory = Arc::new(factory);
            (SessionLayer::new(Arc::clone(&factory)), Some(factory))
        }
    };
    let sessions = sessions.commit_policy(options.commit_policy()).clock(RequestClock);
    let csrf = CsrfLayer::new(CsrfRules::default().danger_own_scheme_http());
    Ok(Router::new()
        .route("/form", post(async || "ok"))
        .route_layer(csrf)
        .route("/ops", post(ops))
        .route("/untouched", get(async || "untouched"))
        .route("/stats", get(stats))
        .with_state((counts, stored))
        .layer(sessions)
        .layer(from_fn(clock::set)))
}

type Counted = (Counts, Option<Arc<StoredSessions<CountingStore>>>);

async fn stats(State((counts, stored)): State<Counted>) -> Json<Value> {
    let stats = stored.map(|factory| factory.stats()).unwrap_or_default();
    Json(counts.report(stats.replayed, stats.dropped))
}

/// Runs a list of operations in order. `X-Probe-Status` is the status to answer with.
async fn ops(headers: HeaderMap, session: Session, body: String) -> (StatusCode, Json<Value>) {
    let status = headers.get("x-probe-status").and_then(|value| StatusCode::from_bytes(value.as_bytes()).ok());
    // Whatever the content type says: this is for tests, which mustn't stumble over a header.
    let Ok(list) = serde_json::from_str::<Vec<Value>>(&body) else {
        let message = "the body isn't a JSON list of operations";
        return (StatusCode::BAD_REQUEST, Json(json!({"err": {"kind": "bad-request", "message": message}})));
    };
    let mut results = Vec::with_capacity(list.len());
    for operation in &list {
        results.push(match operations::run(&session, operation).await {
            Ok(value) => json!({"ok": value}),
            Err(failure) => json!({"err": {"kind": failure.kind, "message": failure.message}}),
        });
    }
    (status.unwrap_or(StatusCode::OK), Json(json!({"results": results})))
}
