//! Records that another application also writes.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_bridge::{
    DjangoRecord, ForeignStore as _, MemoryRecords, RecordFormat as _, SealContext, SharedRecords, SwapOutcome,
};
use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{CookieHeader, FrameworkData, Json, Record, SessionFactory as _, SessionTimes};
use cloakroom_session::{Engine, Lifetimes, ManualClock, Session};

use super::browser::{App, Browser, NOW};

const SECRET: &str = "django-insecure-test-key";

fn records() -> (App, Arc<MemoryRecords>) {
    let store = Arc::new(MemoryRecords::new());
    let factory = SharedRecords::new(DjangoRecord::new(SECRET).unwrap(), Arc::clone(&store)).build().unwrap();
    (App::new(factory), store)
}

/// Returns the text of a record in Django's form.
fn django_writes(json: &str) -> String {
    let lifetimes = Lifetimes::default().absolute_timeout(None);
    let members = Json::from_lenient("it", json).unwrap().members().unwrap();
    let mut times = SessionTimes::start(NOW, &lifetimes);
    let expiry = members.iter().find(|(key, _)| key.as_str() == "\"_session_expiry\"");
    let seconds = expiry.map_or(0, |(_, seconds)| seconds.decode::<u64>("seconds").unwrap());
    times.own_idle = (seconds > 0).then(|| Some(Duration::from_secs(seconds)));
    let mut record = Record::with_times(times);
    for (key, value) in &members {
        let key = key.decode::<String>("key").unwrap();
        if key != "_session_expiry" {
            record.restore(key, value.clone());
        }
    }
    record.restore_foreign(FrameworkData::new("django").members(members));
    let format = DjangoRecord::new(SECRET).unwrap();
    let sealed = format.seal("", &record, SealContext::new("sessionid", NOW, &lifetimes, &[7; 64]));
    String::from_utf8(sealed.unwrap()).unwrap()
}

async fn signed_in(app: &App) -> (Browser, String) {
    let mut browser = Browser::default();
    let (_, sent) = browser.visit(app, |session| session.insert("user", 42).unwrap()).await;
    assert_eq!(sent, 1);
    let id = browser.jar["sessionid"].clone();
    (browser, id)
}

/// A request in progress: its changes are based on the record that it has read.
struct UnderWay {
    slot: SessionSlot,
    session: Session,
}

impl UnderWay {
    async fn begin(store: &Arc<MemoryRecords>, browser: &Browser) -> Self {
        let factory = SharedRecords::new(DjangoRecord::new(SECRET).unwrap(), Arc::clone(store)).build().unwrap();
        let engine = Engine::new(factory).clock(ManualClock::at(NOW));
        let slot = SessionSlot::new(Arc::new(engine));
        let header = format!("sessionid={}", browser.jar["sessionid"]);
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        Self { slot, session }
    }

    async fn finish(self) -> usize {
        self.slot.finish(200).await.unwrap().cookies.len()
    }
}

#[tokio::test]
async fn an_id_that_django_does_not_know_is_never_adopted() {
    let (app, store) = records();
    for invented in ["0123456789abcdef0123456789abcdef", "short", "../../etc/passwd"] {
        let mut browser = Browser::with("sessionid", invented);
        browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        let id = browser.jar["sessionid"].clone();
        assert!(id != invented && id.len() == 32, "{invented}");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
        assert!(store.text(&id).is_some() && store.text(invented).is_none());
    }
}

#[tokio::test]
async fn concurrent_changes_of_one_session_are_all_kept() {
    let (app, store) = records();
    let (mut browser, _) = signed_in(&app).await;
    let mut running = Vec::new();
    for _ in 0..5 {
        running.push(UnderWay::begin(&store, &browser).await);
    }
    for (number, request) in running.into_iter().enumerate() {
        request.session.update("count", |count: &mut u32| *count += 1).unwrap();
        request.session.insert(format!("by {number}").as_str(), number).unwrap();
        request.finish().await;
    }
    let (found, _) = browser.visit(&app, |session| (session.get::<u32>("count").unwrap(), session.len())).await;
    assert_eq!(found, (Some(5), 7), "the count, five keys, and the user");
}

#[tokio::test]
async fn concurrent_writes_of_django_are_kept() {
    let (app, store) = records();
    let (mut browser, id) = signed_in(&app).await;
    let request = UnderWay::begin(&store, &browser).await;
    request.session.insert("ours", 1).unwrap();
    store.overwrite(&id, django_writes(r#"{"user":42,"theirs":[NaN,"\ud800"]}"#));
    request.finish().await;
    let (entries, _) = browser
        .visit(&app, |session| {
            let keys: Vec<String> = session.keys();
            (keys, session.get::<u32>("ours").unwrap(), session.get::<f64>("theirs").unwrap_err().is_decode())
        })
        .await;
    assert_eq!(entries, (vec!["user".to_owned(), "theirs".to_owned(), "ours".to_owned()], Some(1), true));
}

#[tokio::test]
async fn sessions_ended_by_django_are_not_revived() {
    for (name, change) in [
        ("written", (|session: &Session| session.insert("a", 1).unwrap()) as fn(&Session)),
        ("cycled", |session| session.cycle_id()),
        ("written and cycled", |session| {
            session.insert("a", 1).unwrap();
            session.cycle_id();
        }),
    ] {
        let (app, store) = records();
        let (browser, id) = signed_in(&app).await;
        let request = UnderWay::begin(&store, &browser).await;
        change(&request.session);
        store.end(&id).await.unwrap();
        assert_eq!(request.finish().await, 0, "{name}: no cookie");
        assert_eq!(store.ids(), [""; 0], "{name}: nothing is left");
    }
}

#[tokio::test]
async fn a_cycled_session_keeps_concurrent_writes() {
    let (app, store) = records();
    let (mut browser, id) = signed_in(&app).await;
    let request = UnderWay::begin(&store, &browser).await;
    request.session.cycle_id();
    browser.visit(&app, |session| session.insert("meanwhile", true).unwrap()).await;
    let cookies = request.slot.finish(200).await.unwrap().cookies;
    let new = cookies[0].as_str().split(['=', ';']).nth(1).unwrap().to_owned();
    assert_eq!(store.ids(), std::slice::from_ref(&new), "the old one has ended");
    assert_ne!(new, id);
    let (found, _) = Browser::with("sessionid", &new)
        .visit(&app, |session| (session.get::<u32>("user").unwrap(), session.get::<bool>("meanwhile").unwrap()))
        .await;
    assert_eq!(found, (Some(42), Some(true)));
}

#[tokio::test]
async fn signing_out_ends_the_record() {
    let (app, store) = records();
    let (mut browser, _) = signed_in(&app).await;
    browser.visit(&app, Session::invalidate).await;
    assert!(browser.jar.is_empty() && store.ids().is_empty());
    let (mut browser, id) = signed_in(&app).await;
    browser
        .visit(&app, |session| {
            session.invalidate();
            session.insert("user", 7).unwrap();
        })
        .await;
    assert_eq!(store.ids(), [browser.jar["sessionid"].clone()]);
    assert_ne!(browser.jar["sessionid"], id);
}

#[tokio::test]
async fn invalid_records_are_absent_sessions() {
    let (app, store) = records();
    let (mut browser, id) = signed_in(&app).await;
    for text in ["", "garbage", "e30:1r31eq:qQubPKIxKE-3C6ga_zZBYkG5lz63Q7GRKhTJMgeZO88"] {
        store.overwrite(&id, text);
        let (found, sent) = browser.visit(&app, |session| (session.is_new(), session.len())).await;
        assert_eq!((found, sent), ((true, 0), 0), "{text:?}");
        assert_eq!(store.text(&id).as_deref(), Some(text), "an unread record is not overwritten");
    }
}

#[tokio::test]
async fn sessions_end_at_the_time_that_django_sets() {
    let fortnight = Duration::from_secs(14 * 24 * 60 * 60);
    for (name, json, after, opens) in [
        ("at two weeks", r#"{"user":42}"#, fortnight, true),
        ("a second later", r#"{"user":42}"#, fortnight + Duration::from_secs(1), false),
        ("an expiry of its own", r#"{"user":42,"_session_expiry":60}"#, Duration::from_secs(60), true),
        ("after it", r#"{"user":42,"_session_expiry":60}"#, Duration::from_secs(61), false),
        ("longer than usual", r#"{"user":42,"_session_expiry":9999999}"#, fortnight * 2, true),
        ("until the browser closes", r#"{"user":42,"_session_expiry":0}"#, fortnight, true),
    ] {
        let (app, store) = records();
        store.overwrite("abcdefgh12345678", django_writes(json));
        app.clock.advance(after);
        let mut browser = Browser::with("sessionid", "abcdefgh12345678");
        let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
        assert_eq!(user.is_some(), opens, "{name}");
    }
}

#[tokio::test]
async fn the_memory_store_fulfils_the_contract() {
    let (store, later) = (MemoryRecords::new(), NOW + Duration::from_secs(11));
    let ends = Some(NOW + Duration::from_secs(10));
    assert!(store.create("id", b"one", ends, NOW).await.unwrap());
    assert!(!store.create("id", b"two", ends, NOW).await.unwrap(), "taken");
    assert_eq!(store.replace("id", b"none", b"two", ends, NOW).await.unwrap(), SwapOutcome::Conflict);
    assert_eq!(store.replace("id", b"one", b"two", ends, NOW).await.unwrap(), SwapOutcome::Done);
    assert_eq!(store.replace("other", b"one", b"two", ends, NOW).await.unwrap(), SwapOutcome::Gone);
    assert_eq!(store.load("id", NOW).await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(store.load("id", later).await.unwrap(), None, "ended");
    assert_eq!(store.replace("id", b"two", b"three", None, later).await.unwrap(), SwapOutcome::Gone);
    assert!(!store.touch("id", None, later).await.unwrap() && store.touch("id", None, NOW).await.unwrap());
    assert_eq!(store.load("id", later).await.unwrap().as_deref(), Some(&b"two"[..]), "touched");
    assert_eq!(store.end_if("id", b"one", later).await.unwrap(), SwapOutcome::Conflict);
    assert_eq!(store.end_if("id", b"two", later).await.unwrap(), SwapOutcome::Done);
    assert_eq!(store.end_if("id", b"two", later).await.unwrap(), SwapOutcome::Gone);
    let factory = SharedRecords::new(DjangoRecord::new(SECRET).unwrap(), store).build().unwrap();
    let session = factory.open(CookieHeader::default(), NOW).await.unwrap();
    assert_eq!(session.payload(), cloakroom_session::factory::CookiePayload::Id);
}

#[tokio::test]
async fn a_session_moves_from_djangos_table_and_ends_there() {
    use cloakroom_bridge::{Migration, Phase};
    use cloakroom_session::{CookieConfig, CookieSessions, Key};

    let store = Arc::new(MemoryRecords::new());
    let old = SharedRecords::new(DjangoRecord::new(SECRET).unwrap(), Arc::clone(&store)).build().unwrap();
    let key = Key::new(b"a secret of 32 bytes or more, for the new factory").unwrap();
    let new = CookieSessions::encrypted(key).cookie(CookieConfig::default().name("new")).build().unwrap();
    let migration = Migration::new(old, new, Phase::ReadBothWriteOld);
    let switch = migration.switch();
    let app = App::new(migration);
    let (mut browser, id) = signed_in(&app).await;
    assert!(store.text(&id).is_some());
    switch.set(Phase::ReadBothWriteNew);
    browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["new"]);
    assert!(store.ids().is_empty(), "Django's session has ended");
    switch.set(Phase::ReadBothWriteOld);
    browser.visit(&app, |session| session.insert("b", 1).unwrap()).await;
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["sessionid"], "and back");
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!((user, store.ids().len()), (Some(42), 1));
}

#[tokio::test]
async fn a_refresh_reads_the_other_applications_changes() {
    let (app, store) = records();
    let (browser, id) = signed_in(&app).await;
    let watching = UnderWay::begin(&store, &browser).await;
    assert!(watching.session.refresh().await.unwrap());

    store.overwrite(&id, django_writes(r#"{"user":43}"#));
    assert!(watching.session.refresh().await.unwrap());
    assert_eq!(watching.session.get::<u32>("user").unwrap(), Some(43));

    store.end(&id).await.unwrap();
    assert!(!watching.session.refresh().await.unwrap(), "it was signed out in Django");
    watching.session.insert("user", 44).unwrap();
    assert_eq!(watching.finish().await, 0, "and nothing brings it back");
    assert!(store.load(&id, NOW).await.unwrap().is_none());
}
