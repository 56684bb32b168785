//! Processes whose clocks differ by seconds.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Lifetimes;
use cloakroom_store::store::end_all_before;
use cloakroom_store::{MemoryStore, Sessions};

use crate::faulty::{App, NOW};

const IDLE: Duration = Duration::from_secs(600);
/// A time at which a session from `NOW` is live.
const BEFORE: Duration = Duration::from_secs(598);
/// The same moment by the clock of a process that is ahead.
const AHEAD: Duration = Duration::from_secs(603);

/// Two processes. For the second, the session in the returned cookie has just expired.
async fn processes() -> (App<MemoryStore>, App<MemoryStore>, String) {
    let store = Arc::new(MemoryStore::new());
    let node = || {
        App::with(Arc::clone(&store), |sessions| {
            sessions.lifetimes(Lifetimes::default().idle_timeout(IDLE).absolute_timeout(None))
        })
    };
    let (behind, ahead) = (node(), node());
    let cookie = behind
        .visit("", |session| {
            session.insert("user", 1).unwrap();
            session.set_owner("ann");
        })
        .await;
    (behind, ahead, cookie)
}

async fn is_signed_in(app: &App<MemoryStore>, cookie: &str) -> bool {
    let request = app.request(cookie).await.unwrap();
    request.session.get::<u64>("user").unwrap().is_some()
}

#[tokio::test]
async fn a_sign_out_takes_effect_for_a_process_whose_clock_is_behind() {
    let (behind, ahead, cookie) = processes().await;
    let request = ahead.request(&cookie).await.unwrap();
    assert!(request.session.get::<u64>("user").unwrap().is_some());
    request.session.invalidate();
    ahead.clock.set(NOW + AHEAD);
    request.finish().await.unwrap();
    behind.clock.set(NOW + BEFORE);
    assert!(!is_signed_in(&behind, &cookie).await);
}

#[tokio::test]
async fn ends_of_many_sessions_include_those_that_have_just_expired_here() {
    for way in ["owner", "all", "all before"] {
        let (behind, ahead, cookie) = processes().await;
        ahead.clock.set(NOW + AHEAD);
        behind.clock.set(NOW + BEFORE);
        let sessions = Sessions::new(Arc::clone(&ahead.sessions)).clock(Arc::clone(&ahead.clock));
        let ended = match way {
            "owner" => sessions.end_all("ann").await.unwrap(),
            "all" => sessions.end_everyone_before(NOW + AHEAD).await.unwrap(),
            _ => end_all_before(&**ahead.sessions.store(), NOW + AHEAD, NOW + AHEAD).await.unwrap(),
        };
        assert_eq!(ended, 1, "{way}");
        assert!(!is_signed_in(&behind, &cookie).await, "{way}");
    }
}
