//! Sessions that are bound to a device, while they move between two factories.

use std::borrow::Cow;
use std::sync::Arc;

use cloakroom_bridge::{Migration, Phase};
use cloakroom_device::{Device, challenge, headers, offer};
use cloakroom_session::adapter::{DeviceAnswer, RequestHead, SessionSlot};
use cloakroom_session::factory::{Commit, Committed, CookieHeader, Presented, SessionFactory, SessionState};
use cloakroom_session::{CookieConfig, DeviceBinding, DeviceProof, Engine, Error, ManualClock, Session, Timestamp};
use cloakroom_store::{MemoryStore, StoredSessions};

use super::browser::{Browser, NOW};

const BOUND: &str = "__Host-bound";
const REGISTER: &str = "/.well-known/dbsc/register";
const REFRESH: &str = "/.well-known/dbsc/refresh";

struct Head {
    method: &'static str,
    path: &'static str,
    lines: Vec<(&'static str, String)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn authority(&self) -> Option<&str> {
        Some("shop.example")
    }

    fn target(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}

/// A factory without bindings, like those of other frameworks: a record loses them.
#[derive(Clone, Debug)]
struct Forgets(Arc<StoredSessions<MemoryStore>>);

impl SessionFactory for Forgets {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        self.0.open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let binding = commit.record().binding();
        assert_eq!(binding, None, "a binding reaches a factory that doesn't keep it");
        self.0.commit(commit).await
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        self.0.presented(cookies, now)
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        self.0.reload(session, now).await
    }
}

/// The stores of both sides, shared by several nodes.
#[derive(Clone)]
struct Site {
    old: Arc<StoredSessions<MemoryStore>>,
    new: Arc<StoredSessions<MemoryStore>>,
}

impl Site {
    fn new() -> Self {
        let side = |name| {
            let cookie = CookieConfig::default().name(name);
            Arc::new(StoredSessions::new(MemoryStore::new()).cookie(cookie).build().unwrap())
        };
        Self { old: side("old"), new: side("new") }
    }

    fn node(&self, phase: Phase) -> Node {
        Node::new(Migration::new(Arc::clone(&self.old), Arc::clone(&self.new), phase))
    }

    /// A node whose new side keeps no bindings.
    fn forgetting(&self, phase: Phase) -> Node {
        Node::new(Migration::new(Arc::clone(&self.old), Forgets(Arc::clone(&self.new)), phase))
    }
}

struct Node(Arc<Engine>);

impl Node {
    fn new(factory: impl SessionFactory) -> Self {
        let engine = Engine::new(factory).clock(ManualClock::at(NOW));
        Self(Arc::new(engine.device_binding(DeviceBinding::enforce()).unwrap()))
    }

    fn head(browser: &Browser, method: &'static str, path: &'static str, lines: Vec<(&'static str, &str)>) -> Head {
        let cookies: Vec<_> = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let lines = lines.into_iter().map(|(name, value)| (name, value.to_owned()));
        Head { method, path, lines: lines.chain([("cookie", cookies.join("; "))]).collect() }
    }

    /// Sends a request to a handler. Returns its result, and the challenge of an offer.
    async fn visit<T>(&self, browser: &mut Browser, handler: impl FnOnce(&Session) -> T) -> (T, Option<String>) {
        let slot = SessionSlot::new(Arc::clone(&self.0));
        let session = slot.open_for(&Self::head(browser, "GET", "/", Vec::new())).await.unwrap();
        let result = handler(&session);
        drop(session);
        let effects = slot.finish(200).await.map_err(|failure| failure.error).unwrap();
        browser.take(&effects.cookies);
        (result, effects.headers.first().map(|(_, value)| offer(value).1))
    }

    async fn call(&self, browser: &mut Browser, path: &'static str, lines: Vec<(&'static str, &str)>) -> DeviceAnswer {
        let head = Self::head(browser, "POST", path, lines);
        let answer = SessionSlot::new(Arc::clone(&self.0)).device_call(&head).unwrap().await;
        for (_, line) in answer.headers().filter(|(name, _)| *name == "set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                browser.jar.remove(name);
            } else {
                browser.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Signs in and registers. Returns the next challenge and the identifier.
    async fn bind(&self, browser: &mut Browser) -> (String, String) {
        let sign_in = |session: &Session| {
            session.sign_in("ann");
            session.bind_device().unwrap();
        };
        let offered = self.visit(browser, sign_in).await.1.expect("an offer");
        let proof = Device::new(1).registers(&offered);
        next(&self.call(browser, REGISTER, headers(None, Some(&proof))).await)
    }

    async fn refresh(&self, browser: &mut Browser, known: &(String, String)) -> DeviceAnswer {
        let proof = Device::new(1).refreshes(&known.0);
        self.call(browser, REFRESH, headers(Some(&known.1), Some(&proof))).await
    }
}

fn next(answer: &DeviceAnswer) -> (String, String) {
    assert_eq!(answer.status(), 200);
    challenge(answer.headers().find(|(name, _)| *name == "secure-session-challenge").unwrap().1)
}

fn state(session: &Session) -> (Option<String>, DeviceProof) {
    (session.owner(), session.proof())
}

#[tokio::test]
async fn a_bound_session_moves_with_its_binding() {
    for refreshes_first in [false, true] {
        let site = Site::new();
        let mut browser = Browser::default();
        let known = site.node(Phase::ReadOld).bind(&mut browser).await;
        let node = site.node(Phase::ReadBothWriteNew);
        let before = browser.clone();
        if refreshes_first {
            next(&node.refresh(&mut browser, &known).await);
        } else {
            node.visit(&mut browser, |session| session.insert("a", 1).unwrap()).await;
            next(&node.refresh(&mut browser, &known).await);
        }
        assert!(browser.jar.contains_key("new") && !browser.jar.contains_key("old"), "{:?}", browser.jar.keys());
        let (found, _) = node.visit(&mut browser, |it| (state(it), it.bound_at())).await;
        assert_eq!(found, ((Some("ann".to_owned()), DeviceProof::Fresh(NOW)), Some(NOW)));
        // The old cookie leads there, too, and the same proof gets the same answer.
        next(&node.refresh(&mut before.clone(), &known).await);
        let mut copy = before;
        copy.jar.remove(BOUND);
        let ahead = NOW + std::time::Duration::from_secs(11);
        let later = Engine::new(Migration::new(Arc::clone(&site.old), Arc::clone(&site.new), Phase::ReadBothWriteNew));
        let later = later.clock(ManualClock::at(ahead)).device_binding(DeviceBinding::enforce()).unwrap();
        let (found, _) = Node(Arc::new(later)).visit(&mut copy, state).await;
        assert_eq!(found, (None, DeviceProof::Missing), "without the device");
    }
}

/// On the other side the session would open without the device.
#[tokio::test]
async fn a_bound_session_stays_on_the_side_that_keeps_its_binding() {
    let site = Site::new();
    let (mut browser, mut plain) = (Browser::default(), Browser::default());
    let known = site.node(Phase::ReadOld).bind(&mut browser).await;
    site.node(Phase::ReadOld).visit(&mut plain, |session| session.insert("a", 1).unwrap()).await;
    let node = site.forgetting(Phase::ReadBothWriteNew);
    for session in [&mut browser, &mut plain] {
        node.visit(session, |session| session.insert("b", 2).unwrap()).await;
    }
    node.visit(&mut browser, Session::reauthenticated).await;
    assert!(browser.jar.contains_key("old") && !browser.jar.contains_key("new"), "{:?}", browser.jar.keys());
    assert!(plain.jar.contains_key("new") && !plain.jar.contains_key("old"), "{:?}", plain.jar.keys());
    let known = next(&node.refresh(&mut browser, &known).await);
    let (found, _) = node.visit(&mut browser, |it| (state(it), it.get::<u32>("b").unwrap())).await;
    assert_eq!(found, ((Some("ann".to_owned()), DeviceProof::Fresh(NOW)), Some(2)));
    // A new session is on the new side, where none is bound.
    let (refused, _) = node.visit(&mut plain, |session| session.bind_device().unwrap_err().is_unsupported()).await;
    assert!(refused);
    // Afterwards it no longer opens, and its browser gives up its key.
    let last = site.forgetting(Phase::ReadNew);
    assert_eq!(last.visit(&mut browser.clone(), state).await.0, (None, DeviceProof::NotBound));
    assert_eq!(last.refresh(&mut browser, &known).await.status(), 401);
}

/// A request that began before the registration moves the session. The registration comes first.
#[tokio::test]
async fn a_session_that_is_registered_while_it_moves_stays() {
    let site = Site::new();
    let mut browser = Browser::default();
    let sign_in = |session: &Session| {
        session.sign_in("ann");
        session.bind_device().unwrap();
    };
    let old = site.node(Phase::ReadOld);
    let offered = old.visit(&mut browser, sign_in).await.1.expect("an offer");
    let node = site.forgetting(Phase::ReadBothWriteNew);
    let slot = SessionSlot::new(Arc::clone(&node.0));
    let session = slot.open_for(&Node::head(&browser, "GET", "/", Vec::new())).await.unwrap();
    session.insert("a", 1).unwrap();
    let proof = Device::new(1).registers(&offered);
    next(&old.call(&mut browser, REGISTER, headers(None, Some(&proof))).await);
    drop(session);
    let effects = slot.finish(200).await.map_err(|failure| failure.error).unwrap();
    browser.take(&effects.cookies);
    let (found, _) = node.visit(&mut browser, |it| (state(it), it.get::<u32>("a").unwrap())).await;
    assert_eq!(found, ((Some("ann".to_owned()), DeviceProof::Fresh(NOW)), Some(1)));
}
