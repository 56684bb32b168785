//! A custom session factory: sessions in a map, with an id in the cookie.
//!
//!     cargo run -p cloakroom --features axum --example own_factory
//!
//! It shows the structure of a factory: open the session that the cookie names, carry out the plan,
//! and report the result. It merges concurrent requests and never revives an ended session, as
//! every factory must. It loses all sessions when it restarts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use cloakroom::factory::{
    After, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, CookieUpdate, Plan, Record, SessionFactory,
    SessionId, SessionState, StoreKey, replay,
};
use cloakroom::{ConfigError, ConflictPolicy, CookieConfig, Error, Lifetimes, Session, SessionLayer, Timestamp};

#[derive(Debug)]
pub(crate) struct MapSessions {
    cookie: CookieTemplate,
    lifetimes: Lifetimes,
    // Keyed by the hash of the id: read access to the map doesn't give access to the sessions.
    records: Mutex<HashMap<StoreKey, Record>>,
}

impl MapSessions {
    pub(crate) fn new() -> Result<Self, ConfigError> {
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
        record.times().expired(now).is_none().then_some((id, record))
    }
}

impl SessionFactory for MapSessions {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let found = cookies.candidates(self.cookie.name()).find_map(|value| self.find(value.ok()?, now));
        let session = match found {
            Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
            None => SessionState::fresh(now, self.lifetimes),
        };
        Ok(session.with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let session = commit.session();
        let mut records = self.records();
        // If one session ends and another begins, end the first one first.
        let ended = commit.ended_id().is_some_and(|id| records.remove(&id.store_key()).is_some());
        // An earlier attempt of this commit may have written its record without getting an answer.
        let target = commit.new_id().or(session.id()).and_then(|id| records.get(&id.store_key()));
        let done = target.filter(|record| commit.has_written(record)).cloned();
        // Another request may have committed since this one opened the session.
        let newest = session.store_key().and_then(|key| records.get(&key));
        let record = match (&done, newest) {
            (Some(done), _) => Arc::new(done.clone()),
            (None, Some(newest)) if newest != session.base() => {
                let mut record = replay(commit, newest, ConflictPolicy::LastWriteWins)?;
                commit.mark(&mut record);
                Arc::new(record)
            }
            (None, _) => commit.record(),
        };
        let id = match commit.plan() {
            Plan::Create | Plan::EndThenCreate => commit.new_id(),
            Plan::Cycle if done.is_some() => commit.new_id(),
            // Only an existing session is cycled or replaced: an ended one must not be revived.
            Plan::Cycle => session.store_key().and_then(|key| records.remove(&key)).and(commit.new_id()),
            Plan::Replace | Plan::Touch => session.id().filter(|id| records.contains_key(&id.store_key())),
            Plan::End => {
                let cookies = ended.then(|| self.cookie.remove()).into_iter().collect();
                return Ok(Committed::new(commit.settle(After::Ended), cookies));
            }
            Plan::Drop(_) => None,
            Plan::Nothing | _ => return Ok(Committed::new(commit.settle(After::Untouched), Vec::new())),
        };
        let Some(id) = id else { return Ok(Committed::new(commit.settle(After::Dropped), Vec::new())) };
        records.insert(id.store_key(), Record::clone(&record));
        let cookies = match commit.cookie() {
            CookieUpdate::Set => vec![self.cookie.set(&id.expose(), record.max_age(commit.now()))?],
            CookieUpdate::Keep | CookieUpdate::Remove | _ => Vec::new(),
        };
        Ok(Committed::new(commit.settle(After::Kept(id, record)), cookies))
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
