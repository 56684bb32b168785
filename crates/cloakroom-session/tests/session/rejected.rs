//! Rejected cookies: the request has no session, the response has no cookie, and one trace event
//! has the reason.

use cloakroom_session::factory::{Seal, Sealer};
use cloakroom_session::{CookieConfig, CookieSessions, Keyring};
use tracing::Level;

use crate::support::{App, BOTH, Browser, MILLISECOND, NAME, cookies, key, request, seconds, value_of};
use crate::traces::traced;

fn pair(value: &str) -> Vec<u8> {
    format!("{NAME}={value}").into_bytes()
}

/// Returns a cookie of a factory with another secret.
fn foreign(seal: Seal) -> String {
    let factory = match seal {
        Seal::Signed => CookieSessions::signed(key(9)),
        _ => CookieSessions::encrypted(key(9)),
    };
    Browser::signed_in(&App::new(factory.build().unwrap())).value().unwrap().to_owned()
}

/// Returns a cookie of the same secret with another name.
fn renamed(seal: Seal) -> String {
    let factory = match seal {
        Seal::Signed => CookieSessions::signed(key(1)),
        _ => CookieSessions::encrypted(key(1)),
    };
    let cookie = CookieConfig::default().name("__Host-other");
    let app = App::new(factory.cookie(cookie).build().unwrap());
    let answer = request(&app, &[], 200, |session| session.insert("user", "ann").unwrap());
    value_of(answer.line()).to_owned()
}

/// Returns a cookie that was made when the clock was `ahead`.
fn dated(seal: Seal, ahead: std::time::Duration) -> String {
    let app = App::new(cookies(seal));
    app.at(ahead);
    Browser::signed_in(&app).value().unwrap().to_owned()
}

/// Returns a payload that is sealed like a cookie but isn't a record.
fn sealed(seal: Seal, payload: &str) -> String {
    Sealer::new(seal, &Keyring::new(key(1)), NAME).unwrap().seal(payload, [7; 12]).unwrap()
}

/// Returns the same bytes in a non-canonical spelling, with an unused bit set.
fn other_spelling(seal: Seal) -> String {
    // One of the three lengths leaves unused bits at the end.
    let mut text = ["", "x", "xx"]
        .iter()
        .map(|more| sealed(seal, &format!("not a record{more}")))
        .find(|text| (text.len() - 3) % 4 == 2)
        .unwrap();
    let last = text.pop().unwrap();
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = ALPHABET.find(last).unwrap();
    text.push(char::from(ALPHABET.as_bytes()[index + 1]));
    text
}

#[test]
fn what_does_not_open_is_ignored_and_traced_once() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let good = Browser::signed_in(&app).value().unwrap().to_owned();
        let other_seal = if seal == Seal::Signed { Seal::Encrypted } else { Seal::Signed };
        let other = dated(other_seal, seconds(0));
        let id = "A".repeat(43);
        // At a length without unused bits, because otherwise it would already be malformed.
        let whole = good.len() - (good.len() - 3) % 4 - 4;
        let late = seconds(1200) + MILLISECOND;
        for (name, value, age, reason) in [
            ("garbage", "abc".to_owned(), seconds(0), "unknown-format"),
            ("an empty value", String::new(), seconds(0), "unknown-format"),
            ("a quotation mark", "\"".to_owned(), seconds(0), "unknown-format"),
            ("an id that the client invented", id.clone(), seconds(0), "unknown-format"),
            ("a later version", format!("{}9{}", &good[..1], &good[2..]), seconds(0), "unknown-format"),
            ("the other seal", other, seconds(0), "unknown-format"),
            ("only a prefix", good[..3].to_owned(), seconds(0), "malformed"),
            ("not base64url", format!("{}!", &good[..40]), seconds(0), "malformed"),
            ("padded", format!("{good}="), seconds(0), "malformed"),
            ("another spelling of the same bytes", other_spelling(seal), seconds(0), "malformed"),
            ("cut within the key id", good[..6].to_owned(), seconds(0), "malformed"),
            ("cut within the tag", good[..12].to_owned(), seconds(0), "malformed"),
            ("another key", foreign(seal), seconds(0), "unknown-key"),
            ("another name", renamed(seal), seconds(0), "forged"),
            ("cut by a few bytes", good[..whole].to_owned(), seconds(0), "forged"),
            ("too long", format!("{}{}", &good[..3], "A".repeat(5000)), seconds(0), "too-long"),
            ("sealed, but not a record", sealed(seal, "hello"), seconds(0), "corrupt"),
            ("sealed, an id without a record", sealed(seal, &id), seconds(0), "corrupt"),
            ("sealed, an unknown field", sealed(seal, &format!("{id}1c1;z1;")), seconds(0), "corrupt"),
            ("expired", good.clone(), late, "expired-idle"),
            ("from the future", dated(seal, seconds(60) + MILLISECOND), seconds(0), "from-future"),
        ] {
            let name = format!("{seal:?}: {name}");
            app.at(age);
            let lines = [pair(&value)];
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();

            let (answer, events) = traced(|| {
                request(&app, &lines, 200, |session| {
                    assert!(session.is_new(), "{name}");
                    assert!(session.is_empty(), "{name}");
                    assert_eq!(session.id(), None, "{name}");
                })
            });
            assert!(answer.is_silent(), "{name}: the cookie is neither replaced nor removed");
            assert_eq!(events.len(), 1, "{name}: {events:?}");
            assert_eq!(events[0].field("reason"), Some(reason), "{name}");
            assert_eq!(events[0].field("cookie"), Some(NAME), "{name}");
            assert_eq!(events[0].level, Level::INFO, "{name}");
            assert!(value.len() < 4 || !format!("{events:?}").contains(&value), "{name}: quotes the value");

            let answer = request(&app, &lines, 200, |session| session.insert("user", "bob").unwrap());
            let mut browser = Browser::with(value_of(answer.line()));
            browser.visit(&app, |session| {
                assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("bob"), "{name}");
                assert_ne!(session.id().unwrap().expose(), id, "{name}: adopted");
            });
        }
    }
}

#[test]
fn an_expired_session_is_replaced_under_a_fresh_id() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    let mut old = None;
    browser.visit(&app, |session| old = session.id());
    browser.visit(app.at(seconds(1201)), |session| session.insert("user", "bob").unwrap());
    browser.visit(&app, |session| {
        assert!(old.is_some() && session.id().is_some());
        assert_ne!(session.id(), old);
    });
}

#[test]
fn clocks_may_differ_by_a_minute() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let browser = Browser::with(&dated(seal, seconds(60)));
        assert!(browser.user(&app).is_some(), "{seal:?}");
    }
}

#[test]
fn the_last_of_several_cookies_that_opens_wins() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let cookie = |user: &str| {
            let answer = request(&app, &[], 200, |session| session.insert("user", user).unwrap());
            value_of(answer.line()).to_owned()
        };
        let (ann, bob) = (cookie("ann"), cookie("bob"));
        for (name, lines, expected, rejected) in [
            ("two good ones", vec![format!("{NAME}={ann}; {NAME}={bob}")], Some("bob"), 0),
            ("garbage behind", vec![format!("{NAME}={ann}; {NAME}=abc")], Some("ann"), 1),
            ("garbage in front", vec![format!("{NAME}=abc; {NAME}={ann}")], Some("ann"), 0),
            ("two lines", vec![format!("{NAME}={ann}"), format!("{NAME}={bob}")], Some("bob"), 0),
            ("the second line garbage", vec![format!("{NAME}={ann}; a=1"), format!("b=2; {NAME}=abc")], Some("ann"), 1),
            ("nothing but garbage", vec![format!("{NAME}=abc; {NAME}=abc")], None, 2),
            ("quoted", vec![format!("{NAME}=\"{ann}\"")], Some("ann"), 0),
            ("no blank between", vec![format!("a=1;{NAME}={ann};b=2")], Some("ann"), 0),
            ("many blanks, and a tab", vec![format!("a=1;  \t{NAME} = {ann} ;b=2")], Some("ann"), 0),
            ("a name that ends like ours", vec![format!("x{NAME}={ann}; {NAME}2={ann}")], None, 0),
            ("a name in other letters", vec![format!("{}={ann}", NAME.to_lowercase())], None, 0),
            ("without a value", vec![NAME.to_owned()], None, 0),
            ("an empty line", vec![String::new()], None, 0),
        ] {
            let name = format!("{seal:?}: {name}");
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            let (answer, events) = traced(|| {
                request(&app, &lines, 200, |session| {
                    assert_eq!(session.get::<String>("user").unwrap().as_deref(), expected, "{name}");
                })
            });
            assert!(answer.is_silent(), "{name}");
            assert_eq!(events.len(), usize::from(rejected > 0), "{name}: {events:?}");
            let counted =
                events.first().and_then(|event| event.field("count")).map_or(0, |count| count.parse().unwrap());
            assert_eq!(counted, rejected, "{name}: {events:?}");
        }
    }
}

/// Returns a header of about 400 KB, within hyper's limit, that consists only of cookies of our
/// name.
fn flood() -> String {
    vec![format!("{NAME}=x"); 19_047].join("; ")
}

#[test]
fn a_flood_of_cookies_is_four_candidates_and_one_event() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let answer = request(&app, &[], 200, |session| session.insert("user", "ann").unwrap());
        let ann = value_of(answer.line()).to_owned();
        let (flood, long) = (flood(), "x".repeat(4097));
        assert!(flood.len() > 400_000);
        for (name, line, user, reason, count, ignored) in [
            ("nothing but garbage", flood.clone(), None, "unknown-format", "4", "19043"),
            (
                "the good one is the fourth",
                format!("{flood}; {NAME}={ann}; {NAME}=1; {NAME}=2; {NAME}=3"),
                Some("ann"),
                "unknown-format",
                "3",
                "19047",
            ),
            (
                "the good one is the fifth",
                format!("{NAME}={ann}; {NAME}=1; {NAME}=2; {NAME}=3; {NAME}=4"),
                None,
                "unknown-format",
                "4",
                "1",
            ),
            ("too long", format!("{NAME}={ann}; {NAME}={long}"), Some("ann"), "too-long", "1", "0"),
            (
                "of different kinds",
                format!("{NAME}=1; {NAME}={long}; {NAME}=2"),
                None,
                "unknown-format, too-long",
                "3",
                "0",
            ),
        ] {
            let (_, events) = traced(|| {
                request(&app, &[line.as_bytes()], 200, |session| {
                    assert_eq!(session.get::<String>("user").unwrap().as_deref(), user, "{seal:?}: {name}");
                })
            });
            let [event] = &events[..] else { panic!("{seal:?}: {name}: {} events", events.len()) };
            let fields = ["reason", "count", "ignored"].map(|field| event.field(field).unwrap());
            assert_eq!(fields, [reason, count, ignored], "{seal:?}: {name}");
        }
    }
}

#[test]
fn bytes_that_are_not_text_are_no_cookie_of_ours() {
    let app = App::new(cookies(Seal::Signed));
    let good = Browser::signed_in(&app).value().unwrap().to_owned();
    let mut broken = pair("\"s1.");
    broken.extend([0xff, 0xfe, b'"']);
    let mut after = pair(&good);
    after.extend(b"; other=");
    after.extend([0xff, 0x00]);
    for (name, line, user) in [("within ours", broken, None), ("within another", after, Some("ann"))] {
        request(&app, &[&line], 200, |session| {
            assert_eq!(session.get::<String>("user").unwrap().as_deref(), user, "{name}");
        });
    }
}

#[test]
fn every_changed_byte_is_found() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let good = Browser::signed_in(&app).value().unwrap().to_owned();
        for at in 0..good.len() {
            for flip in [0x01, 0x20] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= flip;
                let mut line = pair("");
                line.extend(&bytes);
                request(&app, &[&line], 200, |session| assert!(session.is_new(), "{seal:?}, byte {at} ^ {flip:#x}"));
            }
        }
    }
}

#[test]
fn a_request_that_opens_nothing_leaves_no_trace() {
    let app = App::new(cookies(Seal::Signed));
    let slot = cloakroom_session::adapter::SessionSlot::new(std::sync::Arc::clone(&app.engine));
    let (effects, events) = traced(|| crate::support::run(slot.finish(200)).unwrap());
    assert!(!effects.opened && effects.cookies.is_empty() && events.is_empty());
}
