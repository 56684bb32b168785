//! poem with its own sessions.

use bench_harness::{Ask, Contender, Contents, Keep};
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, header};
use poem::session::{CookieConfig, CookieSession, MemoryStorage, ServerSession, Session};
use poem::web::cookie::CookieKey;
use poem::{Endpoint as _, EndpointExt as _, Request, Response, Route, get, handler};

pub struct Peer;

impl Contender for Peer {
    type App = BoxEndpoint<'static>;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Self::App> {
        let key = || CookieKey::from(&[b'k'; 64]);
        Some(match keep {
            Keep::Nothing => pages().boxed(),
            Keep::Memory => pages().with(ServerSession::new(CookieConfig::signed(key()), MemoryStorage::new())).boxed(),
            Keep::Signed => pages().with(CookieSession::new(CookieConfig::signed(key()))).boxed(),
            Keep::Encrypted => pages().with(CookieSession::new(CookieConfig::private(key()))).boxed(),
            Keep::EmptyLayer => return None,
        })
    }

    async fn call(app: &Self::App, ask: &Ask<'_>) -> Response {
        let mut request = Request::builder().uri(ask.path.parse().expect("a path")).finish();
        if let Some(cookie) = ask.cookie {
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        }
        app.get_response(request).await
    }

    fn read(response: Response) -> (u16, Vec<String>) {
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let lines = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
        (response.status().as_u16(), lines)
    }
}

fn fill(session: &Session, contents: Contents) -> &'static str {
    for (key, value) in contents.entries() {
        session.set(&key, value);
    }
    session.set("count", 1);
    "filled"
}

#[handler]
async fn untouched() -> &'static str {
    "hello"
}

#[handler]
async fn fill_small(session: &Session) -> &'static str {
    fill(session, Contents::Small)
}

#[handler]
async fn fill_large(session: &Session) -> &'static str {
    fill(session, Contents::Large)
}

#[handler]
async fn fill_many(session: &Session) -> &'static str {
    fill(session, Contents::Many)
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

// It has no flash messages: this is what its users write.
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

fn pages() -> Route {
    Route::new()
        .at("/untouched", get(untouched))
        .at("/fill/small", get(fill_small))
        .at("/fill/large", get(fill_large))
        .at("/fill/many", get(fill_many))
        .at("/new", get(new))
        .at("/read", get(read))
        .at("/write", get(write))
        .at("/flash", get(flash))
        .at("/pop", get(pop))
}
