//! How often the factory did what, counted from outside of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cloakroom::{Carrier, Committed, CookieHeader, Error, Plan, SessionFactory, SessionState, Timestamp};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Counts {
    load: AtomicU64,
    create: AtomicU64,
    replace: AtomicU64,
    touch: AtomicU64,
    cycle: AtomicU64,
    end: AtomicU64,
    replayed: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    pub(crate) fn report(&self) -> Value {
        json!({
            "load": self.load.load(Relaxed), "create": self.create.load(Relaxed), "replace": self.replace.load(Relaxed),
            "touch": self.touch.load(Relaxed), "cycle": self.cycle.load(Relaxed), "end": self.end.load(Relaxed),
            "replayed": self.replayed.load(Relaxed), "dropped": self.dropped.load(Relaxed),
        })
    }

    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    fn count(&self, plan: Plan) {
        match plan {
            Plan::Create => Self::add(&self.create),
            Plan::Replace => Self::add(&self.replace),
            Plan::Touch => Self::add(&self.touch),
            Plan::Cycle => Self::add(&self.cycle),
            Plan::End => Self::add(&self.end),
            Plan::EndThenCreate => {
                Self::add(&self.end);
                Self::add(&self.create);
            }
            Plan::Drop(_) => Self::add(&self.dropped),
            _ => {}
        }
    }
}

/// A factory, and how often it did what.
#[derive(Debug)]
pub(crate) struct Counting<F> {
    pub(crate) inner: F,
    pub(crate) counts: Arc<Counts>,
}

impl<F: SessionFactory> SessionFactory for Counting<F> {
    fn carrier(&self) -> Carrier {
        self.inner.carrier()
    }

    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let session = self.inner.open(cookies, now).await?;
        if !session.is_new() {
            Counts::add(&self.counts.load);
        }
        Ok(session)
    }

    async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let (plan, _) = session.plan(self.carrier(), now);
        let committed = self.inner.commit(session, now).await?;
        self.counts.count(plan);
        Ok(committed)
    }
}
