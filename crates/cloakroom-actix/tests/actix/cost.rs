//! The cost of a request that doesn't use its session, compared with the same application without
//! the middleware.
//!
//! Allocations are asserted; times are printed, for
//! `cargo test --release -p cloakroom-actix cost -- --nocapture`.

use std::time::{Duration, Instant};

use actix_web::dev::{Service, ServiceResponse};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, web};
use cloakroom_actix::CsrfMiddleware;

use crate::browser::{always, session_middleware};

const ROUNDS: usize = 20;
const BATCH: u32 = 500;

/// The slot, its entry in the request's extensions, and the slot of the CSRF check.
const MOST_ALLOCATIONS: [u64; 3] = [0, 2, 5];

macro_rules! app {
    ($system:expr $(, $middleware:expr)*) => {
        $system.block_on(init_service(App::new().route("/", web::get().to(async || "hello"))$(.wrap($middleware))*))
    };
}

async fn run<S, B>(app: &S, count: u32)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    for _ in 0..count {
        let request = TestRequest::get().uri("/").insert_header(("cookie", "theme=dark; session=x")).to_request();
        std::hint::black_box(app.call(request).await.unwrap());
    }
}

/// Returns the allocations of a request, and the time of the fastest round.
fn measure<S, B>(system: &SystemRunner, app: &S) -> (u64, Duration)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    system.block_on(run(app, 10));
    let allocations = allocation_counter::measure(|| system.block_on(run(app, 100))).count_total / 100;
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = now();
        system.block_on(run(app, BATCH));
        fastest = fastest.min(start.elapsed() / BATCH);
    }
    (allocations, fastest)
}

#[expect(clippy::disallowed_methods, reason = "measures how long something takes")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_request_without_a_session_costs_few_allocations() {
    let csrf = CsrfMiddleware::new(always());
    let system = System::new();
    let measured = [
        measure(&system, &app!(system)),
        measure(&system, &app!(system, session_middleware())),
        measure(&system, &app!(system, csrf, session_middleware())),
    ];
    let (base, base_time) = measured[0];
    for (((allocations, time), most), name) in
        measured.into_iter().zip(MOST_ALLOCATIONS).zip(["none", "sessions", "sessions and CSRF"])
    {
        let (more, over) = (allocations - base, time.saturating_sub(base_time));
        println!("{name}: {allocations} allocations, {time:?}; {more} and {over:?} over none");
        assert!(more <= most, "{name}: {more} allocations");
    }
}
