//! Cloakroom on salvo.

use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work};
use cloakroom::for_salvo::{CsrfHoop, SessionHoop};
use cloakroom::{Error, Session};
use salvo::prelude::*;

pub struct Peer;

impl Contender for Peer {
    type App = Service;
    type Response = Response;

    async fn app(storage: Storage) -> Option<Service> {
        router(storage).await.map(Service::new)
    }

    async fn call(app: &Service, ask: &Ask<'_>) -> Response {
        bench_on_salvo::call(app, ask).await
    }

    async fn read(response: Response) -> Answer {
        bench_on_salvo::read(response).await
    }

    async fn serve(storage: Storage, listener: std::net::TcpListener) -> bool {
        let Some(router) = router(storage).await else { return false };
        bench_on_salvo::serve(router, listener).await
    }
}

async fn router(storage: Storage) -> Option<Router> {
    match bench_sessions::engine(storage).await {
        Some(engine) => Some(checked(pages()).hoop(SessionHoop::from_engine(engine))),
        None if storage == Storage::EmptyLayer => None,
        None => Some(pages()),
    }
}

#[handler]
async fn untouched() -> &'static str {
    "hello"
}

#[handler]
async fn fill(session: Session, request: &mut Request) -> Result<&'static str, Error> {
    let contents = request.param::<String>("contents").expect("a name");
    session.extend(Contents::named(&contents).entries())?;
    session.insert("count", 1)?;
    Ok("filled")
}

#[handler]
async fn new(session: Session) -> Result<&'static str, Error> {
    session.insert("count", 1)?;
    Ok("new")
}

#[handler]
async fn read(session: Session) -> Result<&'static str, Error> {
    Ok(if session.get::<u64>("count")?.is_some() { "known" } else { "unknown" })
}

#[handler]
async fn write(session: Session) -> Result<&'static str, Error> {
    let count = session.get::<u64>("count")?.unwrap_or_default();
    session.insert("count", count + 1)?;
    Ok("written")
}

#[handler]
async fn flash(session: Session) -> &'static str {
    session.flash("Saved");
    "flashed"
}

#[handler]
async fn pop(session: Session) -> &'static str {
    let messages: Vec<String> = session.pop_flash();
    assert_eq!(messages, ["Saved"]);
    "popped"
}

#[handler]
async fn show_token(session: Session) -> Result<String, Error> {
    Ok(session.csrf_token()?.expose().to_owned())
}

#[handler]
async fn posted() -> &'static str {
    "posted"
}

#[handler]
async fn slow_count(session: Session) -> Result<&'static str, Error> {
    session.get::<u64>("count")?;
    slow_work().await;
    session.update("count", |count: &mut u64| *count += 1)?;
    Ok("counted")
}

#[handler]
async fn slow_key(session: Session, request: &mut Request) -> Result<&'static str, Error> {
    let key = request.param::<String>("key").expect("a key");
    session.get::<u64>("count")?;
    slow_work().await;
    session.insert(key.as_str(), true)?;
    Ok("set")
}

#[handler]
async fn show_count(session: Session) -> Result<String, Error> {
    Ok(session.get::<u64>("count")?.unwrap_or_default().to_string())
}

#[handler]
async fn has(session: Session, request: &mut Request) -> String {
    let key = request.param::<String>("key").expect("a key");
    session.contains_key(key.as_str()).to_string()
}

#[handler]
async fn login(session: Session) -> Result<&'static str, Error> {
    session.cycle_id();
    session.insert("user", true)?;
    Ok("welcome")
}

#[handler]
async fn logout(session: Session) -> &'static str {
    session.invalidate();
    "good bye"
}

fn pages() -> Router {
    Router::new()
        .push(Router::with_path("untouched").get(untouched))
        .push(Router::with_path("fill/{contents}").get(fill))
        .push(Router::with_path("new").get(new))
        .push(Router::with_path("read").get(read))
        .push(Router::with_path("write").get(write))
        .push(Router::with_path("flash").get(flash))
        .push(Router::with_path("pop").get(pop))
        .push(Router::with_path("slow-count").get(slow_count))
        .push(Router::with_path("slow-key/{key}").get(slow_key))
        .push(Router::with_path("count").get(show_count))
        .push(Router::with_path("has/{key}").get(has))
        .push(Router::with_path("login").get(login))
        .push(Router::with_path("logout").get(logout))
}

/// Only the routes that need the CSRF check have it, as in the other contenders.
fn checked(pages: Router) -> Router {
    let csrf = CsrfHoop::new(bench_sessions::rules());
    pages
        .push(Router::with_path("token").hoop(csrf.clone()).get(show_token))
        .push(Router::with_path("post").hoop(csrf).post(posted))
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
