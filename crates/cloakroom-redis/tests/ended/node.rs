//! An application on one node.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::{EndReason, StoreKey};
use cloakroom_session::{CookieConfig, Engine, Error, Session};
use cloakroom_store::StoredSessions;
use cloakroom_store::store::Store as _;
use cloakroom_store::store::feed::{Feed, Listener, Subscription};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// An interval after which only the feed can have resolved a wait.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Far more than a slow machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Less than a minute, after which a wait asks the store even if its feed is live.
const PUSHED: Duration = Duration::from_secs(45);

pub(crate) struct Node {
    pub(crate) sessions: Arc<StoredSessions<RedisStore>>,
    engine: Arc<Engine>,
}

impl Node {
    pub(crate) fn new(store: RedisStore) -> Self {
        let builder = StoredSessions::new(store).cookie(CookieConfig::default().name("session"));
        let sessions = Arc::new(builder.end_check_interval(NEVER).build().unwrap());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)));
        Self { sessions, engine }
    }

    pub(crate) async fn at(url: &str) -> Self {
        Self::new(RedisStore::connect(url).await.unwrap())
    }

    pub(crate) async fn open(&self, cookie: &str) -> (SessionSlot, Session) {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
        (slot, session)
    }

    /// Signs out, unless the server is down.
    pub(crate) async fn signs_out(&self, cookie: &str) -> Result<(), Error> {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        slot.open(CookieHeader::new([cookie.as_bytes()])).await?.invalidate();
        slot.finish(200).await?;
        Ok(())
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

/// Wakes a test for each hint that anything may have changed.
#[derive(Default)]
struct Bell(Notify);

impl Listener for Bell {
    fn changed(&self, _: &StoreKey) {}

    fn all_changed(&self) {
        self.0.notify_one();
    }
}

/// Waits until hints arrive, or until they don't. The subscription keeps the connection.
pub(crate) async fn until_live(feed: &Feed, is_live: bool) -> Subscription {
    let bell = Arc::new(Bell::default());
    let subscription = feed.subscribe(Arc::<Bell>::clone(&bell) as Arc<dyn Listener>);
    tokio::time::timeout(PATIENCE, async {
        while feed.is_live() != is_live {
            bell.0.notified().await;
        }
    })
    .await
    .expect("the feed doesn't change its state");
    subscription
}

/// Waits for the end of a session, much longer than a slow machine needs.
pub(crate) async fn ended(waiting: JoinHandle<EndReason>) -> EndReason {
    tokio::time::timeout(PUSHED, waiting).await.expect("an end was missed").unwrap()
}
