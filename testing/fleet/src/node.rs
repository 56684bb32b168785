//! An application node, with its own clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::{Clock, CookieConfig, Engine, Error, Lifetimes, Session, Timestamp};
use cloakroom_store::store::{Store, delegate_store};
use cloakroom_store::{AnyStore, CachedStore, Sessions, StoredSessions};
use tokio::time::Instant;

use crate::network::Network;
use crate::plan::{Mutant, Plan};
use crate::server::Server;
use crate::wire::Wire;

/// The name of the cookie.
pub(crate) const NAME: &str = "session";
/// The idle timeout, in milliseconds.
pub(crate) const IDLE: u64 = 30_000;
/// The interval of touches, in milliseconds.
pub(crate) const TOUCH: u64 = 3_000;
/// The greatest difference of a node's clock to the true time, in milliseconds.
pub(crate) const SKEW: u64 = 2_000;
/// The interval of checks for ended sessions, in milliseconds.
pub(crate) const CHECKS: u64 = 2_000;
/// The bound of the near cache, in milliseconds.
pub(crate) const BOUND: u64 = 1_000;

const BEGIN: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

/// The clock of a node: virtual time, and an error that may jump.
#[derive(Debug)]
pub(crate) struct NodeClock {
    network: Arc<Network>,
    /// The error and [`SKEW`], so that it is never negative.
    ahead: AtomicU64,
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        BEGIN + Duration::from_millis(self.network.now() + self.ahead.load(Ordering::Relaxed))
    }
}

/// An application node. A restart makes a new one.
#[derive(Debug)]
pub(crate) struct Node {
    engine: Arc<Engine>,
    clock: Arc<NodeClock>,
    pub(crate) sessions: Arc<StoredSessions<AnyStore>>,
    pub(crate) cached: Option<Arc<CachedStore<Wire>>>,
}

impl Node {
    pub(crate) fn new(server: &Arc<Server>, number: usize, plan: &Plan) -> anyhow::Result<Self> {
        let wire = Wire::new(Arc::clone(server), number, plan);
        let (store, cached) = if plan.cache {
            let cached = Arc::new(near(CachedStore::new(wire)?, plan));
            (AnyStore::new(Shared(Arc::clone(&cached))), Some(cached))
        } else {
            (AnyStore::new(wire), None)
        };
        let millis = Duration::from_millis;
        let lifetimes = Lifetimes::default().idle_timeout(millis(IDLE)).touch_after(millis(TOUCH));
        let wait = if plan.mutant == Some(Mutant::NoDeadline) { millis(600_000) } else { millis(2000) };
        let sessions = StoredSessions::new(store)
            .cookie(CookieConfig::default().name(NAME))
            .lifetimes(lifetimes)
            .call_timeout(wait)
            .commit_timeout(wait)
            .end_check_interval(millis(CHECKS))
            .build()?;
        let sessions = Arc::new(sessions);
        let ahead = AtomicU64::new(if plan.faults { server.network.random.below(2 * SKEW) } else { SKEW });
        let clock = Arc::new(NodeClock { network: Arc::clone(&server.network), ahead });
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)).clock(Arc::clone(&clock)));
        Ok(Self { engine, clock, sessions, cached })
    }

    /// Sets the error of the clock to another one.
    pub(crate) fn jump(&self) {
        self.clock.ahead.store(self.clock.network.random.below(2 * SKEW), Ordering::Relaxed);
    }

    /// Opens the session of a request with this cookie.
    pub(crate) async fn open(&self, cookie: Option<&str>) -> Result<(SessionSlot, Session), Error> {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let line = cookie.unwrap_or_default();
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await?;
        Ok((slot, session))
    }

    /// Returns the sessions of owners.
    pub(crate) fn owners(&self) -> Sessions<AnyStore> {
        Sessions::new(Arc::clone(&self.sessions)).clock(Arc::clone(&self.clock))
    }
}

/// A near cache whose counters are read as well.
#[derive(Debug)]
struct Shared(Arc<CachedStore<Wire>>);

impl Store for Shared {
    delegate_store!(0);
}

fn near(store: CachedStore<Wire>, plan: &Plan) -> CachedStore<Wire> {
    let (begin, ignores) = (Instant::now(), plan.mutant == Some(Mutant::BoundIgnored));
    store.bound(Duration::from_millis(BOUND)).clocks(move || {
        let passed = if ignores { Duration::ZERO } else { begin.elapsed() };
        ((begin + passed).into_std(), SystemTime::UNIX_EPOCH + passed)
    })
}
