//! salvo with its own sessions. Its cookie always holds a signed value: the whole session, or an
//! id.

use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work};
use salvo::prelude::*;
use salvo::session::{CookieStore, MemoryStore, SessionHandler, SessionStore};
use subtle::ConstantTimeEq as _;

pub struct Peer;

const SECRET: &[u8; 64] = b"a secret for benchmarks, which for this library has 64 bytes....";

impl Contender for Peer {
    type App = Service;
    type Response = Response;

    async fn app(storage: Storage) -> Option<Service> {
        router(storage).map(Service::new)
    }

    async fn call(app: &Service, ask: &Ask<'_>) -> Response {
        bench_on_salvo::call(app, ask).await
    }

    async fn read(response: Response) -> Answer {
        bench_on_salvo::read(response).await
    }

    async fn serve(storage: Storage, listener: std::net::TcpListener) -> bool {
        let Some(router) = router(storage) else { return false };
        bench_on_salvo::serve(router, listener).await
    }
}

/// Its database stores are crates of the underlying session library; it has none itself.
fn router(storage: Storage) -> Option<Router> {
    Some(match storage {
        Storage::Nothing => pages(),
        Storage::Memory => pages().hoop(sessions(MemoryStore::new())),
        Storage::Signed => pages().hoop(sessions(CookieStore::new())),
        Storage::EmptyLayer
        | Storage::Encrypted
        | Storage::Redis
        | Storage::Valkey
        | Storage::Postgres
        | Storage::Sqlite => return None,
    })
}

/// It writes sessions without stored or changed values only on request.
fn sessions<S: SessionStore + Send + Sync + 'static>(store: S) -> SessionHandler<S> {
    SessionHandler::builder(store, SECRET).save_unchanged(false).build().expect("valid options")
}

#[handler]
async fn untouched() -> &'static str {
    "hello"
}

#[handler]
async fn fill(request: &mut Request, depot: &mut Depot) -> &'static str {
    let contents = request.param::<String>("contents").expect("a name");
    let session = depot.session_mut().expect("a session");
    for (key, value) in Contents::named(&contents).entries() {
        session.insert(&key, value).expect("a string");
    }
    session.insert("count", 1).expect("a number");
    "filled"
}

#[handler]
async fn new(depot: &mut Depot) -> &'static str {
    depot.session_mut().expect("a session").insert("count", 1).expect("a number");
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

// Its own CSRF check comes with five kinds of cookies: this is a handler that users of its sessions
// would write.
#[handler]
async fn show_token(depot: &mut Depot) -> String {
    let bytes: [u8; 32] = rand::random();
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    depot.session_mut().expect("a session").insert("_csrf", &token).expect("a string");
    token
}

#[handler]
async fn posted(request: &Request, depot: &mut Depot, response: &mut Response) -> &'static str {
    let shown = request.header::<String>("x-csrf-token").unwrap_or_default();
    let token = depot.session().and_then(|session| session.get::<String>("_csrf"));
    if token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(shown.as_bytes()))) {
        return "posted";
    }
    response.status_code(StatusCode::FORBIDDEN);
    "refused"
}

#[handler]
async fn slow_count(depot: &mut Depot) -> &'static str {
    let session = depot.session_mut().expect("a session");
    let count = session.get::<u64>("count").unwrap_or_default();
    slow_work().await;
    session.insert("count", count + 1).expect("a number");
    "counted"
}

#[handler]
async fn slow_key(request: &mut Request, depot: &mut Depot) -> &'static str {
    let key = request.param::<String>("key").expect("a key");
    slow_work().await;
    depot.session_mut().expect("a session").insert(&key, true).expect("a boolean");
    "set"
}

#[handler]
async fn show_count(depot: &mut Depot) -> String {
    depot.session().and_then(|session| session.get::<u64>("count")).unwrap_or_default().to_string()
}

#[handler]
async fn has(request: &mut Request, depot: &mut Depot) -> String {
    let key = request.param::<String>("key").expect("a key");
    depot.session().is_some_and(|session| session.get_raw(&key).is_some()).to_string()
}

#[handler]
async fn login(depot: &mut Depot) -> &'static str {
    let session = depot.session_mut().expect("a session");
    session.regenerate();
    session.insert("user", true).expect("a string");
    "welcome"
}

#[handler]
async fn logout(depot: &mut Depot) -> &'static str {
    depot.session_mut().expect("a session").destroy();
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
        .push(Router::with_path("token").get(show_token))
        .push(Router::with_path("post").post(posted))
        .push(Router::with_path("slow-count").get(slow_count))
        .push(Router::with_path("slow-key/{key}").get(slow_key))
        .push(Router::with_path("count").get(show_count))
        .push(Router::with_path("has/{key}").get(has))
        .push(Router::with_path("login").get(login))
        .push(Router::with_path("logout").get(logout))
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
