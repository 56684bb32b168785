//! Requests of visitors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_session::{Error, Session};
use tokio::time::sleep;

use crate::checker::Checker;
use crate::network::Network;
use crate::node::Node;
use crate::plan::Plan;
use crate::server::Server;

/// Requests that wait for the end of their session, at most.
const WAITS: u64 = 500;

/// The action of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    Update,
    SignIn,
    SignOut,
    /// Ends all sessions of the visitor's owner.
    EndAll,
}

impl Act {
    fn draw(draw: u64) -> Self {
        match draw {
            0..28 => Self::Update,
            28..32 => Self::SignIn,
            32..35 => Self::SignOut,
            35 => Self::EndAll,
            _ => Self::Read,
        }
    }
}

/// A cookie, and the number of its session.
type Cookie = (Box<str>, u32);

#[derive(Debug, Default)]
struct Jar {
    cookie: Option<Cookie>,
    /// The cookie of a session that was signed out.
    old: Option<Cookie>,
    away_until: u64,
}

/// Everything in a run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) network: Arc<Network>,
    pub(crate) server: Arc<Server>,
    pub(crate) nodes: Mutex<Vec<Arc<Node>>>,
    pub(crate) tally: Mutex<Tally>,
    jars: Mutex<Vec<Jar>>,
    checker: Mutex<Checker>,
    waiting: AtomicU64,
}

/// Counts of requests.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) running: u64,
    /// Requests by their milliseconds.
    pub(crate) latencies: Vec<u64>,
    /// A hash of all requests, in the order in which they ended.
    pub(crate) digest: u64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(plan: &Plan) -> anyhow::Result<Arc<Self>> {
        let network = Arc::new(Network::new(plan.seed));
        let server = Server::new(plan, Arc::clone(&network));
        let nodes = (0..plan.nodes).map(|number| Node::new(&server, number, plan).map(Arc::new));
        Ok(Arc::new(Self {
            plan: plan.clone(),
            nodes: Mutex::new(nodes.collect::<anyhow::Result<_>>()?),
            tally: Mutex::new(Tally { requests: 0, failed: 0, running: 0, latencies: vec![0; 60_000], digest: 0 }),
            jars: Mutex::new(std::iter::repeat_with(Jar::default).take(plan.visitors).collect()),
            checker: Mutex::new(Checker::new(plan)),
            waiting: AtomicU64::new(0),
            network,
            server,
        }))
    }

    pub(crate) fn checker(&self) -> MutexGuard<'_, Checker> {
        lock(&self.checker)
    }

    fn with_jar<T>(&self, visitor: usize, act: impl FnOnce(&mut Jar) -> T) -> Option<T> {
        lock(&self.jars).get_mut(visitor).map(act)
    }

    fn node(&self, number: usize) -> Option<Arc<Node>> {
        lock(&self.nodes).get(number).cloned()
    }

    /// Begins the requests of a page.
    pub(crate) fn page(self: &Arc<Self>, visitor: usize) {
        let (random, now) = (&self.network.random, self.network.now());
        let drawn = self.with_jar(visitor, |jar| {
            let is_away = jar.away_until > now;
            if !is_away && random.happens(20) {
                jar.away_until = now + 25_000 + random.below(30_000);
            }
            let is_old = random.happens(150) && jar.old.is_some();
            (is_away, if is_old { jar.old.clone() } else { jar.cookie.clone() }, is_old)
        });
        let Some((false, cookie, is_old)) = drawn else { return };
        let requests = if cookie.is_some() && !is_old { 1 + random.below(3) } else { 1 };
        for _ in 0..requests {
            let home = visitor % self.plan.nodes;
            let node = if random.happens(self.plan.roaming) { random.index(self.plan.nodes) } else { home };
            let act = match (&cookie, is_old) {
                (None, _) => Act::Update,
                (_, true) => Act::Read,
                (Some(_), false) => Act::draw(random.below(100)),
            };
            let (world, cookie) = (Arc::clone(self), cookie.clone());
            tokio::spawn(async move {
                // A visitor whose request fails tries again.
                for _ in 0..3 {
                    if world.request(visitor, node, act, cookie.clone()).await {
                        break;
                    }
                    sleep(Duration::from_millis(100 + world.network.random.below(900))).await;
                }
            });
        }
    }

    /// Reads the visitor's session once more, when all faults have ended.
    pub(crate) async fn last_read(self: &Arc<Self>, visitor: usize) {
        let Some(cookie @ Some(_)) = self.with_jar(visitor, |jar| jar.cookie.clone()) else { return };
        let succeeds = self.request(visitor, self.network.random.index(self.plan.nodes), Act::Read, cookie).await;
        let now = self.network.now();
        self.checker().checks.last_reads += 1;
        if !succeeds {
            self.checker().broken(now, format!("visitor {visitor}: a request failed after all faults had ended"));
        }
    }

    /// Makes a request. Returns whether it succeeded.
    async fn request(self: &Arc<Self>, visitor: usize, node: usize, act: Act, cookie: Option<Cookie>) -> bool {
        lock(&self.tally).running += 1;
        self.network.running(node).await;
        let start = self.network.now();
        let answer = match self.node(node) {
            Some(node) if act == Act::EndAll => self.end_all(&node, visitor, start).await,
            Some(node) => self.handle(&node, visitor, act, cookie, start).await,
            None => Ok(()),
        };
        let now = self.network.now();
        self.checker().request_ended(start, now);
        let mut tally = lock(&self.tally);
        tally.running -= 1;
        tally.requests += 1;
        tally.failed += u64::from(answer.is_err());
        let took = usize::try_from(now - start).unwrap_or(usize::MAX).min(tally.latencies.len() - 1);
        if let Some(count) = tally.latencies.get_mut(took) {
            *count += 1;
        }
        for part in [visitor as u64, node as u64, act as u64, start, now, u64::from(answer.is_ok())] {
            tally.digest = (tally.digest ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
        }
        answer.is_ok()
    }

    async fn end_all(&self, node: &Node, visitor: usize, start: u64) -> Result<(), Error> {
        self.checker().sweep_begins(visitor);
        node.owners().end_all(&owner(visitor)).await?;
        self.checker().sweep_acknowledged(visitor, start, self.network.now());
        Ok(())
    }

    async fn handle(
        self: &Arc<Self>,
        node: &Node,
        visitor: usize,
        act: Act,
        cookie: Option<Cookie>,
        start: u64,
    ) -> Result<(), Error> {
        let kept = cookie.as_ref().map_or(0, |(_, life)| self.checker().kept(visitor, *life));
        let (slot, session) = node.open(cookie.as_ref().map(|(text, _)| &**text)).await?;
        let now = self.network.now();
        let (is_loaded, was_moved) = (session.id().is_some(), session.is_detached());
        let mut life = cookie.as_ref().map(|(_, life)| *life);
        if is_loaded {
            let mark: Option<(usize, u32)> = session.get("mark")?;
            let count: Option<u32> = session.get("count")?;
            self.checker().opened(visitor, mark, count.unwrap_or_default(), start, now);
        } else if let Some(life) = life
            && !was_moved
        {
            self.checker().absent(visitor, life, kept, start, now);
        }
        let writes = is_loaded || act == Act::Update;
        if !is_loaded && !was_moved && act == Act::Update {
            let begun = self.checker().begins(visitor, start);
            session.insert("mark", (visitor, begun))?;
            life = Some(begun);
        }
        let Some(life) = life else { return Ok(()) };
        match act {
            Act::Update if !was_moved => {
                self.checker().update_begins(visitor, life);
                session.update("count", |count: &mut u32| *count += 1)?;
            }
            Act::SignIn if is_loaded => {
                self.checker().move_begins(visitor, life, now);
                session.set_owner(owner(visitor));
            }
            Act::SignOut => {
                self.checker().end_begins(visitor, life);
                session.invalidate();
            }
            Act::Update | Act::SignIn | Act::EndAll | Act::Read => {}
        }
        if writes && !was_moved {
            // A commit without an answer may prolong the session as well.
            let now = self.network.now();
            self.checker().used(visitor, life, now);
        }
        let effects = slot.finish(200).await.map_err(|failure| failure.error)?;
        let now = self.network.now();
        let is_kept = writes && !session.is_detached();
        {
            let mut checker = self.checker();
            match act {
                Act::Update if is_kept => checker.update_acknowledged(visitor, life, start, now),
                Act::SignIn if is_loaded && is_kept => checker.owner_acknowledged(visitor, life, now),
                Act::SignOut if is_loaded || was_moved => checker.end_acknowledged(visitor, life, now),
                Act::Update | Act::SignIn | Act::SignOut | Act::EndAll | Act::Read => {}
            }
            if is_loaded && is_kept && act != Act::SignOut {
                checker.used(visitor, life, now);
            }
        }
        for line in effects.cookies.iter().map(ToString::to_string) {
            let text = line.split(';').next().unwrap_or_default();
            let set = (!line.contains("Max-Age=0")).then(|| (text.into(), life));
            self.with_jar(visitor, |jar| jar.cookie = set);
        }
        if act == Act::SignOut && cookie.is_some() {
            self.with_jar(visitor, |jar| jar.old = cookie);
        }
        if is_kept && act != Act::SignOut && self.network.random.happens(100) {
            self.wait(session, visitor, life);
        }
        Ok(())
    }

    /// Waits for the end of the session, as a socket would.
    fn wait(self: &Arc<Self>, session: Session, visitor: usize, life: u32) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITS {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (world, wait) = (Arc::clone(self), self.checker().wait_begins(visitor, life));
        tokio::spawn(async move {
            session.ended().await;
            world.waiting.fetch_sub(1, Ordering::Relaxed);
            let now = world.network.now();
            world.checker().wait_ends(wait, now);
        });
    }
}

fn owner(visitor: usize) -> String {
    format!("user {visitor}")
}
