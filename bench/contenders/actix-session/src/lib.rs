//! actix-session on actix-web.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use actix_http::Request;
use actix_session::config::CookieContentSecurity;
use actix_session::storage::{CookieSessionStore, LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{Session, SessionGetError, SessionMiddleware};
use actix_web::body::BoxBody;
use actix_web::cookie::Key;
use actix_web::cookie::time::Duration;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{ServiceConfig, get};
use actix_web::{App, Error};
use bench_harness::{Ask, Contender, Contents, Keep};
use rand::distr::{Alphanumeric, SampleString as _};

pub struct Peer;

type Answer = std::pin::Pin<Box<dyn Future<Output = ServiceResponse<BoxBody>>>>;

impl Contender for Peer {
    type App = Rc<dyn Fn(TestRequest) -> Answer>;
    type Response = ServiceResponse<BoxBody>;

    async fn app(keep: Keep) -> Option<Self::App> {
        Some(match keep {
            Keep::Nothing => boxed(init_service(App::new().configure(pages)).await),
            Keep::Memory => {
                let sessions = SessionMiddleware::new(Memory::default(), key());
                boxed(init_service(App::new().wrap(sessions).configure(pages)).await)
            }
            Keep::Signed | Keep::Encrypted => {
                let security = match keep {
                    Keep::Signed => CookieContentSecurity::Signed,
                    _ => CookieContentSecurity::Private,
                };
                let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key());
                let sessions = sessions.cookie_content_security(security).build();
                boxed(init_service(App::new().wrap(sessions).configure(pages)).await)
            }
            Keep::EmptyLayer => return None,
        })
    }

    async fn call(app: &Self::App, ask: &Ask<'_>) -> Self::Response {
        let mut request = TestRequest::get().uri(ask.path);
        if let Some(cookie) = ask.cookie {
            request = request.insert_header((header::COOKIE, cookie));
        }
        app(request).await
    }

    fn read(response: Self::Response) -> (u16, Vec<String>) {
        let lines = response.headers().get_all(header::SET_COOKIE);
        let lines = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
        (response.status().as_u16(), lines)
    }
}

/// The types of applications differ with what is wrapped around them.
fn boxed<S>(service: S) -> Rc<dyn Fn(TestRequest) -> Answer>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    Rc::new(move |request| {
        let answer = service.call(request.to_request());
        Box::pin(async move { answer.await.expect("a page") })
    })
}

fn key() -> Key {
    Key::from(&[b'k'; 64])
}

/// It ships no store in memory: the simplest one that does what its trait asks.
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

/// As its Redis store makes them.
fn fresh_key() -> SessionKey {
    Alphanumeric.sample_string(&mut rand::rng(), 64).try_into().expect("a key of the right length")
}

type Page = Result<&'static str, SessionGetError>;

fn fill(session: &Session, contents: Contents) -> &'static str {
    for (key, value) in contents.entries() {
        session.insert(key, value).expect("a string");
    }
    session.insert("count", 1).expect("a number");
    "filled"
}

fn pages(config: &mut ServiceConfig) {
    config
        .route("/untouched", get().to(async || "hello"))
        .route("/fill/small", get().to(async |session: Session| fill(&session, Contents::Small)))
        .route("/fill/large", get().to(async |session: Session| fill(&session, Contents::Large)))
        .route("/fill/many", get().to(async |session: Session| fill(&session, Contents::Many)))
        .route("/new", get().to(async |session: Session| session.insert("count", 1).map(|()| "new")))
        .route(
            "/read",
            get().to(async |session: Session| -> Page {
                Ok(if session.get::<u64>("count")?.is_some() { "known" } else { "unknown" })
            }),
        )
        .route(
            "/write",
            get().to(async |session: Session| -> Page {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                session.insert("count", count + 1).expect("a number");
                Ok("written")
            }),
        )
        // It has no flash messages: this is what its users write.
        .route(
            "/flash",
            get().to(async |session: Session| -> Page {
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
        );
}
