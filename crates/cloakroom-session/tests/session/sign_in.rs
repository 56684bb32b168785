//! Signing in, and handlers that need a recent sign-in.

use std::time::Duration;

use cloakroom_session::{CookieSessions, Lifetimes, Session};

use crate::support::{App, Browser, START, days, key, seconds};

const RECENT: Duration = seconds(300);

fn app() -> App {
    App::new(CookieSessions::encrypted(key(1)).build().unwrap())
}

#[test]
fn signing_in_ends_all_that_an_attacker_could_know() {
    let (app, mut browser) = (app(), Browser::default());
    let (mut id, mut token) = (None, None);
    browser.visit(&app, |session| {
        session.insert("cart", "hat").unwrap();
        token = Some(session.csrf_token().unwrap());
    });
    browser.visit(&app, |session| id = session.id());
    browser.visit(&app, |session| session.sign_in("ann"));
    browser.visit(&app, |session| {
        assert!(session.id().is_some() && session.id() != id);
        assert_ne!(Some(session.csrf_token().unwrap()), token);
        assert_eq!(session.get::<String>("cart").unwrap().as_deref(), Some("hat"), "a visitor's values stay");
    });
    // Another user in the same browser.
    browser.visit(&app, |session| session.sign_in("bob"));
    browser.visit(&app, |session| {
        assert_eq!(session.owner().as_deref(), Some("bob"));
        assert!(!session.contains_key("cart"), "nothing of the other user's session stays");
    });
}

#[test]
fn deadlines_count_from_the_sign_in() {
    let app = app();
    let mut browser = Browser::default();
    browser.visit(&app, |session| session.insert("cart", "hat").unwrap());
    for minute in (10..23 * 60).step_by(10) {
        browser.visit(app.at(seconds(minute * 60)), |session| session.insert("minute", minute).unwrap());
    }
    let signed_in = seconds(23 * 3600 - 300);
    browser.visit(app.at(signed_in), |session| session.sign_in("ann"));
    let mut ends = None;
    browser.visit(&app, |session| ends = session.record().times().absolute_deadline);
    assert_eq!(ends, Some(START + signed_in + days(1)));

    // An earlier "remember me" doesn't count for this sign-in; a later one does.
    browser.visit(&app, |session| session.remember(days(30)));
    assert_eq!(browser.visit(&app, |session| session.sign_in("ann")).max_age(), None);
    let remembered = browser.visit(&app, |session| {
        session.sign_in("ann");
        session.remember(days(14));
    });
    assert_eq!(remembered.max_age(), Some(14 * 86_400));
}

/// ASVS 7.5.1 and 7.5.3.
#[test]
fn sensitive_handlers_need_a_recent_authentication() {
    let lifetimes = Lifetimes::default().idle_timeout(days(2)).absolute_timeout(days(7));
    let app = App::new(CookieSessions::encrypted(key(1)).lifetimes(lifetimes).build().unwrap());
    let recent = |session: &Session| {
        session.require_recent(RECENT).map_err(|error| (error.is_signed_out(), error.is_not_recent(), error.status()))
    };
    let mut browser = Browser::default();
    browser.visit(&app, |session| {
        assert_eq!(recent(session), Err((true, false, 403)), "no user is signed in");
        assert!(session.require_owner().unwrap_err().is_signed_out());
        session.sign_in("ann");
        assert_eq!(recent(session), Ok("ann".to_owned()));
    });
    for (after, is_recent) in [(Duration::ZERO, true), (RECENT, true), (RECENT + seconds(1), false), (days(1), false)] {
        browser.visit(app.at(after), |session| {
            assert_eq!(recent(session).is_ok(), is_recent, "{after:?}");
            assert_eq!(session.require_owner().unwrap(), "ann");
            if !is_recent {
                assert_eq!(recent(session), Err((false, true, 403)), "{after:?}");
            }
        });
    }
    // A second authentication: a new id and a new token, the same owner and deadlines.
    let (mut id, mut token, mut ends) = (None, None, None);
    browser.visit(&app, |session| {
        (id, token, ends) = (session.id(), session.csrf_token().ok(), session.record().times().absolute_deadline);
        session.reauthenticated();
        assert_eq!(recent(session), Ok("ann".to_owned()));
    });
    browser.visit(app.at(days(1) + RECENT), |session| {
        assert_eq!(recent(session), Ok("ann".to_owned()));
        assert!(session.id() != id && session.csrf_token().ok() != token);
        assert_eq!(session.record().times().absolute_deadline, ends);
    });
    browser.visit(app.at(days(1) + RECENT + seconds(1)), |session| assert!(recent(session).is_err()));
}

#[test]
fn times_that_no_sign_in_wrote_are_not_recent() {
    let now = START.unix_secs();
    for (name, write, is_recent) in [
        ("an owner alone", None, false),
        ("now", Some(now), true),
        ("a clock that is a minute ahead", Some(now + 60), true),
        ("more than a minute ahead", Some(now + 61), false),
        ("the end of time", Some(u64::MAX), false),
        ("1970", Some(0), false),
    ] {
        Browser::default().visit(&app(), |session| {
            session.set_owner("ann");
            if let Some(at) = write {
                session.insert(Session::AUTHENTICATED_AT, at).unwrap();
            }
            assert_eq!(session.require_recent(RECENT).is_ok(), is_recent, "{name}");
        });
    }
    Browser::default().visit(&app(), |session| {
        session.set_owner("ann");
        session.insert("authenticated_at", "yesterday").unwrap();
        assert!(session.require_recent(Duration::MAX).unwrap_err().is_not_recent(), "not a number");
        session.reauthenticated();
        session.clear();
        assert!(session.require_recent(Duration::MAX).is_err(), "cleared");
    });
}
