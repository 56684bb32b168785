//! 1 to 15, 31 to 38, 47 to 50, 121 to 128: lifetimes, and the responses that send a cookie.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::adapter::{CookieHeader, SessionSlot};
use cloakroom::{CommitPolicy, CookieSessions, Lifetimes, Session};

use crate::world::{START, World, key, run, seconds};

fn touching(interval: Option<Duration>) -> World {
    World::living(Lifetimes::default().touch_after(interval)).with_state()
}

pub(crate) fn no_cookie() {
    let lines = World::signed().visit(|session| assert!(session.is_empty() && session.is_new()));
    assert!(lines.is_empty());
}

pub(crate) fn interface() {
    World::signed().visit(|it: &Session| {
        assert_eq!((it.created(), it.is_new()), (START.unix_secs(), true));
        it.insert("a", 1).unwrap();
        it.extend([("b", 2), ("c", 3)]).unwrap();
        assert_eq!(it.get_or_insert_with("d", || 4).unwrap(), 4);
        assert_eq!(it.get::<u32>("a").unwrap(), Some(1));
        assert_eq!((it.contains_key("a"), it.len(), it.keys().len()), (true, 4, 4));
        assert_eq!(it.entries::<u32>().unwrap()[1], ("b".to_owned(), 2));
        assert_eq!(it.pop_item::<u32>().unwrap(), Some(("d".to_owned(), 4)));
        assert_eq!(it.take::<u32>("c").unwrap(), Some(3));
        assert!(it.remove("b"));
        it.flash("hello");
        assert_eq!(it.peek_flash::<String>(), it.pop_flash::<String>());
        it.changed();
        it.clear();
        it.invalidate();
        assert!(it.is_empty());
    });
}

pub(crate) fn restored() {
    let mut world = World::signed().with_state();
    world.visit(|session| assert_eq!((session.get::<u32>("state").unwrap(), session.is_new()), (Some(1), false)));
}

pub(crate) fn idle_for_ages() {
    assert_eq!(World::signed().with_state().at(1_000_000_000).state(), None);
}

pub(crate) fn timeout_of_one_second() {
    let lifetimes = Lifetimes::default().idle_timeout(seconds(1)).touch_after(None);
    let mut world = World::living(lifetimes).with_state();
    assert_eq!(world.at(1).state(), Some(1));
    assert_eq!(world.at(5).state(), None);
}

pub(crate) fn no_timeout() {
    let mut world = World::living(Lifetimes::default().idle_timeout(None).absolute_timeout(None)).with_state();
    assert_eq!(world.at(1_000_000_000).state(), Some(1), "without a timeout a session never expires");
    world.at(31_536_000).visit(|session| session.insert("state", 2).unwrap());
    assert_eq!(world.at(31_536_000 - 60).state(), Some(2), "clocks may differ");
    world.cookie = None;
    world.at(31_536_000).visit(|session| session.insert("state", 3).unwrap());
    assert_eq!(world.at(0).state(), None, "a year ahead");
}

pub(crate) fn contradictory_timeouts() {
    for (lifetimes, option) in [
        (Lifetimes::default().idle_timeout(Duration::ZERO), "idle_timeout"),
        (Lifetimes::default().absolute_timeout(Duration::ZERO), "absolute_timeout"),
    ] {
        let error = CookieSessions::signed(key()).lifetimes(lifetimes).build().unwrap_err();
        assert_eq!(error.option(), option);
    }
}

pub(crate) fn changed() {
    let mut world = World::signed().with_state();
    assert_eq!(world.visit(|session| session.changed()).len(), 1);
    assert_eq!(world.state(), Some(1));
}

pub(crate) fn invalidate() {
    let mut world = World::signed().with_state();
    let lines = world.visit(|session| {
        session.invalidate();
        assert!(session.is_empty());
    });
    assert!(lines[0].contains("Max-Age=0"), "and the cookie is removed, which Pyramid doesn't do");
    assert_eq!(world.state(), None);
}

pub(crate) fn default_touch() {
    let mut world = World::signed().with_state();
    assert!(world.at(2).visit(|session| assert!(session.contains_key("state"))).is_empty());
    assert_eq!(world.at(121).visit(|session| assert!(session.contains_key("state"))).len(), 1);
}

pub(crate) fn not_on_server_error() {
    let policy = CommitPolicy::NotOnServerError;
    for (status, lines) in [(200, 1), (404, 1), (500, 0)] {
        let mut world = World::new(CookieSessions::signed(key()), policy);
        assert_eq!(world.visit_for(status, |it| it.insert("state", 1).unwrap()).unwrap().len(), lines, "{status}");
    }
}

pub(crate) fn always() {
    assert_eq!(World::signed().visit_for(500, |it| it.insert("state", 1).unwrap()).unwrap().len(), 1);
}

pub(crate) fn redirects() {
    let mut world = World::new(CookieSessions::signed(key()), CommitPolicy::NotOnServerError);
    assert_eq!(world.visit_for(303, |it| it.insert("state", 1).unwrap()).unwrap().len(), 1, "redirects commit as well");
}

pub(crate) fn touch_of_one_second() {
    assert!(touching(Some(seconds(1))).visit(|it| assert!(it.contains_key("state"))).is_empty());
}

pub(crate) fn never_touched() {
    let lifetimes = Lifetimes::default().idle_timeout(None).absolute_timeout(None).touch_after(None);
    let mut world = World::living(lifetimes).with_state();
    assert!(world.at(1_000_000_000).visit(|it| assert!(it.contains_key("state"))).is_empty());
}

pub(crate) fn touch_at_each_read() {
    let mut world = touching(Some(Duration::ZERO));
    assert!(world.visit(|it| assert!(it.contains_key("state"))).is_empty(), "in the same instant");
    assert_eq!(world.at(1).visit(|it| assert!(it.contains_key("state"))).len(), 1);
}

pub(crate) fn contradictory_touch() {
    let lifetimes = Lifetimes::default().touch_after(seconds(1200));
    assert_eq!(CookieSessions::signed(key()).lifetimes(lifetimes).build().unwrap_err().option(), "touch_after");
}

pub(crate) fn remembered() {
    let mut world = World::signed().with_state();
    assert!(!world.visit(|session| session.changed())[0].contains("Max-Age"));
    assert!(world.visit(|session| session.remember(seconds(3600)))[0].contains("; Max-Age=3600;"));
}

pub(crate) fn no_touch_yet() {
    let mut world = touching(Some(seconds(5)));
    assert!(world.at(5).visit(|it| assert!(it.contains_key("state"))).is_empty());
    assert_eq!(world.at(1200).state(), Some(1));
    assert_eq!(world.at(1201).state(), None, "counted from the write, not from the read");
}

pub(crate) fn write_touches() {
    let mut world = touching(None);
    assert_eq!(world.at(1000).visit(|it| it.insert("other", 1).unwrap()).len(), 1);
    assert_eq!(world.at(2200).state(), Some(1));
    assert_eq!(world.at(2201).state(), None);
}

pub(crate) fn edge_of_the_timeout() {
    let mut world = World::signed().with_state();
    assert_eq!(world.at(1200).state(), Some(1));
    world.clock.set(START + Duration::from_millis(1_200_500));
    assert_eq!(world.state(), None);
}

pub(crate) fn edge_of_the_touch() {
    let mut world = touching(Some(seconds(120)));
    assert!(world.at(120).visit(|_| {}).is_empty());
    assert_eq!(world.at(121).visit(|_| {}).len(), 1);
}

pub(crate) fn expired() {
    let mut world = World::signed().with_state();
    let lines = world.at(2000).visit(|session| {
        assert!(session.is_new() && session.is_empty());
        assert_eq!(session.created(), START.unix_secs() + 2000);
    });
    assert!(lines.is_empty(), "nothing written, nothing sent");
}

pub(crate) fn failed_pop() {
    let lines = World::signed().with_state().visit(|session| {
        assert_eq!(session.take::<u32>("none").unwrap(), None);
        assert!(session.take::<String>("state").unwrap_err().is_decode());
        assert!(!session.remove("none"));
    });
    assert!(lines.is_empty());
}

pub(crate) fn changed_touches() {
    let mut world = touching(None);
    world.at(1000).visit(|session| session.changed());
    assert_eq!(world.at(2200).state(), Some(1));
}

pub(crate) fn late() {
    let world = World::signed();
    run(async {
        let slot = SessionSlot::new(Arc::clone(&world.engine));
        let session = slot.open(CookieHeader::default()).await.unwrap();
        session.insert("state", 1).unwrap();
        slot.finish(200).await.unwrap();
        session.insert("state", 2).unwrap();
        assert!(session.commit_now().await.unwrap_err().is_headers_sent());
    });
}
