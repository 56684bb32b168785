//! Counters and timings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{Session, meter};
use cloakroom_store::{MemoryStore, Sweeper};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::faulty::{App, Faulty, Mode};

/// Returns counters and gauges by value, and histograms by their number of samples.
fn numbers(recorder: &DebuggingRecorder) -> BTreeMap<String, u64> {
    let rows = recorder.snapshotter().snapshot().into_vec().into_iter().map(|(key, _, description, value)| {
        assert!(description.is_some(), "{key:?} isn't described");
        let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let number = match value {
            DebugValue::Counter(number) => number,
            DebugValue::Histogram(values) => values.len() as u64,
            DebugValue::Gauge(number) => number.into_inner() as u64,
        };
        (format!("{} {}", key.key().name(), labels.join(" ")), number)
    });
    rows.collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_and_calls_are_timed() {
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    meter::describe();
    let app = App::new(Faulty::new());
    let cookie = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    app.visit(&cookie, |_| ()).await;
    let (one, other) = (app.request(&cookie).await.unwrap(), app.request(&cookie).await.unwrap());
    one.session.insert("one", 1).unwrap();
    other.session.insert("other", 1).unwrap();
    one.finish().await.unwrap();
    other.finish().await.unwrap();
    let newer = app.visit(&cookie, |session| session.set_owner("ann")).await;
    let late = app.request(&newer).await.unwrap();
    late.session.insert("late", 1).unwrap();
    app.visit(&newer, Session::invalidate).await;
    late.finish().await.unwrap();
    for unknown in [newer.as_str(), "session=short"] {
        app.visit(unknown, |_| ()).await;
    }
    app.sessions.store().be(Mode::Hangs);
    assert!(app.request(&newer).await.is_err());
    app.sessions.store().be(Mode::Down);
    assert!(app.request(&newer).await.is_err());

    let event = |event: &str| format!("cloakroom_session_events_total event={event} carrier=id");
    let call =
        |operation: &str, outcome| format!("cloakroom_store_call_seconds operation={operation} outcome={outcome}");
    let expected = [
        (event("created"), 1),
        (event("opened"), 6),
        (event("replaced"), 2),
        (event("replayed"), 1),
        (event("cycled"), 1),
        (event("ended"), 1),
        (event("dropped"), 1),
        ("cloakroom_session_bytes carrier=id".to_owned(), 4),
        ("cloakroom_cookies_rejected_total reason=malformed".to_owned(), 1),
        ("cloakroom_cookies_rejected_total reason=unknown".to_owned(), 1),
        (call("create", "ok"), 1),
        (call("load", "ok"), 8),
        (call("load", "timeout"), 1),
        (call("load", "error"), 1),
        (call("replace", "ok"), 4),
        (call("owned", "ok"), 1),
        (call("cycle", "ok"), 1),
        ("cloakroom_store_calls_in_flight ".to_owned(), 0),
        (call("end", "ok"), 1),
    ];
    let found = numbers(&recorder);
    assert_eq!(found, expected.into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_is_counted() {
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    meter::describe();
    let app = App::new(Arc::new(MemoryStore::new()));
    app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    app.clock.advance(Duration::from_secs(86_400));
    let sweeper = Sweeper::new(Arc::clone(app.sessions.store())).clock(Arc::clone(&app.clock)).start();
    while sweeper.stats().swept == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    sweeper.stop().await;
    let numbers = numbers(&recorder);
    assert_eq!(numbers["cloakroom_swept_total "], 1);
    assert!(numbers["cloakroom_store_call_seconds operation=sweep outcome=ok"] >= 1);
}
