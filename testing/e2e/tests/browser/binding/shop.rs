//! A small application over HTTPS, in the process of the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, Response};
use axum::routing::get;
use cloakroom::store::{Store, StoreError, delegate_store};
use cloakroom::{
    Clock as _, DeviceBinding, Engine, Error, ManualClock, MemoryStore, Session, SessionLayer, Sessions,
    StoredSessions, Timestamp,
};
use cloakroom_e2e::{Browser, HttpsServer};
use tokio::sync::watch;

pub(crate) const BOUND: &str = "__Host-bound";
pub(crate) const SESSION: &str = "__Host-Http-session";
pub(crate) const REGISTER: &str = "/.well-known/dbsc/register";
pub(crate) const REFRESH: &str = "/.well-known/dbsc/refresh";

/// A store that can refuse writes.
#[derive(Debug, Default)]
pub(crate) struct Freezable {
    store: MemoryStore,
    is_frozen: AtomicBool,
}

impl Freezable {
    pub(crate) fn freeze(&self, is_frozen: bool) {
        self.is_frozen.store(is_frozen, Ordering::SeqCst);
    }

    async fn gate<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if !matches!(method, "load" | "load_latest") && self.is_frozen.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("frozen"));
        }
        call.await
    }
}

impl Store for Freezable {
    delegate_store!(store via gate);
}

/// All requests that were answered: path and status.
type Log = watch::Sender<Vec<(String, u16)>>;

pub(crate) struct Shop {
    pub(crate) https: HttpsServer,
    pub(crate) store: Arc<Freezable>,
    pub(crate) log: Log,
    sessions: Sessions<Freezable>,
    clock: Arc<ManualClock>,
}

impl Shop {
    pub(crate) async fn start() -> Result<Self> {
        let (log, store) = (Log::default(), Arc::new(Freezable::default()));
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
        let factory = Arc::new(StoredSessions::new(Arc::clone(&store)).build()?);
        let sessions = Sessions::new(Arc::clone(&factory)).clock(Arc::clone(&clock));
        let engine = Engine::new(factory).clock(Arc::clone(&clock)).device_binding(DeviceBinding::enforce())?;
        let noted = (log.clone(), Arc::clone(&clock));
        let application = Router::new()
            .route("/", get(page))
            .route("/who", get(who))
            .route("/sign-in", get(sign_in))
            .route("/pay", get(pay))
            .layer(SessionLayer::from_engine(engine))
            .layer(from_fn_with_state(noted, note));
        let https = HttpsServer::start(|_| application).await?;
        Ok(Self { https, store, log, sessions, clock })
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.set(self.clock.now() + Duration::from_secs(seconds));
    }

    /// Returns how many requests to this path were answered with this status.
    pub(crate) fn count(&self, path: &str, status: u16) -> usize {
        self.log.borrow().iter().filter(|(it, got)| it == path && *got == status).count()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.count(REFRESH, 200)
    }

    /// Ends all sessions of the user, as another device does.
    pub(crate) async fn end_elsewhere(&self) -> Result<usize> {
        Ok(self.sessions.end_all("ada").await?)
    }

    /// Starts a browser that is signed in and bound, and whose bound cookie is required.
    pub(crate) async fn bound(&self) -> Result<Browser> {
        let browser = Browser::start_with_device(self.https.public_key_hash()).await?;
        browser.go(&self.https.url("/sign-in")).await?;
        self.log.subscribe().wait_for(|_| self.count(REGISTER, 200) > 0).await?;
        browser.until_refreshed(&self.https.url("/"), BOUND, || self.refreshes() > 0).await?;
        self.wait(10);
        Ok(browser)
    }

    /// Loads the page. Returns the name of the user, and the proof.
    pub(crate) async fn who(&self, browser: &Browser) -> Result<(String, String)> {
        browser.go(&self.https.url("/")).await?;
        let text = browser.text("h1").await?;
        let (name, proof) = text.split_once(' ').context("a name and a proof")?;
        Ok((name.to_owned(), proof.split('(').next().unwrap_or_default().to_owned()))
    }

    /// Deletes the bound cookie, as its expiry does.
    pub(crate) async fn expire(&self, browser: &Browser) -> Result<()> {
        browser.delete_cookie(&self.https.url("/"), BOUND).await
    }
}

/// Notes each request. The clock moves by a second with each refresh, so that no two cookies are
/// the same.
async fn note(State((log, clock)): State<(Log, Arc<ManualClock>)>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path == REFRESH {
        clock.set(clock.now() + Duration::from_secs(1));
    }
    let response = next.run(request).await;
    log.send_modify(|log| log.push((path, response.status().as_u16())));
    response
}

fn named(session: &Session) -> String {
    format!("{} {:?}", session.owner().unwrap_or_else(|| "visitor".to_owned()), session.proof())
}

fn html(text: &str) -> Html<String> {
    Html(format!("<!doctype html><link rel=icon href='data:,'><title>A page</title><h1>{text}</h1>"))
}

async fn page(session: Session) -> Html<String> {
    html(&named(&session))
}

async fn who(session: Session) -> String {
    named(&session)
}

async fn sign_in(session: Session) -> Result<Html<String>, Error> {
    session.sign_in("ada");
    session.remember(Duration::from_secs(86_400));
    session.bind_device()?;
    Ok(html("signed in"))
}

async fn pay(session: Session) -> Result<Html<String>, Error> {
    session.demand_proof(Duration::from_secs(30))?;
    Ok(html("paid"))
}
