//! tower-sessions and actix-session: vectors made by the real libraries, with `cloakroom-rust-peers
//! vectors`.

use std::time::Duration;

use cloakroom_bridge::{
    ActixSessionCookie, ActixSessionRecord, BridgedCookies, CookieFormat, IncomingCookie, MemoryRecords, RecordFormat,
    SealContext, SharedRecords, TowerSessionsRecord,
};
use cloakroom_session::adapter::CookieHeader;
use cloakroom_session::factory::Rejected;
use cloakroom_session::{Lifetimes, Timestamp};
use serde_json::Value;

use super::browser::{App, Browser, NOW};
use super::vectors::{document, text};

fn key() -> Vec<u8> {
    text(&document("rust"), "key").as_bytes().to_vec()
}

fn sealing(lifetimes: &Lifetimes) -> SealContext<'_> {
    SealContext::new("id", NOW, lifetimes, &[7; 64])
}

/// Returns the value in a `Set-Cookie` line of the cookie `id`.
fn value(line: &str) -> &str {
    line.strip_prefix("id=").unwrap().split(';').next().unwrap()
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn records_of_tower_sessions_are_read_and_written() {
    let format = TowerSessionsRecord::plain();
    let lifetimes = Lifetimes::default().idle_timeout(None).absolute_timeout(None);
    let mut count = 0;
    for vector in document("rust")["tower_sessions"]["records"].as_array().unwrap() {
        let (name, id) = (text(vector, "name"), text(vector, "id"));
        let expires = Timestamp::from_unix_millis(u64::try_from(vector["expires"].as_i64().unwrap()).unwrap_or(0));
        for version in ["0.14", "0.15"] {
            let stored = unhex(text(vector, version));
            let record = format.open(&stored, NOW, &lifetimes).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(record.times().ends(), Some(expires), "{name}");
            let expected = vector["data"].as_object().unwrap();
            if name == "axum-messages" {
                let queues: Vec<_> = record.flashes().map(|(queue, bodies)| (queue, bodies[0].as_str())).collect();
                assert_eq!(queues, [("", r#"["success","Saved."]"#)]);
            } else {
                assert_eq!(record.entries().len(), expected.len(), "{name}");
                for (key, value) in expected {
                    let read = record.get(key).unwrap();
                    assert_eq!(read.decode::<Value>(key).unwrap(), *value, "{name}: {key}");
                }
            }
            let sealed = format.seal(id, &record, sealing(&lifetimes)).unwrap();
            let again = format.open(&sealed, NOW, &lifetimes).unwrap();
            assert!(again.entries().eq(record.entries()) && again.flashes().eq(record.flashes()), "{name}");
            assert_eq!(again.times().ends(), Some(expires), "{name}");
            // The id, and the number of members before ours.
            assert_eq!(sealed[..19], stored[..19], "{name}");
            count += 1;
        }
    }
    println!("tower-sessions: {count} records read and written");
    assert_eq!(count, 30);
}

#[test]
fn ids_of_tower_sessions_open() {
    let vectors = document("rust");
    let cookies = &vectors["tower_sessions"]["cookies"];
    let id = text(cookies, "id");
    let formats = [
        ("plain", TowerSessionsRecord::plain()),
        ("signed", TowerSessionsRecord::signed(key()).unwrap()),
        ("private", TowerSessionsRecord::private(key()).unwrap()),
    ];
    let lifetimes = Lifetimes::default();
    for (kind, format) in &formats {
        for (other, _) in &formats {
            let opened = format.open_id(IncomingCookie::new("id", value(text(cookies, other))));
            assert_eq!(opened.is_ok(), kind == other, "{kind} reads {other}");
        }
        let sealed = format.seal_id(id, sealing(&lifetimes));
        assert_eq!(format.open_id(IncomingCookie::new("id", &sealed)).as_deref(), Ok(id), "{kind}");
        if *kind != "private" {
            assert_eq!(sealed.replace("%2B", "+"), value(text(cookies, kind)), "{kind}: the same text");
        }
    }
    let another = TowerSessionsRecord::signed(vec![1; 64]).unwrap();
    let signed = value(text(cookies, "signed"));
    assert_eq!(another.open_id(IncomingCookie::new("id", signed)), Err(Rejected::Forged));
    for malformed in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA+/"] {
        let opened = formats[0].1.open_id(IncomingCookie::new("id", malformed));
        assert_eq!(opened, Err(Rejected::Malformed), "{malformed}");
    }
}

#[test]
fn cookies_of_actix_session_are_read_and_written() {
    let signed = ActixSessionCookie::signed(key()).unwrap();
    let private = ActixSessionCookie::private(key()).unwrap();
    let records = ActixSessionRecord::private(key()).unwrap();
    let lifetimes = signed.lifetimes();
    let mut count = 0;
    for vector in document("rust")["actix_session"].as_array().unwrap() {
        let name = text(vector, "name");
        for (kind, format) in [("signed", &signed), ("private", &private)] {
            let incoming = IncomingCookie::new("id", value(text(vector, kind))).at(NOW);
            let record = format.open(incoming, &lifetimes).unwrap_or_else(|why| panic!("{name}: {why}"));
            let expected = vector["data"].as_object().unwrap();
            assert_eq!(record.entries().len(), expected.len(), "{name}");
            for (key, value) in expected {
                assert_eq!(record.get(key).unwrap().decode::<Value>(key).unwrap(), *value, "{name}: {key}");
            }
            let sealed = format.seal(&record, sealing(&lifetimes)).unwrap();
            let again = format.open(IncomingCookie::new("id", &sealed.value).at(NOW), &lifetimes).unwrap();
            assert!(again.entries().eq(record.entries()), "{name}");
            // The state that the cookie holds is no key of a record.
            assert!(records.open_id(incoming).is_err(), "{name}");
            count += 1;
        }
    }
    println!("actix-session: {count} cookies read and written");
    assert_eq!(count, 16);
}

#[test]
fn states_that_are_no_objects_of_texts_are_refused() {
    let format = ActixSessionRecord::signed(key()).unwrap();
    for (state, opens) in [
        ("{}", true),
        (r#"{"a":"1"}"#, true),
        (r#"{"a":"not JSON"}"#, true),
        (r#"{"a":1}"#, false),
        (r#"{"a":null}"#, false),
        ("[]", false),
        ("", false),
        (r#"{"a":"1"}x"#, false),
    ] {
        let opened = format.open(state.as_bytes(), NOW, &Lifetimes::default());
        assert_eq!(opened.is_ok(), opens, "{state}: {opened:?}");
    }
    assert!(format.open(&[0xff], NOW, &Lifetimes::default()).is_err());
}

/// A handler's time for one session never makes a cookie of the browser session persistent.
#[tokio::test]
async fn a_browser_session_stays_one() {
    let minute = Duration::from_secs(60);
    for (persistent, expected) in [(false, None), (true, Some("Max-Age=60"))] {
        let tower = TowerSessionsRecord::plain();
        let tower = if persistent { tower.on_inactivity(Duration::from_secs(3600)) } else { tower };
        let app = App::new(SharedRecords::new(tower, MemoryRecords::new()).build().unwrap());
        check(&app, minute, expected).await;
        let actix = ActixSessionRecord::private(key()).unwrap();
        let actix = if persistent { actix.session_ttl(Duration::from_secs(3600)) } else { actix };
        let app = App::new(SharedRecords::new(actix, MemoryRecords::new()).build().unwrap());
        check(&app, minute, expected).await;
        let cookie = ActixSessionCookie::private(key()).unwrap();
        let cookie = if persistent { cookie.session_ttl(Duration::from_secs(3600)) } else { cookie };
        check(&App::new(BridgedCookies::new(cookie).build().unwrap()), minute, expected).await;
    }
}

async fn check(app: &App, span: Duration, expected: Option<&str>) {
    let slot = app.slot();
    let session = slot.open(CookieHeader::default()).await.unwrap();
    session.insert("user", "ann").unwrap();
    session.set_idle_timeout(Some(span));
    let line = slot.finish(200).await.unwrap().cookies.remove(0);
    let max_age = line.as_str().split("; ").find(|attribute| attribute.starts_with("Max-Age"));
    assert_eq!(max_age, expected, "{}", line.as_str());
}

/// tower-sessions doesn't know a time that a handler here set: after its next write, the session
/// still lasts no longer here.
#[tokio::test]
async fn a_session_never_lasts_longer_than_a_handler_said() {
    let store = std::sync::Arc::new(MemoryRecords::new());
    let factory = SharedRecords::new(TowerSessionsRecord::plain(), std::sync::Arc::clone(&store)).build().unwrap();
    let app = App::new(factory);
    let mut browser = Browser::default();
    let set = |session: &cloakroom_session::Session| {
        session.insert("user", "ann").unwrap();
        session.set_idle_timeout(Some(Duration::from_secs(60)));
    };
    browser.visit(&app, set).await;
    let id = store.ids().remove(0);
    let lifetimes = TowerSessionsRecord::plain().lifetimes();
    let open = |now| TowerSessionsRecord::plain().open(&store.record(&id).unwrap(), now, &lifetimes).unwrap();
    assert_eq!(open(NOW).times().ends(), Some(NOW + Duration::from_secs(60)));
    // The other side saves the same data with its own time, which is longer.
    let mut longer = open(NOW);
    longer.restore_touch(NOW, Some(NOW + Duration::from_secs(3600)));
    let saved = TowerSessionsRecord::plain().seal(&id, &longer, sealing(&lifetimes)).unwrap();
    store.overwrite(&id, saved);
    assert_eq!(open(NOW).times().ends(), Some(NOW + Duration::from_secs(60)));
    assert_eq!(open(NOW).times().touched, NOW);
    browser.visit(&app, |session| session.insert("cart", 1).unwrap()).await;
    assert_eq!(open(NOW).times().ends(), Some(NOW + Duration::from_secs(60)));
    app.clock.advance(Duration::from_secs(61));
    assert!(browser.visit(&app, |session| session.is_new()).await.0);
}

/// Two requests of this side both succeed, also while the other one writes.
#[tokio::test]
async fn concurrent_writes_are_merged() {
    let store = std::sync::Arc::new(MemoryRecords::new());
    let factory = SharedRecords::new(TowerSessionsRecord::plain(), std::sync::Arc::clone(&store)).build().unwrap();
    let app = App::new(factory);
    let mut browser = Browser::default();
    browser.visit(&app, |session| session.insert("user", "ann").unwrap()).await;
    let header = format!("id={}", browser.jar["id"]);
    let slots = [app.slot(), app.slot(), app.slot()];
    for (number, slot) in slots.iter().enumerate() {
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        session.insert(format!("n{number}"), number).unwrap();
    }
    for slot in slots {
        slot.finish(200).await.unwrap();
    }
    let (keys, _) = browser.visit(&app, |session| session.keys()).await;
    assert_eq!(keys.len(), 4, "{keys:?}");
}
