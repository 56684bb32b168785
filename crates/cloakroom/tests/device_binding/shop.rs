//! The application of these tests, without its framework.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{
    Clock as _, DeviceBinding, Engine, Error, ManualClock, MemoryStore, Session, StoredSessions, Timestamp,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The state that outlives a request: the store and the clock.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) sessions: Arc<StoredSessions<MemoryStore>>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let sessions = Arc::new(StoredSessions::new(Arc::clone(&store)).build().unwrap());
        Self { sessions, store, clock: Arc::new(ManualClock::at(NOW)) }
    }

    pub(crate) fn engine(&self, binding: DeviceBinding) -> Engine {
        let engine = Engine::new(Arc::clone(&self.sessions)).clock(Arc::clone(&self.clock));
        engine.device_binding(binding).unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, span: Duration) {
        self.clock.set(self.now() + span);
    }
}

/// Handles a request, and returns the text of the response. Changes are made on GET, so that only
/// the endpoints need POST.
pub(crate) fn handle(path: &str, session: &Session) -> Result<String, Error> {
    match path {
        "/sign-in" => {
            session.sign_in("anna");
            session.bind_device()?;
        }
        "/again" => session.bind_device()?,
        "/sign-out" => {
            session.invalidate();
            session.clear_site_data();
        }
        "/write" => session.update("writes", |writes: &mut u32| *writes += 1)?,
        "/cycle" => session.reauthenticated(),
        "/pay" | "//evil.example/pay" => session.demand_proof(seconds(30))?,
        _ => {}
    }
    Ok(format!("{} {:?}", session.owner().unwrap_or_else(|| "visitor".to_owned()), session.proof()))
}
