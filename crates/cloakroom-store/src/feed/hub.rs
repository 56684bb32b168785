//! The listeners of a feed and its state.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Instant;

use super::listener::{Covers, Listener, Reach};

/// Makes the connection of a feed.
type Connect = dyn Fn(Link) + Send + Sync;

/// All listeners, with their numbers.
type Listeners = Arc<[(Place, Arc<dyn Listener>)]>;

/// The number of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

/// What a feed knows about its own progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) proof: Option<Proof>,
    pub(super) is_live: bool,
}

/// The time before which everything has been announced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// Changes are announced before they are acknowledged.
    Present,
    At(Instant),
}

pub(super) struct Hub {
    pub(super) covers: Covers,
    pub(super) reach: Reach,
    /// `false` if nothing need be announced, so that an unused feed costs almost nothing.
    is_heard: AtomicBool,
    /// Copied by each announcement, so that a listener is never called under a lock of the hub.
    listeners: RwLock<Listeners>,
    state: Mutex<State>,
    registry: Mutex<Registry>,
    connect: Option<Box<Connect>>,
}

/// Guards changes of the listeners.
#[derive(Default)]
struct Registry {
    /// The number of listeners so far.
    added: u64,
    /// The number of the connection that runs now, and the number of connections so far.
    running: Option<u64>,
    begun: u64,
}

impl Hub {
    pub(super) fn new(covers: Covers, reach: Reach, state: State, connect: Option<Box<Connect>>) -> Arc<Self> {
        Arc::new(Self {
            covers,
            reach,
            is_heard: AtomicBool::new(false),
            listeners: RwLock::new(Arc::new([])),
            state: Mutex::new(state),
            registry: Mutex::default(),
            connect,
        })
    }

    /// Adds a listener, and begins to connect if no connection runs.
    pub(super) fn add(self: &Arc<Self>, listener: Arc<dyn Listener>) -> Place {
        let mut registry = self.registry();
        registry.added += 1;
        let place = Place(registry.added);
        self.set_listeners(|all| all.chain([(place, listener)]).collect());
        let number = (self.connect.is_some() && registry.running.is_none()).then(|| {
            registry.begun += 1;
            registry.begun
        });
        registry.running = registry.running.or(number);
        drop(registry);
        if let (Some(connect), Some(number)) = (&self.connect, number) {
            connect(Link { hub: Arc::downgrade(self), number });
        }
        place
    }

    pub(super) fn remove(&self, place: Place) {
        let _registry = self.registry();
        self.set_listeners(|all| all.filter(|(there, _)| *there != place).collect());
    }

    /// Calls all listeners.
    pub(super) fn tell(&self, hint: impl Fn(&dyn Listener)) {
        if self.is_heard.load(Ordering::SeqCst) {
            let listeners = Arc::clone(&self.listeners.read().unwrap_or_else(PoisonError::into_inner));
            listeners.iter().for_each(|(_, listener)| hint(&**listener));
        }
    }

    /// Sets the state, and then announces that anything may have changed.
    pub(super) fn becomes(&self, state: State) {
        *self.state() = state;
        self.tell(Listener::all_changed);
    }

    /// Records that no hints arrive. A connection that fails again and again is announced once.
    pub(super) fn lost(&self) {
        if self.is_live() {
            self.becomes(State { proof: None, is_live: false });
        }
    }

    pub(super) fn proven(&self, at: Instant) {
        let mut state = self.state();
        if state.is_live {
            state.proof = Some(Proof::At(at));
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state().is_live
    }

    pub(super) fn proven_at(&self) -> Option<Instant> {
        match self.state().proof? {
            Proof::Present => Some(tokio::time::Instant::now().into_std()),
            Proof::At(at) => Some(at),
        }
    }

    fn set_listeners(&self, change: impl FnOnce(&mut dyn Iterator<Item = (Place, Arc<dyn Listener>)>) -> Listeners) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut listeners.iter().cloned());
        self.is_heard.store(!changed.is_empty(), Ordering::SeqCst);
        *listeners = changed;
    }

    pub(super) fn has_listeners(&self) -> bool {
        self.is_heard.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("covers", &self.covers).field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// One connection of a feed. A connection that was given up has no effect any more.
pub(super) struct Link {
    hub: Weak<Hub>,
    number: u64,
}

impl Link {
    /// Runs `act` on the hub, unless this connection was given up.
    pub(super) fn with(&self, act: impl FnOnce(&Hub)) {
        if let Some(hub) = self.hub.upgrade() {
            let is_current = hub.registry().running == Some(self.number);
            if is_current {
                act(&hub);
            }
        }
    }

    /// Returns whether there are listeners. If there are none, gives the connection up.
    pub(super) fn is_needed(&self) -> bool {
        let Some(hub) = self.hub.upgrade() else { return false };
        let mut registry = hub.registry();
        if registry.running != Some(self.number) {
            return false;
        }
        if !hub.has_listeners() {
            registry.running = None;
            *hub.state() = State { proof: None, is_live: false };
            return false;
        }
        true
    }
}

impl Drop for Link {
    /// A task that ends early, for example with its runtime, leaves the feed without a connection.
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        let mut registry = hub.registry();
        if registry.running == Some(self.number) {
            registry.running = None;
            drop(registry);
            hub.lost();
        }
    }
}
