//! Cloakroom on poem.

use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work};
use cloakroom::for_poem::{CsrfMiddleware, SessionMiddleware};
use cloakroom::{Error, Session};
use poem::endpoint::BoxEndpoint;
use poem::web::Path;
use poem::{EndpointExt as _, Response, Route, get, handler, post};

pub struct Peer;

impl Contender for Peer {
    type App = BoxEndpoint<'static>;
    type Response = Response;

    async fn app(storage: Storage) -> Option<Self::App> {
        Some(match bench_sessions::engine(storage).await {
            Some(engine) => checked(pages()).with(SessionMiddleware::from_engine(engine)).boxed(),
            None if storage == Storage::EmptyLayer => return None,
            None => pages().boxed(),
        })
    }

    async fn call(app: &Self::App, ask: &Ask<'_>) -> Response {
        bench_on_poem::call(app, ask).await
    }

    async fn read(response: Response) -> Answer {
        bench_on_poem::read(response).await
    }

    async fn serve(storage: Storage, listener: std::net::TcpListener) -> bool {
        let Some(app) = Self::app(storage).await else { return false };
        bench_on_poem::serve(app, listener).await
    }
}

#[handler]
async fn untouched() -> &'static str {
    "hello"
}

#[handler]
async fn fill(session: Session, Path(contents): Path<String>) -> Result<&'static str, Error> {
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
async fn slow_key(session: Session, Path(key): Path<String>) -> Result<&'static str, Error> {
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
async fn has(session: Session, Path(key): Path<String>) -> String {
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

fn pages() -> Route {
    Route::new()
        .at("/untouched", get(untouched))
        .at("/fill/:contents", get(fill))
        .at("/new", get(new))
        .at("/read", get(read))
        .at("/write", get(write))
        .at("/flash", get(flash))
        .at("/pop", get(pop))
        .at("/slow-count", get(slow_count))
        .at("/slow-key/:key", get(slow_key))
        .at("/count", get(show_count))
        .at("/has/:key", get(has))
        .at("/login", get(login))
        .at("/logout", get(logout))
}

/// Only the routes that need the CSRF check have it, as in the other contenders.
fn checked(pages: Route) -> Route {
    let csrf = CsrfMiddleware::new(bench_sessions::rules());
    pages.at("/token", get(show_token).with(csrf.clone())).at("/post", post(posted).with(csrf))
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
