//! salvo with its own sessions. Its cookie always holds a signed value: the whole session, or an id.

use bench_harness::{Ask, Contender, Contents, Keep};
use salvo::http::header;
use salvo::http::{HeaderValue, ReqBody, uri::Scheme};
use salvo::hyper::Request as HyperRequest;
use salvo::prelude::*;
use salvo::session::{CookieStore, MemoryStore, Session, SessionHandler};

pub struct Peer;

const SECRET: &[u8; 64] = b"a secret for benchmarks, which for this library has 64 bytes....";

impl Contender for Peer {
    type App = Service;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Service> {
        // A session that nothing was stored in, or changed in, is written only when asked for.
        let router = match keep {
            Keep::Nothing => pages(),
            Keep::Memory => pages().hoop(
                SessionHandler::builder(MemoryStore::new(), SECRET)
                    .save_unchanged(false)
                    .build()
                    .expect("valid options"),
            ),
            Keep::Signed => pages().hoop(
                SessionHandler::builder(CookieStore::new(), SECRET)
                    .save_unchanged(false)
                    .build()
                    .expect("valid options"),
            ),
            Keep::EmptyLayer | Keep::Encrypted => return None,
        };
        Some(Service::new(router))
    }

    async fn call(app: &Service, ask: &Ask<'_>) -> Response {
        let mut request = HyperRequest::get(ask.path).body(ReqBody::None).expect("a valid request");
        if let Some(cookie) = ask.cookie {
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        }
        app.handle(Request::from_hyper(request, Scheme::HTTP)).await
    }

    fn read(response: Response) -> (u16, Vec<String>) {
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let lines = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
        (response.status_code.unwrap_or(StatusCode::OK).as_u16(), lines)
    }
}

fn fill(depot: &mut Depot, contents: Contents) -> &'static str {
    let mut session = Session::new();
    for (key, value) in contents.entries() {
        session.insert(&key, value).expect("a string");
    }
    session.insert("count", 1).expect("a number");
    depot.set_session(session);
    "filled"
}

#[handler]
async fn untouched() -> &'static str {
    "hello"
}

#[handler]
async fn fill_small(depot: &mut Depot) -> &'static str {
    fill(depot, Contents::Small)
}

#[handler]
async fn fill_large(depot: &mut Depot) -> &'static str {
    fill(depot, Contents::Large)
}

#[handler]
async fn fill_many(depot: &mut Depot) -> &'static str {
    fill(depot, Contents::Many)
}

#[handler]
async fn new(depot: &mut Depot) -> &'static str {
    let mut session = Session::new();
    session.insert("count", 1).expect("a number");
    depot.set_session(session);
    "new"
}

#[handler]
async fn read(depot: &mut Depot) -> &'static str {
    if depot.session().and_then(|session| session.get::<u64>("count")).is_some() { "known" } else { "unknown" }
}

#[handler]
async fn write(depot: &mut Depot) -> &'static str {
    let session = depot.session_mut().expect("a session");
    let count = session.get::<u64>("count").unwrap_or_default();
    session.insert("count", count + 1).expect("a number");
    "written"
}

#[handler]
async fn flash(depot: &mut Depot) -> &'static str {
    let session = depot.session_mut().expect("a session");
    let mut messages = session.get::<Vec<String>>("_flash").unwrap_or_default();
    messages.push("Saved".to_owned());
    session.insert("_flash", messages).expect("a list");
    "flashed"
}

#[handler]
async fn pop(depot: &mut Depot) -> &'static str {
    let session = depot.session_mut().expect("a session");
    let messages = session.get::<Vec<String>>("_flash").unwrap_or_default();
    session.remove("_flash");
    assert_eq!(messages, ["Saved"]);
    "popped"
}

fn pages() -> Router {
    Router::new()
        .push(Router::with_path("untouched").get(untouched))
        .push(Router::with_path("fill/small").get(fill_small))
        .push(Router::with_path("fill/large").get(fill_large))
        .push(Router::with_path("fill/many").get(fill_many))
        .push(Router::with_path("new").get(new))
        .push(Router::with_path("read").get(read))
        .push(Router::with_path("write").get(write))
        .push(Router::with_path("flash").get(flash))
        .push(Router::with_path("pop").get(pop))
}
