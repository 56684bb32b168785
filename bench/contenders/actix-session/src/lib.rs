//! actix-session on actix-web.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_session::config::CookieContentSecurity;
use actix_session::storage::{
    CookieSessionStore, LoadError, RedisSessionStore, SaveError, SessionKey, SessionStore, UpdateError,
};
use actix_session::{Session, SessionGetError, SessionMiddleware};
use actix_web::body::BoxBody;
use actix_web::cookie::Key;
use actix_web::cookie::time::Duration;
use actix_web::dev::ServiceResponse;
use actix_web::test::init_service;
use actix_web::web::{Path, ServiceConfig, get, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use bench_harness::{Answer, Ask, Contender, Contents, Storage, slow_work, store_address};
use bench_on_actix::{Application, boxed};
use rand::distr::{Alphanumeric, SampleString as _};
use subtle::ConstantTimeEq as _;

pub struct Peer;

impl Contender for Peer {
    type App = Application<Self::Response>;
    type Response = ServiceResponse<BoxBody>;

    async fn app(storage: Storage) -> Option<Self::App> {
        Some(match storage {
            Storage::Nothing => boxed(init_service(App::new().configure(pages)).await, same),
            Storage::Memory => boxed(init_service(App::new().wrap(memory()).configure(pages)).await, same),
            Storage::Signed => boxed(init_service(App::new().wrap(cookies(SIGNED)).configure(pages)).await, same),
            Storage::Encrypted => boxed(init_service(App::new().wrap(cookies(PRIVATE)).configure(pages)).await, same),
            // Its only store is for Redis, and is measured only in served applications.
            Storage::EmptyLayer | Storage::Redis | Storage::Valkey | Storage::Postgres | Storage::Sqlite => {
                return None;
            }
        })
    }

    async fn call(app: &Self::App, ask: &Ask<'_>) -> Self::Response {
        bench_on_actix::call(app, ask).await
    }

    async fn read(response: Self::Response) -> Answer {
        bench_on_actix::read(response).await
    }

    async fn serve(storage: Storage, listener: std::net::TcpListener) -> bool {
        // Each kind of session storage results in a different type.
        macro_rules! served {
            ($app:expr) => {
                HttpServer::new(move || $app.configure(pages)).workers(1).listen(listener).expect("a port").run().await
            };
        }
        let served = match storage {
            Storage::Nothing => served!(App::new()),
            Storage::Memory => {
                let store = Memory::default();
                served!(App::new().wrap(SessionMiddleware::new(store.clone(), key())))
            }
            Storage::Signed => served!(App::new().wrap(cookies(SIGNED))),
            Storage::Encrypted => served!(App::new().wrap(cookies(PRIVATE))),
            Storage::Redis | Storage::Valkey => {
                let store = RedisSessionStore::new(store_address()).await.expect("a Redis");
                served!(App::new().wrap(SessionMiddleware::new(store.clone(), key())))
            }
            Storage::EmptyLayer | Storage::Postgres | Storage::Sqlite => return false,
        };
        served.is_ok()
    }
}

const SIGNED: CookieContentSecurity = CookieContentSecurity::Signed;
const PRIVATE: CookieContentSecurity = CookieContentSecurity::Private;

fn memory() -> SessionMiddleware<Memory> {
    SessionMiddleware::new(Memory::default(), key())
}

fn cookies(security: CookieContentSecurity) -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::builder(CookieSessionStore::default(), key()).cookie_content_security(security).build()
}

/// The responses of this library have the type of those without sessions.
const fn same<R>(response: R) -> R {
    response
}

fn key() -> Key {
    Key::from(&[b'k'; 64])
}

/// It has no memory store: this is the simplest one that satisfies its trait.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<HashMap<String, HashMap<String, String>>>>);

impl SessionStore for Memory {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        Ok(self.0.lock().expect("no panics").get(key.as_ref()).cloned())
    }

    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = fresh_key();
        self.0.lock().expect("no panics").insert(key.as_ref().to_owned(), state);
        Ok(key)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        self.0.lock().expect("no panics").insert(key.as_ref().to_owned(), state);
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.0.lock().expect("no panics").remove(key.as_ref());
        Ok(())
    }
}

/// Generates keys like its Redis store.
fn fresh_key() -> SessionKey {
    Alphanumeric.sample_string(&mut rand::rng(), 64).try_into().expect("a key of the right length")
}

type Answered = Result<&'static str, SessionGetError>;

/// It has no CSRF check: this is a handler that its users would write.
fn check(session: &Session, request: &HttpRequest) -> HttpResponse {
    let shown = request.headers().get("x-csrf-token").and_then(|it| it.to_str().ok()).unwrap_or_default();
    match session.get::<String>("_csrf") {
        Ok(Some(token)) if bool::from(token.as_bytes().ct_eq(shown.as_bytes())) => HttpResponse::Ok().body("posted"),
        _ => HttpResponse::Forbidden().body("refused"),
    }
}

fn pages(config: &mut ServiceConfig) {
    config
        .route("/untouched", get().to(async || "hello"))
        .route(
            "/fill/{contents}",
            get().to(async |session: Session, contents: Path<String>| {
                for (key, value) in Contents::named(&contents).entries() {
                    session.insert(key, value).expect("a string");
                }
                session.insert("count", 1).expect("a number");
                "filled"
            }),
        )
        .route("/new", get().to(async |session: Session| session.insert("count", 1).map(|()| "new")))
        .route(
            "/read",
            get().to(async |session: Session| -> Answered {
                Ok(if session.get::<u64>("count")?.is_some() { "known" } else { "unknown" })
            }),
        )
        .route(
            "/write",
            get().to(async |session: Session| -> Answered {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                session.insert("count", count + 1).expect("a number");
                Ok("written")
            }),
        )
        // It has no flash messages: these are handlers that its users would write.
        .route(
            "/flash",
            get().to(async |session: Session| -> Answered {
                let mut messages = session.get::<Vec<String>>("_flash")?.unwrap_or_default();
                messages.push("Saved".to_owned());
                session.insert("_flash", messages).expect("a list");
                Ok("flashed")
            }),
        )
        .route(
            "/pop",
            get().to(async |session: Session| {
                let messages = session.remove_as::<Vec<String>>("_flash");
                assert_eq!(messages, Some(Ok(vec!["Saved".to_owned()])));
                "popped"
            }),
        )
        .route(
            "/token",
            get().to(async |session: Session| {
                let token = Alphanumeric.sample_string(&mut rand::rng(), 43);
                session.insert("_csrf", &token).expect("a string");
                token
            }),
        )
        .route("/post", post().to(async |session: Session, request: HttpRequest| check(&session, &request)))
        .route(
            "/slow-count",
            get().to(async |session: Session| -> Answered {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                slow_work().await;
                session.insert("count", count + 1).expect("a number");
                Ok("counted")
            }),
        )
        .route(
            "/slow-key/{key}",
            get().to(async |session: Session, key: Path<String>| -> Answered {
                session.get::<u64>("count")?;
                slow_work().await;
                session.insert(key.as_str(), true).expect("a boolean");
                Ok("set")
            }),
        )
        .route(
            "/count",
            get().to(async |session: Session| session.get::<u64>("count").map(|it| it.unwrap_or_default().to_string())),
        )
        .route(
            "/has/{key}",
            get().to(async |session: Session, key: Path<String>| session.contains_key(&key).to_string()),
        )
        .route(
            "/login",
            get().to(async |session: Session| {
                session.renew();
                session.insert("user", true).map(|()| "welcome")
            }),
        )
        .route(
            "/logout",
            get().to(async |session: Session| {
                session.purge();
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
