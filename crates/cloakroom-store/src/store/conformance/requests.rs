//! A hundred concurrent requests of one session, through the factory that applications use.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::{CookieHeader, Duplicates, FlashId, SessionFactory as _, SessionId, begin_commit};
use cloakroom_session::{Error, Timestamp};

use super::bench::{Bench, Outcome, Wrong, ensure, same};
use crate::store::Store;
use crate::stored_sessions::StoredSessions;

const REQUESTS: usize = 100;
const NAME: &str = "conformance";

async fn request<S: Store>(
    sessions: Arc<StoredSessions<S>>,
    id: SessionId,
    number: usize,
    pause: Duration,
    now: Timestamp,
) -> Result<bool, Error> {
    let line = format!("{NAME}={}", id.expose());
    let mut session = sessions.open(CookieHeader::new([line.as_bytes()]), now).await?;
    let opened = session.id() == Some(id);
    tokio::time::sleep(pause).await;
    session.update("items", move |items: &mut Vec<usize>| items.push(number))?;
    session.update("count", |count: &mut usize| *count += 1)?;
    let message = FlashId::from_random(number as u64);
    session.flash("", &format!("message {number}"), message, Duplicates::Allow)?;
    let committed = sessions.commit(&begin_commit(session, now)?).await?;
    Ok(opened && committed.session.id() == Some(id))
}

async fn hundred<S: Store>(it: Bench<S>, processes: usize) -> Outcome {
    let mut sessions = Vec::new();
    for _ in 0..processes {
        sessions.push(it.sessions(NAME).await?);
    }
    let Some(first) = sessions.first() else { return Ok(()) };
    let mut session = first.open(CookieHeader::default(), it.now).await?;
    session.insert("count", &0)?;
    let created = first.commit(&begin_commit(session, it.now)?).await?.session;
    let id = created.id().ok_or_else(|| Wrong::new("no session was created"))?;
    let tasks: Vec<_> = sessions
        .iter()
        .cycle()
        .take(REQUESTS)
        .enumerate()
        .map(|(number, sessions)| {
            let pause = Duration::from_millis(it.below(20));
            tokio::spawn(request(Arc::clone(sessions), id, number, pause, it.now))
        })
        .collect();
    for task in tasks {
        ensure(task.await??, "a request didn't open or didn't save the session")?;
    }
    let line = format!("{NAME}={}", id.expose());
    let session = first.open(CookieHeader::new([line.as_bytes()]), it.now).await?;
    let mut items: Vec<usize> = session.get("items")?.unwrap_or_default();
    items.sort_unstable();
    same("the items that 100 requests pushed", &items, &(0..REQUESTS).collect())?;
    same("the count of 100 requests", &session.get("count")?, &Some(REQUESTS))?;
    let mut messages: Vec<String> = session.peek_flash("")?;
    messages.sort();
    messages.dedup();
    same("how many messages of 100 requests wait", &messages.len(), &REQUESTS)
}

pub(super) async fn a_hundred_requests_of_one_process<S: Store>(it: Bench<S>) -> Outcome {
    hundred(it, 1).await
}

/// Simulates processes that share nothing but the store, as far as one process can.
pub(super) async fn a_hundred_requests_of_three_processes<S: Store>(it: Bench<S>) -> Outcome {
    hundred(it, 3).await
}
