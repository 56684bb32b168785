//! An application on one node.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_servers::Postgres;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::EndReason;
use cloakroom_session::{CookieConfig, Engine, Session};
use cloakroom_sql::PostgresStore;
use cloakroom_store::StoredSessions;
use cloakroom_store::store::Store as _;
use cloakroom_store::store::StoreKey;
use cloakroom_store::store::feed::{Feed, Listener, Subscription};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// An interval after which only the feed can have resolved a wait.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Far more than a slow machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Starts a server with the table of sessions.
pub(crate) async fn server() -> Postgres {
    let server = tokio::task::spawn_blocking(Postgres::start).await.unwrap();
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    server
}

pub(crate) struct Node {
    pub(crate) sessions: Arc<StoredSessions<PostgresStore>>,
    engine: Arc<Engine>,
}

impl Node {
    pub(crate) fn checking(store: PostgresStore, interval: Duration) -> Self {
        let builder = StoredSessions::new(store).cookie(CookieConfig::default().name("session"));
        let sessions = Arc::new(builder.end_check_interval(interval).build().unwrap());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)));
        Self { sessions, engine }
    }

    pub(crate) fn new(store: PostgresStore) -> Self {
        Self::checking(store, NEVER)
    }

    pub(crate) fn at(url: &str) -> Self {
        Self::new(PostgresStore::connect(url).unwrap())
    }

    pub(crate) async fn open(&self, cookie: &str) -> (SessionSlot, Session) {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
        (slot, session)
    }

    /// Runs a whole request. Returns the browser's cookie afterwards.
    pub(crate) async fn visit(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let (slot, session) = self.open(cookie).await;
        handler(&session);
        let effects = slot.finish(200).await.unwrap();
        let set = effects.cookies.first().map(ToString::to_string);
        set.map_or_else(|| cookie.to_owned(), |line| line.split(';').next().unwrap().to_owned())
    }

    /// Waits for the end of the session, in a task.
    pub(crate) async fn wait(&self, cookie: &str) -> JoinHandle<EndReason> {
        let (slot, session) = self.open(cookie).await;
        slot.finish(200).await.unwrap();
        tokio::spawn(session.ended())
    }

    pub(crate) fn feed(&self) -> Feed {
        self.sessions.store().feed().unwrap()
    }
}

#[derive(Default)]
struct Bell(Notify);

impl Listener for Bell {
    fn changed(&self, _: &StoreKey) {}

    fn all_changed(&self) {
        self.0.notify_one();
    }
}

/// Waits until hints arrive. The subscription keeps the connection.
pub(crate) async fn until_live(feed: &Feed) -> Subscription {
    let bell = Arc::new(Bell::default());
    let subscription = feed.subscribe(Arc::<Bell>::clone(&bell) as Arc<dyn Listener>);
    tokio::time::timeout(PATIENCE, async {
        while !feed.is_live() {
            bell.0.notified().await;
        }
    })
    .await
    .expect("the feed isn't live");
    subscription
}

/// Waits for the end of a session, much longer than a slow machine needs. A session with a live
/// feed is checked after a minute, which is too late here.
pub(crate) async fn ended(waiting: JoinHandle<EndReason>) -> EndReason {
    tokio::time::timeout(Duration::from_secs(45), waiting).await.expect("an end was missed").unwrap()
}
