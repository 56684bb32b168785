//! A session factory of one's own: sessions in a map, under an id in the cookie.
//!
//!     cargo run -p cloakroom --features axum --example own_factory
//!
//! It shows the shape: open what the cookie names, carry out the plan, settle. It loses racing updates and forgets everything at
//! a restart.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use cloakroom::{
    Carrier, Committed, ConfigError, CookieConfig, CookieHeader, CookieTemplate, CookieUpdate, Error, Lifetimes, Plan,
    Record, Session, SessionFactory, SessionId, SessionLayer, SessionState, StoreKey, Timestamp, fresh_id, fresh_token,
};

#[derive(Debug)]
struct MapSessions {
    cookie: CookieTemplate,
    lifetimes: Lifetimes,
    // Under the hash of the id: who reads the map can't use what is in it.
    records: Mutex<HashMap<StoreKey, Record>>,
}

impl MapSessions {
    fn new() -> Result<Self, ConfigError> {
        Ok(Self {
            cookie: CookieConfig::default().build()?,
            lifetimes: Lifetimes::default(),
            records: Mutex::default(),
        })
    }

    fn records(&self) -> MutexGuard<'_, HashMap<StoreKey, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, value: &str, now: Timestamp) -> Option<(SessionId, Record)> {
        let id = SessionId::parse(value)?;
        let record = self.records().get(&id.store_key())?.clone();
        record.clockwork().expired(now).is_none().then_some((id, record))
    }
}

impl SessionFactory for MapSessions {
    fn carrier(&self) -> Carrier {
        Carrier::Id
    }

    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let found = cookies.candidates(self.cookie.name()).find_map(|value| self.find(value.ok()?, now));
        Ok(match found {
            Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
            None => SessionState::fresh(now, self.lifetimes),
        })
    }

    async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let (plan, update) = session.plan(Carrier::Id, now);
        let id = match plan {
            Plan::Create | Plan::Cycle | Plan::EndThenCreate => Some(fresh_id()?),
            Plan::Replace | Plan::Touch => session.id(),
            Plan::Nothing | Plan::End | Plan::Drop(_) | _ => None,
        };
        let kept = match id {
            Some(id) => Some((id, session.outcome(now, fresh_token)?)),
            None => None,
        };
        let left = session.id().filter(|_| plan == Plan::Cycle);
        let mut records = self.records();
        for ended in session.ended_id().into_iter().chain(left) {
            records.remove(&ended.store_key());
        }
        if let Some((id, record)) = &kept {
            records.insert(id.store_key(), record.clone());
        }
        let cookies = match (update, &kept) {
            (CookieUpdate::Set, Some((id, record))) => vec![self.cookie.set(&id.expose(), record.max_age(now))?],
            (CookieUpdate::Remove, _) => vec![self.cookie.remove()],
            _ => Vec::new(),
        };
        Ok(Committed { session: session.settled(kept.map(|(id, record)| (id, record.into())), now), cookies })
    }
}

async fn count(session: Session) -> Result<String, Error> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits += 1;
        *visits
    })?;
    Ok(format!("visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new().route("/", get(count)).layer(SessionLayer::new(MapSessions::new()?));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
