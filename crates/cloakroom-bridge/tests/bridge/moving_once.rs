//! Each change is made once while a session moves between two stores, however many requests there
//! are, and however late some of them continue.

use std::sync::Arc;

use cloakroom_bridge::{Migration, Phase};
use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::SetCookie;
use cloakroom_session::{CookieConfig, Session};
use cloakroom_store::store::Store;
use cloakroom_store::{MemoryStore, StoredSessions};
use tokio::task::JoinHandle;

use super::browser::{App, Browser};
use super::moving::{add_one, begun, count};
use super::slow_stores::{Gate, Gated, HeldUp};

type Finishing = JoinHandle<Vec<SetCookie>>;

fn finishing(slot: SessionSlot) -> Finishing {
    tokio::spawn(async move { slot.finish(200).await.unwrap().cookies })
}

fn stored<S: Store>(name: &str, store: &Arc<S>) -> Arc<StoredSessions<S>> {
    let cookie = CookieConfig::default().name(name.to_owned());
    Arc::new(StoredSessions::new(Arc::clone(store)).cookie(cookie).build().unwrap())
}

/// Requests that are written together find the name of their group in the moved record, and not
/// their own id.
#[tokio::test]
async fn updates_that_were_written_as_a_group_count_once() {
    // More than the marks of a record, and more than the largest group.
    for requests in [3, 8, 20, 300] {
        for phases in [[Phase::ReadBothWriteNew; 2], [Phase::ReadBothWriteOld, Phase::ReadBothWriteNew]] {
            let row = format!("{requests} requests in {phases:?}");
            let gated = Arc::new(Gated::default());
            let (old, new) = (stored("old", &gated), stored("new", &Arc::new(MemoryStore::new())));
            let nodes = phases.map(|phase| App::new(Migration::new(Arc::clone(&old), Arc::clone(&new), phase)));
            let mut browser = Browser::default();
            let first = App::new(Migration::new(Arc::clone(&old), Arc::clone(&new), Phase::ReadOld));
            browser.visit(&first, |session| session.insert("user", 42).unwrap()).await;
            let mut racing = Vec::new();
            for number in 0..requests {
                let request = begun(&nodes[number % 2], &browser, |session| {
                    add_one(session);
                    session.insert(format!("request {number}").as_str(), number).unwrap();
                });
                racing.push(request.await);
            }
            let racing: Vec<Finishing> = racing.into_iter().map(finishing).collect();
            gated.gate.reached().await;
            while old.stats().commits_waiting < requests as u64 - 1 {
                tokio::task::yield_now().await;
            }
            gated.gate.open();
            for request in racing {
                browser.take(&request.await.unwrap());
            }
            assert!(old.stats().groups > 0, "{row}: a group was written");
            assert_eq!(count(&nodes[1], &browser).await, Some(requests as u32), "{row}");
            let (values, _) = browser.visit(&nodes[1], Session::len).await;
            assert_eq!(values, requests + 2, "{row}: each request's value, the user and the count");
        }
    }
}

/// A deployment whose nodes share two stores, and a session of the old one.
struct Site {
    old: Arc<StoredSessions<MemoryStore>>,
    new: Arc<StoredSessions<MemoryStore>>,
    browser: Browser,
}

impl Site {
    async fn begun() -> Self {
        let [old, new] = ["old", "new"].map(|name| stored(name, &Arc::new(MemoryStore::new())));
        let mut site = Self { old, new, browser: Browser::default() };
        let app = site.node(Phase::ReadOld);
        site.browser.visit(&app, |session| session.insert("user", 42).unwrap()).await;
        site
    }

    fn node(&self, phase: Phase) -> App {
        App::new(Migration::new(Arc::clone(&self.old), Arc::clone(&self.new), phase))
    }

    /// Returns a node on which the first commit on the old side is executed, and its answer held
    /// up.
    fn late(&self, phase: Phase) -> (App, Arc<Gate>) {
        let gate = Arc::<Gate>::default();
        let old = HeldUp { inner: Arc::clone(&self.old), gate: Arc::clone(&gate), before: false };
        (App::new(Migration::new(old, Arc::clone(&self.new), phase)), gate)
    }

    /// Returns a node whose first commit on the new side is held up before its execution.
    fn late_to_begin(&self) -> (App, Arc<Gate>) {
        let gate = Arc::<Gate>::default();
        let new = HeldUp { inner: Arc::clone(&self.new), gate: Arc::clone(&gate), before: true };
        (App::new(Migration::new(Arc::clone(&self.old), new, Phase::ReadBothWriteNew)), gate)
    }
}

/// Requests that opened the session before it moved, and make their changes on the new side one
/// after the other.
async fn followers(site: &Site, number: usize) -> Vec<SessionSlot> {
    let app = site.node(Phase::ReadBothWriteNew);
    let mut requests = Vec::new();
    for _ in 0..number {
        requests.push(begun(&app, &site.browser, add_one).await);
    }
    requests
}

/// More than the marks of a record.
const FOLLOWERS: usize = 20;

/// A request was written on the old side, but continues only after many others have written to the
/// moved session. Their marks have replaced its own there.
#[tokio::test]
async fn a_request_that_continues_late_counts_once() {
    for phase in [Phase::ReadBothWriteNew, Phase::ReadBothWriteOld] {
        for included in [true, false] {
            let row = format!("in {}, the session was moved with its change: {included}", phase.as_str());
            let site = Site::begun().await;
            let mut browser = site.browser.clone();
            let followers = followers(&site, FOLLOWERS).await;
            let (late, held) = site.late(phase);
            let (beginning, begins) = site.late_to_begin();
            let node = if included { site.node(Phase::ReadBothWriteNew) } else { beginning };
            let first = begun(&node, &browser, add_one).await;
            let request = begun(&late, &browser, add_one).await;
            // If the request's change isn't included, the first one has claimed the session before
            // the change, and begins it on the new side afterwards.
            let (first, request) = if included {
                let request = finishing(request);
                held.reached().await;
                (finishing(first), request)
            } else {
                let first = finishing(first);
                begins.reached().await;
                let request = finishing(request);
                held.reached().await;
                begins.open();
                (first, request)
            };
            browser.take(&first.await.unwrap());
            for follower in followers {
                browser.take(&follower.finish(200).await.unwrap().cookies);
            }
            held.open();
            browser.take(&request.await.unwrap());
            assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["new"], "{row}");
            let app = site.node(Phase::ReadBothWriteNew);
            assert_eq!(count(&app, &browser).await, Some(2 + FOLLOWERS as u32), "{row}");
        }
    }
}

/// A node one phase behind writes to a session that is being moved, between the claims of two
/// requests. The session moves as it was at the second claim.
#[tokio::test]
async fn a_write_between_two_claims_counts_once() {
    let site = Site::begun().await;
    let mut browser = site.browser.clone();
    let followers = followers(&site, FOLLOWERS).await;
    let (beginning, begins) = site.late_to_begin();
    let (late, held) = site.late(Phase::ReadBothWriteOld);
    let app = site.node(Phase::ReadBothWriteNew);
    let first = finishing(begun(&beginning, &browser, add_one).await);
    begins.reached().await;
    let request = finishing(begun(&late, &browser, add_one).await);
    held.reached().await;
    browser.take(&begun(&app, &site.browser, add_one).await.finish(200).await.unwrap().cookies);
    for follower in followers {
        browser.take(&follower.finish(200).await.unwrap().cookies);
    }
    begins.open();
    browser.take(&first.await.unwrap());
    held.open();
    browser.take(&request.await.unwrap());
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(count(&app, &browser).await, Some(3 + FOLLOWERS as u32));
}

/// A first write under a reserved id may find that another request has begun the session there, and
/// has moved it.
#[tokio::test]
async fn a_first_write_follows_the_session_that_moved() {
    let [old, new] = ["__Host-old", "__Host-new"].map(|name| stored(name, &Arc::new(MemoryStore::new())));
    let node = |phase| App::new(Migration::new(Arc::clone(&old), Arc::clone(&new), phase));
    let mut browser = Browser::default();
    browser.visit(&node(Phase::ReadBothWriteOld), |session| session.csrf_token().unwrap()).await;
    let app = node(Phase::ReadBothWriteNew);
    let late = begun(&app, &browser, add_one).await;
    browser.visit(&app, add_one).await;
    browser.visit(&app, add_one).await;
    assert!(browser.jar.contains_key("__Host-new"), "the second write has moved it: {:?}", browser.jar);
    browser.take(&late.finish(200).await.unwrap().cookies);
    assert_eq!(count(&app, &browser).await, Some(3));
}
