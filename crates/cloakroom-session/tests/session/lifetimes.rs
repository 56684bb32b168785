//! Lifetimes of sessions, tested to the millisecond.

use cloakroom_session::factory::Seal;
use cloakroom_session::{CookieSessions, Lifetimes};
use std::time::Duration;

use crate::support::{App, BOTH, Browser, MILLISECOND, cookies, days, key, seconds};

fn with(lifetimes: Lifetimes) -> App {
    App::new(CookieSessions::signed(key(1)).lifetimes(lifetimes).build().unwrap())
}

#[test]
fn a_session_is_there_at_its_idle_deadline_and_gone_a_millisecond_later() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let browser = Browser::signed_in(&app);
        assert_eq!(browser.user(app.at(seconds(1200))).as_deref(), Some("ann"), "{seal:?}");
        assert_eq!(browser.user(app.at(seconds(1200) + MILLISECOND)), None, "{seal:?}");
    }
}

#[test]
fn the_absolute_deadline_holds_under_constant_use() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = Browser::signed_in(&app);
        for minute in (10..24 * 60).step_by(10) {
            let answer = browser.visit(app.at(seconds(minute * 60)), |session| {
                assert!(session.contains_key("user"), "{seal:?}, after {minute} minutes");
                session.insert("minute", minute).unwrap();
            });
            assert!(answer.sets_a_cookie());
        }
        assert!(browser.user(app.at(days(1))).is_some(), "{seal:?}");
        assert!(browser.user(app.at(days(1) + MILLISECOND)).is_none(), "{seal:?}");
    }
}

#[test]
fn a_read_touches_at_most_once_per_interval() {
    let default = Lifetimes::default();
    for (name, lifetimes, age, touches) in [
        ("at once", default, Duration::ZERO, false),
        ("at a tenth of the idle timeout", default, seconds(120), false),
        ("a millisecond after it", default, seconds(120) + MILLISECOND, true),
        ("at the idle deadline", default, seconds(1200), true),
        ("at a given interval", default.touch_after(seconds(5)), seconds(5), false),
        ("a millisecond after a given interval", default.touch_after(seconds(5)), seconds(5) + MILLISECOND, true),
        ("zero, in the same millisecond", default.touch_after(Duration::ZERO), Duration::ZERO, false),
        ("zero, a millisecond later", default.touch_after(Duration::ZERO), MILLISECOND, true),
        ("never", default.touch_after(None), seconds(1200), false),
        ("no idle deadline to extend", default.idle_timeout(None), seconds(80_000), false),
    ] {
        let app = with(lifetimes);
        let mut browser = Browser::signed_in(&app);
        let answer = browser.visit(app.at(age), |session| assert!(session.contains_key("user"), "{name}"));
        assert_eq!(answer.sets_a_cookie(), touches, "{name}");
        let again = browser.visit(&app, |session| assert!(session.contains_key("user"), "{name}"));
        assert!(again.is_silent(), "{name}: a second read in the same instant");
    }
}

#[test]
fn a_touch_extends_the_idle_deadline_from_the_read() {
    let app = App::new(cookies(Seal::Encrypted));
    let mut browser = Browser::signed_in(&app);
    assert!(browser.visit(app.at(seconds(1000)), |_| {}).sets_a_cookie(), "opening counts as use");
    assert!(browser.user(app.at(seconds(2200))).is_some());
    assert!(browser.user(app.at(seconds(2200) + MILLISECOND)).is_none());
}

#[test]
fn remembered_sessions_keep_their_end_through_later_writes() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = Browser::signed_in(&app);
        assert_eq!(browser.visit(&app, |session| session.remember(days(30))).max_age(), Some(30 * 86_400));
        browser.quit();
        let write = browser.visit(app.at(days(10)), |session| {
            assert!(session.contains_key("user"), "{seal:?}: there is no idle timeout");
            session.insert("cart", 1).unwrap();
        });
        assert_eq!(write.max_age(), Some(20 * 86_400), "{seal:?}: until its end");
        browser.quit();
        let cycled = browser.visit(app.at(days(11)), |session| session.cycle_id());
        assert_eq!(cycled.max_age(), Some(19 * 86_400), "{seal:?}: under a new id too");

        // The browser drops the cookie on time. A client that keeps it can't use it.
        let keeper = Browser::with(browser.value().unwrap());
        assert!(keeper.user(app.at(days(30))).is_some(), "{seal:?}");
        assert!(keeper.user(app.at(days(30) + MILLISECOND)).is_none(), "{seal:?}");
        browser.visit(app.at(days(30)), |_| {});
        assert_eq!(browser.value(), None);
    }
}

#[test]
fn a_max_age_is_at_most_400_days() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    for (name, span, expected) in [
        ("400 days", days(400), 400 * 86_400),
        ("500 days", days(500), 400 * 86_400),
        ("for ever", Duration::MAX, 400 * 86_400),
        ("a millisecond short of a minute", seconds(60) - MILLISECOND, 59),
    ] {
        assert_eq!(browser.visit(&app, |session| session.remember(span)).max_age(), Some(expected), "{name}");
    }
}

#[test]
fn a_remembered_session_without_an_end_is_kept_as_long_as_browsers_keep_any() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    let answer = browser.visit(&app, |session| {
        session.remember(days(30));
        session.set_absolute_timeout(None);
    });
    assert_eq!(answer.max_age(), Some(400 * 86_400));
}

#[test]
fn a_browser_session_ends_with_the_browser() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::default();
    assert_eq!(browser.visit(&app, |session| session.changed()).max_age(), None);
    browser.quit();
    assert_eq!(browser.value(), None);
}

#[test]
fn timeouts_of_one_session() {
    for (name, idle, absolute, last) in [
        ("a shorter idle timeout", Some(Some(seconds(60))), None, seconds(60)),
        ("a longer one", Some(Some(seconds(7200))), None, seconds(7200)),
        ("no idle timeout", Some(None), None, days(1)),
        ("an earlier end", None, Some(Some(seconds(30))), seconds(30)),
        ("no end", None, Some(None), seconds(1200)),
        ("neither", Some(None), Some(None), days(3650)),
        ("no idle timeout, a later end", Some(None), Some(Some(days(7))), days(7)),
    ] {
        let app = App::new(cookies(Seal::Encrypted));
        let mut browser = Browser::signed_in(&app);
        let answer = browser.visit(&app, |session| {
            if let Some(idle) = idle {
                session.set_idle_timeout(idle);
            }
            if let Some(absolute) = absolute {
                session.set_absolute_timeout(absolute);
            }
        });
        assert!(answer.sets_a_cookie(), "{name}");
        assert!(browser.user(app.at(last)).is_some(), "{name}: at its end");
        if last < days(3650) {
            assert!(browser.user(app.at(last + MILLISECOND)).is_none(), "{name}: after its end");
        }
    }
}

#[test]
fn an_own_idle_timeout_survives_writes_and_slides_with_use() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    browser.visit(&app, |session| session.set_idle_timeout(seconds(60)));
    browser.visit(app.at(seconds(50)), |session| session.insert("cart", 1).unwrap());
    assert!(browser.user(app.at(seconds(110))).is_some());
    assert!(browser.user(app.at(seconds(110) + MILLISECOND)).is_none());
    // The touch interval is a tenth of the session's timeout, not of the layer's.
    assert!(browser.visit(app.at(seconds(57)), |_| {}).sets_a_cookie());
}

#[test]
fn a_deadline_is_a_fact_that_a_new_configuration_does_not_change() {
    let app = with(Lifetimes::default().idle_timeout(seconds(3600)));
    let browser = Browser::signed_in(&app);
    let stricter = CookieSessions::signed(key(1)).lifetimes(Lifetimes::default().idle_timeout(seconds(60)));
    let app = app.redeployed(stricter.build().unwrap());
    assert!(browser.user(app.at(seconds(3600))).is_some());
    assert!(browser.user(app.at(seconds(3600) + MILLISECOND)).is_none());
}

#[test]
fn created_stays_and_is_new_only_once() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::default();
    browser.visit(&app, |session| {
        assert!(session.is_new());
        assert_eq!(session.id(), None);
        session.insert("cart", 1).unwrap();
    });
    browser.visit(app.at(seconds(100)), |session| {
        assert!(!session.is_new());
        assert_eq!(session.created(), 1_700_000_000);
        session.insert("cart", 2).unwrap();
    });
    // An expired session is replaced by a new one, unlike in Pyramid.
    browser.visit(app.at(seconds(10_000)), |session| {
        assert!(session.is_new());
        assert!(session.is_empty());
        assert_eq!(session.created(), 1_700_010_000);
    });
}
