//! What a request costs in process: time and allocations, beside the same application without sessions.
//!
//!     cargo run --release --manifest-path bench/Cargo.toml
//!
//! With the name of a row and a number it runs that row so often and nothing else, to be counted by callgrind.
//! Rows are measured in turns, several rounds, and the fastest of each counts: whatever else the machine does only adds.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use axum::routing::get;
use cloakroom::{
    CookieConfig, CookieSessions, CookieSessionsBuilder, CsrfLayer, CsrfRules, Key, Lifetimes, Session, SessionLayer,
};
use tokio::runtime::Runtime;
use tower::{Service as _, ServiceExt};

const ROUNDS: usize = 30;
const BATCH: u32 = 2_000;

struct Row {
    name: &'static str,
    app: Router,
    path: &'static str,
    cookie: Option<HeaderValue>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut rows = runtime.block_on(rows());
    let mut arguments = std::env::args().skip(1);
    if let Some(name) = arguments.next() {
        let count = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
        let row = rows.iter_mut().find(|row| row.name == name).expect("a row of this name");
        runtime.block_on(row.run(count));
        return;
    }
    let mut fastest = vec![Duration::MAX; rows.len()];
    for _ in 0..ROUNDS {
        for (row, fastest) in rows.iter_mut().zip(&mut fastest) {
            let start = Instant::now();
            runtime.block_on(row.run(BATCH));
            *fastest = (*fastest).min(start.elapsed() / BATCH);
        }
    }
    println!("| request | ns | over none | allocations | over none |\n|---|---|---|---|---|");
    let (base_time, base_allocations) = (fastest[0], rows[0].allocations(&runtime));
    for (row, time) in rows.iter_mut().zip(fastest) {
        let allocations = row.allocations(&runtime);
        let (over, more) = (time.saturating_sub(base_time), allocations - base_allocations);
        println!("| {} | {} | {} | {allocations} | {more} |", row.name, time.as_nanos(), over.as_nanos());
    }
}

impl Row {
    async fn run(&mut self, count: u32) {
        for _ in 0..count {
            std::hint::black_box(self.once().await);
        }
    }

    async fn once(&mut self) -> axum::response::Response {
        let mut request = Request::get(self.path).body(Body::empty()).expect("a valid request");
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.clone());
        }
        ServiceExt::<Request<Body>>::ready(&mut self.app)
            .await
            .expect("always ready")
            .call(request)
            .await
            .expect("infallible")
    }

    fn allocations(&mut self, runtime: &Runtime) -> u64 {
        runtime.block_on(self.run(1));
        allocation_counter::measure(|| runtime.block_on(self.run(100))).count_total / 100
    }
}

async fn rows() -> Vec<Row> {
    let key = || Key::new(b"a secret for benchmarks, of 32 bytes or more").expect("long enough");
    let mut rows = vec![Row { name: "none", app: pages(), path: "/untouched", cookie: None }];
    for (kind, builder) in [("signed", CookieSessions::signed(key())), ("encrypted", CookieSessions::encrypted(key()))]
    {
        let app = pages().layer(SessionLayer::new(build(builder)));
        let cookie = visit(&app).await;
        let csrf = pages().layer(CsrfLayer::new(CsrfRules::default()));
        let both = csrf.layer(SessionLayer::new(build(CookieSessions::signed(key()))));
        let named = |name: &str| -> &'static str { format!("{kind}-{name}").leak() };
        rows.extend([
            Row { name: named("untouched"), app: app.clone(), path: "/untouched", cookie: None },
            Row { name: named("untouched-cookie"), app: app.clone(), path: "/untouched", cookie: Some(cookie.clone()) },
            Row { name: named("untouched-csrf"), app: both, path: "/untouched", cookie: Some(cookie.clone()) },
            Row { name: named("read"), app: app.clone(), path: "/read", cookie: Some(cookie.clone()) },
            Row { name: named("write"), app, path: "/write", cookie: Some(cookie) },
        ]);
    }
    rows
}

fn build(builder: CookieSessionsBuilder) -> CookieSessions {
    // Reads must not touch while they are measured.
    let lifetimes = Lifetimes::default().touch_after(None);
    let cookie = CookieConfig::default();
    builder.lifetimes(lifetimes).cookie(cookie).build().expect("valid options")
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route(
            "/fill",
            get(async |session: Session| {
                // About 200 bytes in eight keys.
                for key in ["user", "name", "theme", "language", "visits", "cart", "address", "seen"] {
                    session.insert(key, "about twenty bytes")?;
                }
                session.insert("count", 1)
            }),
        )
        .route(
            "/read",
            get(async |session: Session| {
                session.get::<u64>("count").map(|count| if count.is_some() { "known" } else { "unknown" })
            }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                session.insert("count", count + 1)?;
                Ok::<_, cloakroom::Error>("written")
            }),
        )
}

async fn visit(app: &Router) -> HeaderValue {
    let request = Request::get("/fill").body(Body::empty()).expect("a valid request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    let cookie = response.headers()[header::SET_COOKIE].to_str().expect("ASCII");
    let pair = cookie.split(';').next().unwrap_or_default();
    HeaderValue::from_str(pair).expect("ASCII")
}
