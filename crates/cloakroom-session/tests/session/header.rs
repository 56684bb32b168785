//! Sessions of programs, which send their id in a header instead of a cookie.

use std::borrow::Cow;
use std::sync::Arc;

use cloakroom_session::adapter::{CsrfDecision, CsrfSlot, RequestHead, ResponseEffects, SessionSlot};
use cloakroom_session::factory::Presented;
use cloakroom_session::{CsrfGuard, CsrfRules, Session, SessionHeader, TokenPolicy};

use crate::support::{App, BOTH, NAME, cookies, run};

/// The head of a request of a program or a browser.
struct Head {
    method: &'static str,
    lines: Vec<(&'static str, String)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn authority(&self) -> Option<&str> {
        Some("shop.example")
    }

    fn target(&self) -> Cow<'_, str> {
        "/".into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}

fn get(lines: &[(&'static str, &str)]) -> Head {
    Head { method: "GET", lines: lines.iter().map(|(name, value)| (*name, (*value).to_owned())).collect() }
}

fn post(lines: &[(&'static str, &str)]) -> Head {
    Head { method: "POST", ..get(lines) }
}

fn visit(app: &App, head: &Head, handler: impl FnOnce(&Session)) -> ResponseEffects {
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        handler(&slot.open_for(head).await.unwrap());
        slot.finish(200).await.unwrap()
    })
}

fn user(app: &App, head: &Head) -> Option<String> {
    let mut user = None;
    visit(app, head, |session| user = session.get("user").unwrap());
    user
}

fn apps() -> impl Iterator<Item = App> {
    BOTH.into_iter().map(|seal| App::with(cookies(seal), |engine| engine.header(SessionHeader::bearer())))
}

#[test]
fn ids_come_and_go_in_the_same_way() {
    for app in apps() {
        let sign_in = |session: &Session| session.insert("user", "ann").unwrap();
        let by_header = visit(&app, &get(&[("authorization", "Bearer new")]), sign_in);
        let by_cookie = visit(&app, &get(&[]), sign_in);
        assert_eq!((by_header.id_header, by_header.vary_by), (Some("session-id"), Some("authorization")));
        assert_eq!((by_cookie.id_header, by_cookie.vary_by), (None, Some("authorization")));
        let bearer = format!("Bearer {}", by_header.cookies[0].value());
        let cookie = format!("{NAME}={}", by_cookie.cookies[0].value());
        assert_eq!(user(&app, &get(&[("authorization", &bearer)])).as_deref(), Some("ann"));
        assert_eq!(user(&app, &get(&[("cookie", &cookie)])).as_deref(), Some("ann"));
        // A value that doesn't open, and an id from a URL: the cookie isn't read.
        for wrong in ["Bearer new", "Bearer", "Bearer invented", "bearer a b"] {
            assert_eq!(user(&app, &get(&[("authorization", wrong), ("cookie", &cookie)])), None, "{wrong}");
        }
        // Other schemes aren't ours.
        assert_eq!(user(&app, &get(&[("authorization", "Basic eA"), ("cookie", &cookie)])).as_deref(), Some("ann"));
    }
}

#[test]
fn the_header_and_the_cookie_are_never_mixed() {
    for app in apps() {
        let named = |name: &'static str| {
            let effects = visit(&app, &get(&[]), |session| session.insert("user", name).unwrap());
            effects.cookies[0].value().to_owned()
        };
        let (ann, bob) = (named("ann"), named("bob"));
        let (cookie, bearer) = (format!("{NAME}={ann}"), format!("Bearer {bob}"));
        let both = get(&[("cookie", &cookie), ("authorization", &bearer)]);
        assert_eq!(user(&app, &both).as_deref(), Some("bob"));
        let ended = visit(&app, &both, Session::invalidate);
        assert_eq!((ended.id_header, ended.cookies[0].value()), (Some("session-id"), ""));
        let twice = get(&[("authorization", &bearer), ("authorization", &bearer), ("cookie", &cookie)]);
        assert_eq!(user(&app, &twice), None, "several headers name no session");
    }
}

#[test]
fn without_the_option_the_header_has_no_meaning() {
    let app = App::new(cookies(BOTH[0]));
    let effects = visit(&app, &get(&[]), |session| session.insert("user", "ann").unwrap());
    assert_eq!((effects.id_header, effects.vary_by), (None, None));
    let cookie = format!("{NAME}={}", effects.cookies[0].value());
    assert_eq!(user(&app, &get(&[("cookie", &cookie), ("authorization", "Bearer new")])).as_deref(), Some("ann"));
    let bearer = format!("Bearer {}", effects.cookies[0].value());
    assert_eq!(user(&app, &get(&[("authorization", &bearer)])), None);
}

#[test]
fn a_presented_session_is_that_of_the_header() {
    let app = apps().next().unwrap();
    let slot = SessionSlot::new(Arc::clone(&app.engine));
    assert_eq!(slot.presented_for(&get(&[("authorization", "Bearer new")])), Presented::Nothing);
}

#[test]
fn the_csrf_check_applies_to_cookies_only() {
    let (app, plain) = (apps().next().unwrap(), App::new(cookies(BOTH[0])));
    let rules = || CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap();
    let foreign = ("sec-fetch-site", "cross-site");
    for (row, app, lines, passes) in [
        ("a bearer", &app, vec![("authorization", "Bearer x")], true),
        ("a bearer, and a cookie", &app, vec![("authorization", "Bearer x"), ("cookie", "a=b")], true),
        ("a cookie", &app, vec![foreign, ("cookie", "a=b")], false),
        ("nothing", &app, vec![foreign], false),
        ("another scheme", &app, vec![foreign, ("authorization", "Basic x")], false),
        ("a bearer, without the option", &plain, vec![foreign, ("authorization", "Bearer x")], false),
    ] {
        let session = SessionSlot::new(Arc::clone(&app.engine));
        let slot = CsrfSlot::new(Arc::new(CsrfGuard::new(rules())), Some(session));
        let decision = slot.check_head(&post(&lines), None);
        assert_eq!(decision == CsrfDecision::Passed, passes, "{row}: {decision:?}");
        assert_eq!(decision.refusal().is_some(), !passes, "{row}: {decision:?}");
    }
    // Without a session layer around the check, there is nothing that the header could name.
    let alone = CsrfSlot::new(Arc::new(CsrfGuard::new(rules())), None);
    assert!(alone.check_head(&post(&[foreign, ("authorization", "Bearer x")]), None).refusal().is_some());
}
