//! Migrations in a rolling deployment.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_bridge::{Migration, MigrationStats, Phase};
use cloakroom_session::factory::{CookieHeader, CookieUpdate, SessionFactory as _, SetCookie};
use cloakroom_session::{CookieConfig, CookieSessions, Key, Lifetimes, Message};

use super::browser::{App, Browser, NOW};

const PHASES: [Phase; 4] = [Phase::ReadOld, Phase::ReadBothWriteOld, Phase::ReadBothWriteNew, Phase::ReadNew];

fn cookies(name: &str, seal: fn(Key) -> cloakroom_session::CookieSessionsBuilder) -> CookieSessions {
    let key = Key::new(format!("the secret behind the cookie {name}, of 32 bytes or more")).unwrap();
    seal(key).cookie(CookieConfig::default().name(name)).build().unwrap()
}

/// Creates one node of a deployment, in this phase.
fn node(phase: Phase) -> (App, Arc<Migration<CookieSessions, CookieSessions>>) {
    let migration = Arc::new(Migration::new(old(), new(), phase));
    (App::new(Arc::clone(&migration)), migration)
}

fn old() -> CookieSessions {
    cookies("old", CookieSessions::signed)
}

fn new() -> CookieSessions {
    cookies("new", CookieSessions::encrypted)
}

/// Creates a browser with a session made by this factory alone.
async fn signed_in(factory: impl cloakroom_session::factory::SessionFactory) -> Browser {
    let mut browser = Browser::default();
    browser
        .visit(&App::new(factory), |session| {
            session.insert("user", 42).unwrap();
            session.flash(Message::info("hello"));
        })
        .await;
    browser
}

fn jar(browser: &Browser) -> Vec<&str> {
    browser.jar.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn each_phase_reads_and_writes_the_right_side() {
    // The sessions that open, and the side of a new and a changed session after the request.
    for (phase, opens_old, opens_new, writes) in [
        (Phase::ReadOld, true, false, "old"),
        (Phase::ReadBothWriteOld, true, true, "old"),
        (Phase::ReadBothWriteNew, true, true, "new"),
        (Phase::ReadNew, false, true, "new"),
    ] {
        let name = phase.as_str();
        let (app, migration) = node(phase);
        for (side, browser, opens) in
            [("old", signed_in(old()).await, opens_old), ("new", signed_in(new()).await, opens_new)]
        {
            let mut reader = browser.clone();
            let (user, sent) = reader.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
            assert_eq!((user.is_some(), sent), (opens, 0), "{name}: a {side} session is read");
            let mut writer = browser;
            let (token, _) = writer
                .visit(&app, |session| {
                    session.insert("seen", true).unwrap();
                    session.csrf_token().unwrap()
                })
                .await;
            if opens {
                assert_eq!(jar(&writer), [writes], "{name}: a {side} session is written");
                let held = |session: &cloakroom_session::Session| {
                    let (user, seen) = (session.get::<u32>("user").unwrap(), session.get::<bool>("seen").unwrap());
                    (user, seen, session.peek_flash::<Message>(), session.csrf_token().unwrap())
                };
                let (held, _) = writer.visit(&app, held).await;
                assert_eq!(held, (Some(42), Some(true), vec![Message::info("hello")], token), "{name}: {side}");
            }
        }
        let mut fresh = Browser::default();
        fresh.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        assert_eq!(jar(&fresh), [writes], "{name}: a new session");
        let stats = migration.stats();
        assert_eq!(stats.refused, 0, "{name}: nothing was refused");
        assert_eq!(stats.moved, u64::from(opens_old && opens_new), "{name}");
    }
}

#[tokio::test]
async fn nodes_one_phase_apart_take_turns_on_one_browser() {
    for pair in PHASES.windows(2) {
        let name = format!("{} and {}", pair[0].as_str(), pair[1].as_str());
        let nodes = [node(pair[0]).0, node(pair[1]).0];
        // The last pair begins in the state that the previous one left: every session in use has
        // moved.
        let start = if pair[1] == Phase::ReadNew { new() } else { old() };
        let mut browser = signed_in(start).await;
        for turn in 0..12_u32 {
            let app = &nodes[usize::try_from(turn).unwrap() % 2];
            app.clock.set(NOW + Duration::from_secs(u64::from(turn)));
            let (count, _) = browser
                .visit(app, |session| {
                    session.update("turns", |turns: &mut u32| {
                        *turns += 1;
                        *turns
                    })
                })
                .await;
            assert_eq!(count.unwrap(), turn + 1, "{name}: nothing is lost at turn {turn}");
            assert_eq!(browser.jar.len(), 1, "{name}: one session at a time");
        }
        for app in &nodes {
            let mut leaving = browser.clone();
            leaving.visit(app, cloakroom_session::Session::invalidate).await;
            assert_eq!(jar(&leaving), [""; 0], "{name}: signing out ends it wherever it is");
        }
    }
}

#[tokio::test]
async fn the_later_used_of_two_sessions_counts_and_both_end() {
    for (name, old_at, new_at, expected) in [
        ("the old one", 5, 0, "old"),
        ("the new one", 0, 5, "new"),
        ("at the same time, that which is written", 3, 3, "new"),
    ] {
        let mut browser = Browser::default();
        for (factory, at, user) in [(old(), old_at, "old"), (new(), new_at, "new")] {
            let app = App::new(factory);
            app.clock.advance(Duration::from_secs(at));
            browser.visit(&app, |session| session.insert("user", user).unwrap()).await;
        }
        assert_eq!(jar(&browser), ["new", "old"]);
        let (app, _) = node(Phase::ReadBothWriteNew);
        app.clock.advance(Duration::from_secs(10));
        let (user, sent) = browser.visit(&app, |session| session.get::<String>("user").unwrap()).await;
        assert_eq!((user.as_deref(), sent), (Some(expected), 0), "{name}");
        let mut leaving = browser.clone();
        leaving.visit(&app, cloakroom_session::Session::invalidate).await;
        assert_eq!(jar(&leaving), [""; 0], "{name}: both end");
        browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        assert_eq!(jar(&browser), ["new"], "{name}: one is left");
        let (user, _) = browser.visit(&app, |session| session.get::<String>("user").unwrap()).await;
        assert_eq!(user.as_deref(), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn the_switch_needs_no_restart_and_sessions_are_counted() {
    let (app, migration) = node(Phase::ReadOld);
    let switch = migration.switch();
    let mut browser = signed_in(old()).await;
    for (phase, expected) in PHASES.into_iter().zip([["old"], ["old"], ["new"], ["new"]]) {
        switch.set(phase);
        browser.visit(&app, |session| session.insert("phase", phase.as_str()).unwrap()).await;
        assert_eq!(jar(&browser), expected, "{}", phase.as_str());
    }
    Browser::with("new", "e1.garbage").visit(&app, |_| ()).await;
    Browser::default().visit(&app, |_| ()).await;
    let MigrationStats { old, new, refused, moved, .. } = migration.stats();
    assert_eq!((old, new, refused, moved), (3, 1, 1, 1));
    for phase in PHASES {
        assert_eq!(Phase::parse(phase.as_str()), Some(phase));
    }
    assert_eq!(Phase::parse("read"), None);
}

#[tokio::test]
async fn a_phase_change_during_a_request_moves_the_session() {
    let (app, migration) = node(Phase::ReadBothWriteOld);
    let switch = migration.switch();
    let mut browser = signed_in(old()).await;
    browser
        .visit(&app, |session| {
            session.insert("a", 1).unwrap();
            switch.set(Phase::ReadBothWriteNew);
        })
        .await;
    assert_eq!(jar(&browser), ["new"]);
    let mut fresh = Browser::default();
    fresh
        .visit(&app, |session| {
            session.insert("a", 1).unwrap();
            switch.set(Phase::ReadBothWriteOld);
        })
        .await;
    assert_eq!(jar(&fresh), ["old"]);
}

#[tokio::test]
async fn signing_out_and_in_again_in_one_request_begins_on_the_new_side() {
    let (app, _) = node(Phase::ReadBothWriteNew);
    let mut browser = signed_in(old()).await;
    browser
        .visit(&app, |session| {
            session.invalidate();
            session.insert("user", 7).unwrap();
        })
        .await;
    assert_eq!(jar(&browser), ["new"]);
    let (entries, _) = browser.visit(&app, |session| session.entries::<u32>().unwrap()).await;
    assert_eq!(entries, [("user".to_owned(), 7)]);
}

#[tokio::test]
async fn a_moved_session_keeps_its_lifetime() {
    let (app, _) = node(Phase::ReadBothWriteNew);
    let mut browser = signed_in(old()).await;
    let day = Duration::from_secs(24 * 60 * 60);
    for (name, after, opens) in [
        ("an hour before its absolute end", day - Duration::from_secs(3600), true),
        ("after it", day + Duration::from_secs(1), false),
    ] {
        // Used every ten minutes, on both sides of the move.
        while app.clock_now() < NOW + after {
            app.clock.advance(Duration::from_secs(600).min(after));
            if !opens {
                break;
            }
            browser.visit(&app, |session| session.insert("at", app.clock_now().unix_secs()).unwrap()).await;
        }
        app.clock.set(NOW + after);
        let (created, _) =
            browser.visit(&app, |session| (session.get::<u32>("user").unwrap(), session.created())).await;
        assert_eq!(created.0.is_some(), opens, "{name}");
        if opens {
            assert_eq!(created.1, NOW.unix_secs(), "{name}: it is the same session");
        }
    }
}

#[tokio::test]
async fn an_endless_session_gets_a_deadline_that_counts_from_the_move() {
    let forever = Lifetimes::default().absolute_timeout(None).idle_timeout(None);
    let key = Key::new("the secret behind the cookie old, of 32 bytes or more").unwrap();
    let cookie = CookieConfig::default().name("old");
    let old = CookieSessions::signed(key).cookie(cookie).lifetimes(forever).build().unwrap();
    let app = App::new(Migration::new(old.clone(), new(), Phase::ReadBothWriteNew));
    let mut browser = signed_in(old).await;
    // Longer than the lifetime of a session of the new factory.
    app.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, Some(42), "a move signs no user out");
    app.clock.advance(Duration::from_secs(1201));
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, None, "from then on the new timeouts apply");
}

#[tokio::test]
async fn a_commit_during_a_request_moves_the_session_and_the_response_sets_all_cookies() {
    let (app, migration) = node(Phase::ReadBothWriteNew);
    let mut browser = signed_in(old()).await;
    let cookie = format!("old={}", browser.jar["old"]);
    let slot = app.slot();
    let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
    session.insert("first", 1).unwrap();
    session.commit_now().await.unwrap();
    session.insert("second", 2).unwrap();
    let cookies = slot.finish(200).await.unwrap().cookies;
    assert_eq!(cookies.iter().map(SetCookie::name).collect::<Vec<_>>(), ["old", "new"], "one is removed, one is set");
    browser.take(&cookies);
    let (found, _) = browser.visit(&app, |session| session.keys()).await;
    assert_eq!((found, jar(&browser)), (["user", "first", "second"].map(str::to_owned).to_vec(), vec!["new"]));
    assert_eq!(migration.stats().moved, 1);
}

#[tokio::test]
async fn a_session_that_is_too_large_to_move_stays() {
    let store = cloakroom_store::MemoryStore::new();
    let cookie = CookieConfig::default().name("old");
    let old = cloakroom_store::StoredSessions::new(store).cookie(cookie).build().unwrap();
    let migration = Migration::new(old, new(), Phase::ReadBothWriteOld);
    let switch = migration.switch();
    let app = App::new(migration);
    let mut browser = Browser::default();
    browser.visit(&app, |session| session.insert("a", "x".repeat(9000)).unwrap()).await;
    switch.set(Phase::ReadBothWriteNew);
    browser.visit(&app, |session| session.insert("b", 1).unwrap()).await;
    assert_eq!(jar(&browser), ["old"], "it was written to the side where it fits");
    browser.visit(&app, |session| session.remove("a")).await;
    assert_eq!(jar(&browser), ["new"], "and moves when it fits");
    let (found, _) = browser.visit(&app, |session| session.get::<u32>("b").unwrap()).await;
    assert_eq!(found, Some(1));
}

#[tokio::test]
async fn a_move_needs_a_cookie() {
    use CookieUpdate::{Keep, Set};
    use cloakroom_store::{MemoryStore, StoredSessions};

    let (old, new) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let stored = |name: &str, store: &Arc<MemoryStore>| {
        let cookie = CookieConfig::default().name(name);
        StoredSessions::new(Arc::clone(store)).cookie(cookie).build().unwrap()
    };
    for (phase, from_old, from_new, from_none) in [
        (Phase::ReadOld, Some(Keep), None, Set),
        (Phase::ReadBothWriteOld, Some(Keep), Some(Set), Set),
        (Phase::ReadBothWriteNew, Some(Set), Some(Keep), Set),
        (Phase::ReadNew, None, Some(Keep), Set),
    ] {
        let migration = Migration::new(stored("old", &old), stored("new", &new), phase);
        for (side, store, expected) in [("old", &old, from_old), ("new", &new, from_new)] {
            let browser = signed_in(stored(side, store)).await;
            let header = format!("{side}={}", browser.jar[side]);
            let mut session = migration.open(CookieHeader::new([header.as_bytes()]), NOW).await.unwrap();
            session.insert("written", &1).unwrap();
            let found = session.id().map(|_| session.plan(NOW).1);
            assert_eq!(found, expected, "{}: from the {side} side", phase.as_str());
        }
        let mut session = migration.open(CookieHeader::default(), NOW).await.unwrap();
        session.insert("written", &1).unwrap();
        assert_eq!(session.plan(NOW).1, from_none, "{}: a new session", phase.as_str());
    }
}

/// A session that is too large for its new place is written to its old one, under that side's
/// rules.
#[tokio::test]
async fn all_changes_of_a_session_too_large_to_move_are_kept() {
    use cloakroom_session::adapter::SessionSlot;
    use cloakroom_session::{Engine, ManualClock};

    let store = cloakroom_store::MemoryStore::new();
    let old = cloakroom_store::StoredSessions::new(store).cookie(CookieConfig::default().name("old")).build().unwrap();
    let migration = Migration::new(old, new(), Phase::ReadBothWriteOld);
    let switch = migration.switch();
    let engine = Arc::new(Engine::new(migration).clock(ManualClock::at(NOW)));
    let begin = async |header: &str| {
        let slot = SessionSlot::new(Arc::clone(&engine));
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        (slot, session)
    };
    let (slot, session) = begin("").await;
    session.insert("large", "x".repeat(9000)).unwrap();
    let effects = slot.finish(200).await.unwrap();
    let header = effects.cookies[0].as_str().split(';').next().unwrap().to_owned();

    switch.set(Phase::ReadBothWriteNew);
    let mut running = Vec::new();
    for _ in 0..5 {
        running.push(begin(&header).await);
    }
    for (slot, session) in running {
        session.update("count", |count: &mut u32| *count += 1).unwrap();
        slot.finish(200).await.unwrap();
    }
    let (_, session) = begin(&header).await;
    assert_eq!(session.get::<u32>("count").unwrap(), Some(5));
}

/// A superseded id means that the browser has a newer one. On either side that id must not be
/// replaced, and a sign-out ends the session under its new id.
#[tokio::test]
async fn a_superseded_id_is_recognized_on_either_side() {
    for phase in [Phase::ReadBothWriteOld, Phase::ReadBothWriteNew] {
        for side in ["old", "new"] {
            let stored = |name: &str| {
                let cookie = CookieConfig::default().name(name);
                cloakroom_store::StoredSessions::new(cloakroom_store::MemoryStore::new())
                    .cookie(cookie)
                    .build()
                    .unwrap()
            };
            let migration = Migration::new(stored("old"), stored("new"), Phase::ReadBothWriteOld);
            let switch = migration.switch();
            let app = App::new(migration);
            switch.set(if side == "old" { Phase::ReadOld } else { Phase::ReadNew });
            let mut browser = Browser::default();
            browser.visit(&app, |session| session.insert("user", 42).unwrap()).await;
            let mut stale = browser.clone();
            browser.visit(&app, cloakroom_session::Session::cycle_id).await;
            switch.set(phase);
            let row = format!("{}, moved on the {side} side", phase.as_str());
            let (_, sent) = stale.clone().visit(&app, |session| session.insert("a", 1).unwrap()).await;
            assert_eq!(sent, 0, "{row}: writes are dropped");
            stale.visit(&app, cloakroom_session::Session::invalidate).await;
            let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
            assert_eq!(user, None, "{row}: signed out");
        }
    }
}

#[cfg(feature = "django")]
#[tokio::test]
async fn a_refresh_follows_a_moved_session() {
    use cloakroom_bridge::{DjangoRecord, ForeignStore as _, MemoryRecords, SharedRecords};
    use cloakroom_session::adapter::{CookieHeader, SessionSlot};
    use cloakroom_session::{Engine, ManualClock};

    let records = Arc::new(MemoryRecords::new());
    let shared = || SharedRecords::new(DjangoRecord::new("secret").unwrap(), Arc::clone(&records)).build().unwrap();
    let mut browser = Browser::default();
    browser.visit(&App::new(shared()), |session| session.insert("user", 42).unwrap()).await;
    for phase in [Phase::ReadOld, Phase::ReadBothWriteOld, Phase::ReadBothWriteNew] {
        let engine = Engine::new(Migration::new(shared(), new(), phase)).clock(ManualClock::at(NOW));
        let slot = SessionSlot::new(Arc::new(engine));
        let header = format!("sessionid={}", browser.jar["sessionid"]);
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        assert!(session.refresh().await.unwrap(), "{}", phase.as_str());
        let before = records.load(&browser.jar["sessionid"], NOW).await.unwrap().unwrap();
        records.end(&browser.jar["sessionid"]).await.unwrap();
        assert!(!session.refresh().await.unwrap(), "{}", phase.as_str());
        let _ = records.create(&browser.jar["sessionid"], &before, None, NOW).await.unwrap();
    }
}

/// A visitor who has only seen a form: nodes one phase apart begin one session.
#[tokio::test]
async fn concurrent_first_writes_on_two_nodes_meet_in_one_session() {
    use cloakroom_session::Session;
    use cloakroom_store::{MemoryStore, StoredSessions};

    let side = |name: &str| {
        let cookie = CookieConfig::default().name(name);
        Arc::new(StoredSessions::new(MemoryStore::new()).cookie(cookie).build().unwrap())
    };
    for (first, second) in
        [(Phase::ReadBothWriteNew, Phase::ReadBothWriteOld), (Phase::ReadBothWriteOld, Phase::ReadBothWriteNew)]
    {
        let (old, new) = (side("__Host-old"), side("__Host-new"));
        let node = |phase| App::new(Migration::new(Arc::clone(&old), Arc::clone(&new), phase));
        let (one, other) = (node(first), node(second));
        let name = first.as_str();
        let mut browser = Browser::default();
        let (token, _) = browser.visit(&one, |session| session.csrf_token().unwrap()).await;
        assert!(old.store().is_empty() && new.store().is_empty(), "{name}: nothing is stored");
        let header = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let update = |session: &Session| session.update("count", |count: &mut u32| *count += 1).unwrap();
        let mut slots = Vec::new();
        for app in [&one, &other] {
            let slot = app.slot();
            update(&slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap());
            slots.push(slot);
        }
        for slot in slots {
            browser.take(&slot.finish(200).await.unwrap().cookies);
        }
        // Later requests on either node find both changes, and the form stays valid.
        for app in [&one, &other] {
            let found = |session: &Session| (session.get::<u32>("count").unwrap(), session.csrf_token().unwrap());
            assert_eq!(browser.visit(app, found).await.0, (Some(2), token.clone()), "{name}");
        }
        browser.visit(&other, update).await;
        let found = browser.visit(&one, |session| session.get::<u32>("count").unwrap()).await.0;
        assert_eq!(found, Some(3), "{name}: it moved");
    }
}
