//! A pooler under a supervisor, which restarts it when it dies.

use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use cloakroom_servers::PgBouncer;

/// The interval between two checks of the supervisor.
const EACH: Duration = Duration::from_millis(50);

pub(crate) struct Supervised(Arc<Mutex<State>>);

struct State {
    bouncer: PgBouncer,
    /// The log of each pooler that has died.
    deaths: Vec<String>,
}

impl Supervised {
    pub(crate) fn new(bouncer: PgBouncer) -> Self {
        let state = Arc::new(Mutex::new(State { bouncer, deaths: Vec::new() }));
        let watched = Arc::downgrade(&state);
        thread::spawn(move || {
            while watch(&watched) {
                thread::sleep(EACH);
            }
        });
        Self(state)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.lock().unwrap().bouncer.port()
    }

    pub(crate) fn set(&self, settings: &[&str]) {
        self.0.lock().unwrap().bouncer.set(settings);
    }

    /// Returns the logs of the poolers that have died since the last call.
    pub(crate) fn deaths(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().deaths)
    }
}

/// Checks once. Returns `false` if the supervisor is no longer needed.
fn watch(state: &Weak<Mutex<State>>) -> bool {
    let Some(state) = state.upgrade() else { return false };
    let mut state = state.lock().unwrap();
    if !state.bouncer.is_up() {
        let said = state.bouncer.output().lines().next_back().unwrap_or_default().to_owned();
        state.deaths.push(said);
        state.bouncer.restart();
    }
    true
}
