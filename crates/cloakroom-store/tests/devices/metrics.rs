//! The counters of device bindings: every event, with every reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloakroom_device::{Device, headers};
use cloakroom_session::{DeviceBinding, Engine, ManualClock, Session, meter};
use cloakroom_store::MemoryStore;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;

use crate::browser::{BOUND, Browser, Head, REFRESH, REGISTER};
use crate::world::{NOW, seconds, sessions, with_clock};

const NAME: &str = "cloakroom_device_binding_total";

/// Returns the counts of events since the last call, as `event` or `event reason`.
fn counted(recorder: &DebuggingRecorder) -> BTreeMap<String, u64> {
    let all = recorder.snapshotter().snapshot().into_vec();
    let ours = all.into_iter().filter(|(key, ..)| key.key().name() == NAME);
    let rows = ours.map(|(key, _, description, value)| {
        assert!(description.is_some(), "{key:?} isn't described");
        let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
        let [("event", event), ("reason", reason)] = labels.as_slice() else { panic!("{labels:?}") };
        let DebugValue::Counter(count) = value else { panic!("{key:?} is a counter") };
        (format!("{event} {reason}").trim().to_owned(), count)
    });
    rows.filter(|(_, count)| *count > 0).collect()
}

struct App {
    recorder: DebuggingRecorder,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    engine: Arc<Engine>,
}

impl App {
    fn new() -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(NOW)));
        let engine = with_clock(Arc::clone(&store), Arc::clone(&clock));
        Self { recorder: DebuggingRecorder::new(), store, clock, engine }
    }

    /// Checks the events since the last check.
    fn expect(&self, case: &str, events: &[&str]) {
        let expected: BTreeMap<_, _> = events.iter().map(|event| ((*event).to_owned(), 1)).collect();
        assert_eq!(counted(&self.recorder), expected, "{case}");
    }
}

#[tokio::test]
async fn the_life_of_a_binding_is_counted() {
    let app = App::new();
    let _recording = metrics::set_default_local_recorder(&app.recorder);
    meter::describe();
    let mut browser = Browser::new();
    let challenge = browser.sign_in(&app.engine).await;
    app.expect("a sign-in", &["offered"]);
    let head = browser.registration(&challenge);
    browser.send(&app.engine, &head).await;
    app.expect("a registration", &["registered"]);
    let head = browser.asking();
    browser.send(&app.engine, &head).await;
    app.expect("a refresh without a proof", &["challenged"]);
    let head = browser.refreshing();
    browser.send(&app.engine, &head).await;
    app.expect("a refresh", &["refreshed"]);
    browser.send(&app.engine, &head).await;
    app.expect("the same proof again", &["refreshed"]);
    browser.visit(&app.engine, |_| ()).await;
    app.expect("a proven request", &[]);

    app.clock.advance(seconds(10));
    let mut thief = browser.clone();
    thief.jar.remove(BOUND);
    thief.visit(&app.engine, |_| ()).await;
    app.expect("an unproven request", &["unproven detached"]);
    let observing = Engine::new(sessions(Arc::clone(&app.store))).clock(Arc::clone(&app.clock));
    let observing = Arc::new(observing.device_binding(DeviceBinding::observe()).unwrap());
    thief.visit(&observing, |_| ()).await;
    app.expect("an unproven request, observed", &["unproven observed"]);
    for reason in ["quota_exceeded", "server_error", "unreachable"] {
        let head = Head::get(&thief.jar).with("secure-session-skipped", &format!("{reason};session_identifier=\"a\""));
        crate::browser::visit(&observing, &head, |_| ()).await.unwrap();
        app.expect(reason, &[&format!("skipped {reason}"), "unproven observed"]);
    }
    let head = Head::get(&browser.jar).with("secure-session-skipped", "bored");
    crate::browser::visit(&app.engine, &head, |_| ()).await.unwrap();
    app.expect("an unknown reason makes no time series", &[]);

    let mut copy = browser.clone();
    browser.visit(&app.engine, Session::reauthenticated).await;
    copy.send(&app.engine, &copy.refreshing()).await;
    app.expect("a refresh with an id that has moved", &["refused moved"]);
    browser.visit(&app.engine, Session::invalidate).await;
    let head = browser.refreshing();
    browser.send(&app.engine, &head).await;
    app.expect("a refresh after a sign-out", &["refused unknown"]);
}

#[tokio::test]
async fn each_reason_for_refusing_a_registration_is_counted() {
    let app = App::new();
    let _recording = metrics::set_default_local_recorder(&app.recorder);
    meter::describe();
    let mut browser = Browser::new();
    let challenge = browser.sign_in(&app.engine).await;
    let device = Device::new(1);
    let (header, payload) =
        (json!({ "alg": "ES256", "jwk": device.jwk(), "typ": "dbsc+jwt" }), |it: &str| json!({ "jti": it }));
    let signed = |name: &str, value: serde_json::Value| {
        let mut header = header.clone();
        header[name] = value;
        device.sign(&header, &payload(&challenge))
    };
    let good = device.registers(&challenge);
    let rows = [
        ("not-offered", "", headers(None, None), good.clone()),
        ("other-site", "session", vec![("sec-fetch-site", "same-site")], good.clone()),
        ("body", "session", vec![("content-length", "1"), ("sec-fetch-site", "same-origin")], good.clone()),
        ("identifier", "session", headers(Some("an-id"), None), good.clone()),
        ("malformed", "session", headers(None, None), "no.proof".to_owned()),
        ("wrong-type", "session", headers(None, None), signed("typ", "JWT".into())),
        ("wrong-algorithm", "session", headers(None, None), signed("alg", "none".into())),
        ("wrong-key", "session", headers(None, None), signed("jwk", json!({ "kty": "RSA" }))),
        ("forged", "session", headers(None, None), signed("jwk", Device::new(2).jwk())),
        ("wrong-challenge", "session", headers(None, None), device.registers("another")),
    ];
    counted(&app.recorder);
    for (reason, cookie, lines, proof) in rows {
        let mut sender = browser.clone();
        sender.jar.retain(|name, _| name == cookie);
        let head = Head::post(REGISTER, &sender.jar, &lines).with("secure-session-response", &proof);
        assert_eq!(sender.send(&app.engine, &head).await.status, 400, "{reason}");
        app.expect(reason, &[&format!("refused {reason}")]);
    }
    let late = browser.registration(&challenge);
    app.clock.advance(seconds(301));
    assert_eq!(browser.send(&app.engine, &late).await.status, 400);
    app.expect("late", &["refused offer-expired"]);
    let mut bound = Browser::bound(&app.engine).await;
    counted(&app.recorder);
    let head = bound.registration("any");
    assert_eq!(bound.send(&app.engine, &head).await.status, 400);
    app.expect("twice", &["refused already-bound"]);
}

#[tokio::test]
async fn each_reason_for_refusing_a_refresh_is_counted() {
    let app = App::new();
    let _recording = metrics::set_default_local_recorder(&app.recorder);
    meter::describe();
    let mut browser = Browser::bound(&app.engine).await;
    let (challenge, id) = browser.known.clone().unwrap();
    let (good, device) = (browser.device.refreshes(&challenge), Device::new(1));
    let named = |proof| headers(Some(&id), Some(proof));
    let typed = |alg: &str, typ: &str| device.sign(&json!({ "alg": alg, "typ": typ }), &json!({ "jti": challenge }));
    counted(&app.recorder);
    for (reason, lines) in [
        ("other-site", vec![("sec-fetch-site", "cross-site"), ("sec-secure-session-id", &id)]),
        ("body", [named(&good), vec![("transfer-encoding", "chunked")]].concat()),
        ("identifier", headers(None, Some(&good))),
        ("malformed", named("a.b")),
        ("wrong-type", named(&typed("ES256", "JWT"))),
        ("wrong-algorithm", named(&typed("none", "dbsc+jwt"))),
        ("wrong-key", named(&device.registers(&challenge))),
        ("forged", named(&Device::new(2).refreshes(&challenge))),
        ("unknown", headers(Some("AAAAAAAAAAAAAAAAAAAAAA"), Some(&good))),
    ] {
        let head = Head::post(REFRESH, &browser.jar, &lines);
        let status = if reason == "unknown" { 401 } else { 400 };
        assert_eq!(browser.send(&app.engine, &head).await.status, status, "{reason}");
        app.expect(reason, &[&format!("refused {reason}")]);
    }
}
