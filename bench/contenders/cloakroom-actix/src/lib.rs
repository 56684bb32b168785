//! Cloakroom on actix-web.

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::ServiceResponse;
use actix_web::test::init_service;
use actix_web::web::{Path, ServiceConfig, get, post, resource};
use actix_web::{App, HttpServer};
use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work};
use bench_on_actix::{Application, boxed};
use cloakroom::for_actix::{CsrfMiddleware, SessionMiddleware};
use cloakroom::{Error, Session};

pub struct Peer;

/// A response, with sessions or without. The middleware may replace the body of a handler.
pub enum Answered {
    With(ServiceResponse<EitherBody<BoxBody>>),
    Without(ServiceResponse<BoxBody>),
}

impl Contender for Peer {
    type App = Application<Answered>;
    type Response = Answered;

    async fn app(storage: Storage) -> Option<Self::App> {
        Some(match bench_sessions::engine(storage).await {
            Some(engine) => {
                let sessions = SessionMiddleware::from_engine(engine);
                let app = App::new().configure(pages).configure(checked()).wrap(sessions);
                boxed(init_service(app).await, Answered::With)
            }
            None if storage == Storage::EmptyLayer => return None,
            None => boxed(init_service(App::new().configure(pages)).await, Answered::Without),
        })
    }

    async fn call(app: &Self::App, ask: &Ask<'_>) -> Self::Response {
        bench_on_actix::call(app, ask).await
    }

    async fn read(response: Self::Response) -> Answer {
        match response {
            Answered::With(response) => bench_on_actix::read(response).await,
            Answered::Without(response) => bench_on_actix::read(response).await,
        }
    }

    async fn serve(storage: Storage, listener: std::net::TcpListener) -> bool {
        let served = match bench_sessions::engine(storage).await {
            Some(engine) => {
                let sessions = SessionMiddleware::from_engine(engine);
                let checked = checked();
                let app = move || App::new().configure(pages).configure(checked.clone()).wrap(sessions.clone());
                HttpServer::new(app).workers(1).listen(listener).expect("a port").run().await
            }
            None if storage == Storage::EmptyLayer => return false,
            None => {
                let app = || App::new().configure(pages);
                HttpServer::new(app).workers(1).listen(listener).expect("a port").run().await
            }
        };
        served.is_ok()
    }
}

/// Only the routes that need the CSRF check have it, as in the other contenders.
fn checked() -> impl Fn(&mut ServiceConfig) + Clone {
    let csrf = CsrfMiddleware::new(bench_sessions::rules());
    move |config| {
        let token = async |session: Session| session.csrf_token().map(|token| token.expose().to_owned());
        config
            .service(resource("/token").route(get().to(token)).wrap(csrf.clone()))
            .service(resource("/post").route(post().to(async || "posted")).wrap(csrf.clone()));
    }
}

fn pages(config: &mut ServiceConfig) {
    config
        .route("/untouched", get().to(async || "hello"))
        .route(
            "/fill/{contents}",
            get().to(async |session: Session, contents: Path<String>| {
                session.extend(Contents::named(&contents).entries())?;
                session.insert("count", 1).map(|()| "filled")
            }),
        )
        .route("/new", get().to(async |session: Session| session.insert("count", 1).map(|()| "new")))
        .route(
            "/read",
            get().to(async |session: Session| {
                session.get::<u64>("count").map(|count| if count.is_some() { "known" } else { "unknown" })
            }),
        )
        .route(
            "/write",
            get().to(async |session: Session| {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                session.insert("count", count + 1)?;
                Ok::<_, Error>("written")
            }),
        )
        .route(
            "/flash",
            get().to(async |session: Session| {
                session.flash("Saved");
                "flashed"
            }),
        )
        .route(
            "/pop",
            get().to(async |session: Session| {
                let messages: Vec<String> = session.pop_flash();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
        .route(
            "/slow-count",
            get().to(async |session: Session| {
                session.get::<u64>("count")?;
                slow_work().await;
                session.update("count", |count: &mut u64| *count += 1)?;
                Ok::<_, Error>("counted")
            }),
        )
        .route(
            "/slow-key/{key}",
            get().to(async |session: Session, key: Path<String>| {
                session.get::<u64>("count")?;
                slow_work().await;
                session.insert(key.as_str(), true).map(|()| "set")
            }),
        )
        .route(
            "/count",
            get().to(async |session: Session| session.get::<u64>("count").map(|it| it.unwrap_or_default().to_string())),
        )
        .route(
            "/has/{key}",
            get().to(async |session: Session, key: Path<String>| session.contains_key(key.as_str()).to_string()),
        )
        .route(
            "/login",
            get().to(async |session: Session| {
                session.cycle_id();
                session.insert("user", true).map(|()| "welcome")
            }),
        )
        .route(
            "/logout",
            get().to(async |session: Session| {
                session.invalidate();
                "good bye"
            }),
        );
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
