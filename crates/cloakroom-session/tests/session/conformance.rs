//! The conformance suite for factories, on cookie sessions and on the factory of the trait's
//! example.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cloakroom_session::adapter::*;
use cloakroom_session::factory::conformance::{Capabilities, assert_conforms};
use cloakroom_session::factory::*;
use cloakroom_session::*;

use crate::memory::MemorySessions;
use crate::support::{BOTH, cookies};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cookie_sessions_conform() {
    for seal in BOTH {
        assert_conforms(Arc::new(cookies(seal)), Capabilities::all().without_revocation().without_merging()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_factory_of_our_own_tests_conforms() {
    let sessions = MemorySessions::new();
    let counted = sessions.clone();
    let can = Capabilities::all().without_reload().counting(move || counted.records());
    assert_conforms(Arc::new(sessions), can).await;
}

/// The example at [`SessionFactory`], without changes.
#[derive(Debug, Default)]
struct MapSessions {
    records: Mutex<HashMap<StoreKey, Record>>,
    lifetimes: Lifetimes,
}

impl SessionFactory for MapSessions {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let records = self.records.lock().unwrap();
        let known = cookies.candidates("sid").filter_map(|value| SessionId::parse(value.ok()?)).find_map(|id| {
            let record = records.get(&id.store_key())?;
            record.times().expired(now).is_none().then(|| (id, record.clone()))
        });
        let session = match known {
            Some((id, record)) => SessionState::loaded(id, record, now, self.lifetimes),
            None => SessionState::fresh(now, self.lifetimes),
        };
        Ok(session.with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let cookie = CookieConfig::default().name("sid").build().expect("a plain name");
        let mut records = self.records.lock().unwrap();
        let (session, mut cookies) = (commit.session(), Vec::new());
        // If one commit ends a session and begins another, the end comes first.
        let ended = commit.ended_id().is_some_and(|id| records.remove(&id.store_key()).is_some());
        let id = match commit.plan() {
            Plan::Create | Plan::EndThenCreate => commit.new_id(),
            // A session moves or is replaced only if it still exists: an ended session is never
            // revived.
            Plan::Cycle => session.store_key().and_then(|key| records.remove(&key)).and(commit.new_id()),
            Plan::Replace | Plan::Touch => session.id().filter(|id| records.contains_key(&id.store_key())),
            Plan::End => {
                cookies.extend(ended.then(|| cookie.remove()));
                return Ok(Committed::new(commit.settle(After::Ended), cookies));
            }
            Plan::Drop(_) => None,
            _ => return Ok(Committed::new(commit.settle(After::Untouched), cookies)),
        };
        let Some(id) = id else { return Ok(Committed::new(commit.settle(After::Dropped), cookies)) };
        records.insert(id.store_key(), Record::clone(&commit.record()));
        if commit.cookie() == CookieUpdate::Set {
            cookies.push(cookie.set(&id.expose(), None)?);
        }
        Ok(Committed::new(commit.settle(After::Kept(id, commit.record())), cookies))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_example_at_the_trait_conforms() {
    let sessions = Arc::new(MapSessions::default());
    let counted = Arc::clone(&sessions);
    let can = Capabilities::all()
        .without_merging()
        .without_tombstones()
        .without_reload()
        .always_answers()
        .counting(move || counted.records.lock().unwrap().len());
    assert_conforms(sessions, can).await;
}
