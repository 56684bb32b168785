//! poem with its own sessions and its own CSRF check, which uses a separate cookie.

use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work, store_address};
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderMap, StatusCode};
use poem::middleware::Csrf;
use poem::session::{CookieConfig, CookieSession, MemoryStorage, RedisStorage, ServerSession, Session};
use poem::web::cookie::CookieKey;
use poem::web::{CsrfToken, CsrfVerifier, Path};
use poem::{EndpointExt as _, Response, Route, get, handler, post};

pub struct Peer;

impl Contender for Peer {
    type App = BoxEndpoint<'static>;
    type Response = Response;

    async fn app(storage: Storage) -> Option<Self::App> {
        let key = || CookieKey::from(&[b'k'; 64]);
        Some(match storage {
            Storage::Nothing => pages().boxed(),
            Storage::Memory => {
                pages().with(ServerSession::new(CookieConfig::signed(key()), MemoryStorage::new())).boxed()
            }
            Storage::Signed => pages().with(CookieSession::new(CookieConfig::signed(key()))).boxed(),
            Storage::Encrypted => pages().with(CookieSession::new(CookieConfig::private(key()))).boxed(),
            Storage::Redis | Storage::Valkey => {
                let client = redis::Client::open(store_address()).expect("an address");
                let storage = RedisStorage::new(client.get_connection_manager().await.expect("a Redis"));
                pages().with(ServerSession::new(CookieConfig::signed(key()), storage)).boxed()
            }
            Storage::EmptyLayer | Storage::Postgres | Storage::Sqlite => return None,
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
async fn fill(session: &Session, Path(contents): Path<String>) -> &'static str {
    for (key, value) in Contents::named(&contents).entries() {
        session.set(&key, value);
    }
    session.set("count", 1);
    "filled"
}

#[handler]
async fn new(session: &Session) -> &'static str {
    session.set("count", 1);
    "new"
}

#[handler]
async fn read(session: &Session) -> &'static str {
    if session.get::<u64>("count").is_some() { "known" } else { "unknown" }
}

#[handler]
async fn write(session: &Session) -> &'static str {
    let count = session.get::<u64>("count").unwrap_or_default();
    session.set("count", count + 1);
    "written"
}

// It has no flash messages: these are handlers that its users would write.
#[handler]
async fn flash(session: &Session) -> &'static str {
    let mut messages: Vec<String> = session.get("_flash").unwrap_or_default();
    messages.push("Saved".to_owned());
    session.set("_flash", messages);
    "flashed"
}

#[handler]
async fn pop(session: &Session) -> &'static str {
    let messages: Vec<String> = session.get("_flash").unwrap_or_default();
    session.remove("_flash");
    assert_eq!(messages, ["Saved"]);
    "popped"
}

#[handler]
async fn show_token(token: &CsrfToken) -> String {
    token.0.clone()
}

#[handler]
async fn posted(verifier: &CsrfVerifier, headers: &HeaderMap) -> (StatusCode, &'static str) {
    let shown = headers.get("x-csrf-token").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if verifier.is_valid(shown) { (StatusCode::OK, "posted") } else { (StatusCode::FORBIDDEN, "refused") }
}

#[handler]
async fn slow_count(session: &Session) -> &'static str {
    let count = session.get::<u64>("count").unwrap_or_default();
    slow_work().await;
    session.set("count", count + 1);
    "counted"
}

#[handler]
async fn slow_key(session: &Session, Path(key): Path<String>) -> &'static str {
    session.get::<u64>("count");
    slow_work().await;
    session.set(&key, true);
    "set"
}

#[handler]
async fn show_count(session: &Session) -> String {
    session.get::<u64>("count").unwrap_or_default().to_string()
}

#[handler]
async fn has(session: &Session, Path(key): Path<String>) -> String {
    session.entries().contains_key(&key).to_string()
}

#[handler]
async fn login(session: &Session) -> &'static str {
    session.renew();
    session.set("user", true);
    "welcome"
}

#[handler]
async fn logout(session: &Session) -> &'static str {
    session.purge();
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
        .at("/token", get(show_token).with(csrf()))
        .at("/post", post(posted).with(csrf()))
        .at("/slow-count", get(slow_count))
        .at("/slow-key/:key", get(slow_key))
        .at("/count", get(show_count))
        .at("/has/:key", get(has))
        .at("/login", get(login))
        .at("/logout", get(logout))
}

fn csrf() -> Csrf {
    Csrf::new().key([b'k'; 32])
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
