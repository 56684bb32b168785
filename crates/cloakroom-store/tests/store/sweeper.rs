//! The sweeper, in paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::ManualClock;
use cloakroom_session::factory::fresh_id;
use cloakroom_store::Sweeper;
use cloakroom_store::store::{Entry, Store as _, SweeperBuilder};

use crate::faulty::{Faulty, Mode, NOW};

const MINUTE: Duration = Duration::from_secs(60);

/// Creates a store with sessions that have expired at `NOW`, and live ones.
async fn store(over: usize, live: usize) -> Arc<Faulty> {
    let store = Faulty::new();
    let before = cloakroom_session::Timestamp::from_unix_secs(NOW.unix_secs() - 1);
    for number in 0..over + live {
        let deadline = if number < over { before } else { NOW };
        let entry = Entry::new("text".into(), before, before, Some(deadline));
        store.inner.create(&fresh_id().unwrap().store_key(), &entry, before).await.unwrap();
    }
    store
}

fn sweeper(store: &Arc<Faulty>) -> SweeperBuilder<Faulty> {
    Sweeper::new(Arc::clone(store)).interval(MINUTE).clock(ManualClock::at(NOW))
}

#[tokio::test(start_paused = true)]
async fn it_removes_what_is_over_in_bounded_batches() {
    let store = store(25, 5).await;
    let sweeper = sweeper(&store).batch(10).start();
    tokio::time::sleep(MINUTE * 2).await;
    let stats = sweeper.stop().await;
    assert_eq!((stats.swept, store.inner.len()), (25, 5));
    // Three batches in the run that deleted entries, and one in each other run.
    assert_eq!(stats.batches, stats.runs + 2);
    assert_eq!(stats.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn it_doesnt_spin_when_there_is_nothing_to_do() {
    let store = store(0, 1).await;
    let sweeper = sweeper(&store).start();
    tokio::time::sleep(MINUTE * 60).await;
    let calls = store.calls.load(Ordering::SeqCst);
    assert!((40..=120).contains(&calls), "{calls} calls in an hour, one a minute");
    assert_eq!(sweeper.stop().await.batches, calls as u64);
}

#[tokio::test(start_paused = true)]
async fn it_survives_errors_and_backs_off() {
    let store = store(3, 0).await;
    let sweeper = sweeper(&store).call_timeout(Duration::from_secs(1)).start();
    for mode in [Mode::Down, Mode::Hangs] {
        store.be(mode);
        let before = store.calls.load(Ordering::SeqCst);
        tokio::time::sleep(MINUTE * 120).await;
        let calls = store.calls.load(Ordering::SeqCst) - before;
        assert!((4..40).contains(&calls), "{mode:?}: {calls} calls in two hours");
    }
    assert!(sweeper.stats().failures >= 8);
    store.be(Mode::Works);
    tokio::time::sleep(MINUTE * 30).await;
    let stats = sweeper.stop().await;
    assert_eq!((stats.swept, store.inner.len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_told_to_and_when_dropped() {
    let store = store(0, 0).await;
    sweeper(&store).start().stop().await;
    drop(sweeper(&store).start());
    // Stopped in the middle of a run with many batches.
    let busy = self::store(1000, 0).await;
    let sweeper = sweeper(&busy).batch(1).start();
    while sweeper.stats().swept < 10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sweeper.stop().await;
    let left = busy.inner.len();
    assert!(left > 980);
    let calls = || (store.calls.load(Ordering::SeqCst), busy.calls.load(Ordering::SeqCst));
    let before = calls();
    tokio::time::sleep(MINUTE * 60).await;
    assert_eq!((calls(), busy.inner.len()), (before, left));
    assert_eq!(before.0, 0);
}

/// To a machine whose clock is ahead, live sessions look expired. It deletes nothing until its
/// clock is right again.
#[tokio::test(start_paused = true)]
async fn with_a_clock_that_is_ahead_it_removes_nothing() {
    let store = store(3, 5).await;
    let server = |behind: u64| Some(cloakroom_session::Timestamp::from_unix_secs(NOW.unix_secs() - behind));
    *store.clock.lock().unwrap() = server(61);
    let sweeper = sweeper(&store).start();
    tokio::time::sleep(MINUTE * 30).await;
    let stats = sweeper.stats();
    assert_eq!((stats.swept, stats.batches, store.inner.len()), (0, 0, 8));
    assert!(stats.failures > 0, "{stats:?}");
    *store.clock.lock().unwrap() = server(60);
    tokio::time::sleep(MINUTE * 60).await;
    assert_eq!((sweeper.stop().await.swept, store.inner.len()), (3, 5));
}
