//! Lists of an owner's sessions, and their end from elsewhere.

use std::sync::Arc;

use cloakroom_session::{Clock as _, DeviceProof, Engine, ManualClock};
use cloakroom_store::{MemoryStore, Sessions};

use crate::browser::{BOUND, Browser};
use crate::world::{NOW, OWNER, seconds, sessions, with_clock};

/// An application, and the sessions for its operators.
fn app() -> (Arc<Engine>, Sessions<MemoryStore>, Arc<ManualClock>) {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(NOW)));
    let lists = Sessions::new(sessions(Arc::clone(&store))).clock(Arc::clone(&clock));
    (with_clock(store, Arc::clone(&clock)), lists, clock)
}

#[tokio::test]
async fn a_list_shows_since_when_a_session_is_bound_and_its_last_proof() {
    let (engine, lists, clock) = app();
    let mut browser = Browser::new();
    let shown = async || {
        let list = lists.list(OWNER).await.unwrap();
        assert_eq!(list.len(), 1);
        (list[0].bound_since, list[0].last_proof)
    };
    let challenge = browser.sign_in(&engine).await;
    assert_eq!(shown().await, (None, None), "an offer is no binding");
    clock.advance(seconds(2));
    let bound = clock.now();
    let head = browser.registration(&challenge);
    assert_eq!(browser.send(&engine, &head).await.status, 200);
    assert_eq!(shown().await, (Some(bound), Some(bound)));
    clock.advance(seconds(500));
    let head = browser.refreshing();
    assert_eq!(browser.send(&engine, &head).await.status, 200);
    assert_eq!(shown().await, (Some(bound), Some(bound + seconds(500))));
}

/// The browser of a session that was ended elsewhere gives up its key with the next refresh.
#[tokio::test]
async fn a_session_that_was_ended_elsewhere_refreshes_no_more() {
    for all in [false, true] {
        let (engine, lists, _) = app();
        let (mut ended, mut other) = (Browser::bound(&engine).await, Browser::bound(&engine).await);
        if all {
            assert_eq!(lists.end_all(OWNER).await.unwrap(), 2);
        } else {
            let prefix = lists.list(OWNER).await.unwrap()[0].prefix();
            assert!(lists.end(OWNER, &prefix).await.unwrap());
        }
        for (browser, status) in [(&mut ended, 401), (&mut other, if all { 401 } else { 200 })] {
            let head = browser.refreshing();
            let answer = browser.send(&engine, &head).await;
            assert_eq!((answer.status, answer.challenge.is_some()), (status, status == 200), "{all}");
            let (owner, _) = browser.visit(&engine, cloakroom_session::Session::owner).await;
            assert_eq!(owner.is_some(), status == 200, "{all}");
        }
    }
}

/// A session without a proof is detached, and a sign-out ends even that one.
#[tokio::test]
async fn a_sign_out_without_a_proof_ends_the_session() {
    let (engine, lists, clock) = app();
    let mut browser = Browser::bound(&engine).await;
    browser.visit(&engine, |_| ()).await;
    clock.advance(seconds(10));
    let mut lost = browser.clone();
    lost.jar.remove(BOUND);
    let (proof, _) = lost
        .visit(&engine, |session| {
            session.invalidate();
            session.proof()
        })
        .await;
    assert_eq!(proof, DeviceProof::Missing);
    assert_eq!(lists.list(OWNER).await.unwrap(), []);
    let head = browser.refreshing();
    assert_eq!(browser.send(&engine, &head).await.status, 401);
}
