//! Counters of session operations, taken outside the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cloakroom::factory::{Commit, Committed, CookieHeader, Plan, SessionFactory, SessionState};
use cloakroom::store::StoreError;
use cloakroom::{CookieSessions, Error, Timestamp};
use serde_json::{Value, json};

use crate::clock::reach;
use crate::hooked::{Call, Hook, Hooked};

/// The counters, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    load: AtomicU64,
    create: AtomicU64,
    replace: AtomicU64,
    touch: AtomicU64,
    cycle: AtomicU64,
    end: AtomicU64,
    dropped: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counts {
    /// Returns the counters as JSON. The numbers of replays and drops come from the store's
    /// factory, since only the factory knows them.
    pub(crate) fn report(&self, replayed: u64, dropped: u64) -> Value {
        let Numbers { load, create, replace, touch, cycle, end, dropped: here } = &*self.0;
        json!({
            "load": load.load(Relaxed), "create": create.load(Relaxed), "replace": replace.load(Relaxed),
            "touch": touch.load(Relaxed), "cycle": cycle.load(Relaxed), "end": end.load(Relaxed),
            "replayed": replayed, "dropped": dropped + here.load(Relaxed),
        })
    }

    fn count(&self, plan: Plan) {
        match plan {
            Plan::Create => add(&self.0.create),
            Plan::Replace => add(&self.0.replace),
            Plan::Touch => add(&self.0.touch),
            Plan::Cycle => add(&self.0.cycle),
            Plan::End => add(&self.0.end),
            Plan::EndThenCreate => {
                add(&self.0.end);
                add(&self.0.create);
            }
            Plan::Drop(_) => add(&self.0.dropped),
            Plan::Nothing | _ => {}
        }
    }
}

/// A cookie factory that counts planned and executed operations.
#[derive(Debug)]
pub(crate) struct CountingCookies {
    pub(crate) inner: CookieSessions,
    pub(crate) counts: Counts,
}

impl SessionFactory for CountingCookies {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let session = self.inner.open(cookies, now).await?;
        if !session.is_new() {
            add(&self.counts.0.load);
        }
        Ok(session)
    }

    fn cookie_names(&self) -> Vec<String> {
        self.inner.cookie_names()
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let committed = self.inner.commit(commit).await?;
        self.counts.count(commit.plan());
        Ok(committed)
    }
}

/// A store that counts its calls.
pub(crate) type CountingStore = Hooked<Counts>;

impl Hook for Counts {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let (name, counter) = match call {
            // Counted after the call: a test that waits for the counter knows that the load is
            // done.
            Call::Load => return reach("load"),
            Call::Create => ("create", &self.0.create),
            Call::Replace => ("replace", &self.0.replace),
            Call::Touch => ("touch", &self.0.touch),
            Call::Cycle => ("cycle", &self.0.cycle),
            Call::End => ("end", &self.0.end),
        };
        add(counter);
        reach(name)
    }

    fn behind(&self, call: Call) -> Result<(), StoreError> {
        if call == Call::Load {
            add(&self.0.load);
        }
        Ok(())
    }
}
