//! The size limit of a cookie, and the attributes of a removal cookie.

use cloakroom_session::factory::{MAX_COOKIE, Seal};
use cloakroom_session::{CookieConfig, CookieSessions, SameSite};

use crate::support::{App, BOTH, Browser, NAME, cookies, key, value_of};

#[test]
fn a_cookie_of_4096_bytes_passes_and_one_more_fails() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let write = |length: usize| {
            let mut browser = Browser::signed_in(&app);
            browser.visit(&app, |session| session.insert("text", "x".repeat(length)).unwrap())
        };
        // Three bytes are four characters, so not every size is possible, but 4,096 is with this
        // name.
        let fits = (2000..4000).take_while(|length| write(*length).outcome.is_ok()).last().unwrap();
        let answer = write(fits);
        assert_eq!(NAME.len() + value_of(answer.line()).len(), MAX_COOKIE, "{seal:?}");
        let error = write(fits + 1).error();
        assert!(error.is_too_large(), "{seal:?}");
        assert!(error.to_string().contains("the limit is 4096"), "{seal:?}: {error}");
    }
}

#[test]
fn a_session_that_does_not_fit_keeps_the_previous_cookie() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = Browser::signed_in(&app);
        let before = browser.value().unwrap().to_owned();
        let error = browser
            .visit(&app, |session| {
                session.insert("small", "s").unwrap();
                session.insert("second", "secret ".repeat(200)).unwrap();
                session.insert("first", "secret ".repeat(500)).unwrap();
                session.flash_queue("news").push("secret ".repeat(100));
                session.remove("user");
            })
            .error();
        assert!(error.is_too_large());
        assert_eq!(error.key(), Some("first"));
        assert_eq!(error.status(), 500);
        let text = error.to_string();
        let order = ["\"first\"", "\"second\"", "\"flash:news\""].map(|key| text.find(key));
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{text}");
        assert!(!text.contains("secret"), "{text}");

        assert_eq!(browser.value(), Some(before.as_str()));
        assert_eq!(browser.user(&app).as_deref(), Some("ann"));
    }
}

#[test]
fn the_name_counts_and_the_attributes_do_not() {
    let write = |cookie: CookieConfig| {
        let app = App::new(CookieSessions::signed(key(1)).cookie(cookie).build().unwrap());
        let answer = Browser::default().visit(&app, |session| session.insert("text", "x".repeat(2500)).unwrap());
        answer.outcome.is_ok()
    };
    let short = CookieConfig::default().name("s");
    assert!(write(short.clone()));
    assert!(write(short.path(format!("/{}", "p".repeat(1000)))));
    assert!(!write(CookieConfig::default().name("s".repeat(1000))));
}

#[test]
fn a_removal_cookie_has_the_attributes_of_the_cookie_it_removes() {
    let default = CookieConfig::default();
    let end = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    for (name, config, expected) in [
        ("default", default.clone(), format!("{NAME}=; Path=/; {end}; Secure; HttpOnly; SameSite=Lax")),
        (
            "strict and partitioned",
            default.clone().same_site(SameSite::Strict).partitioned(),
            format!("{NAME}=; Path=/; {end}; Secure; HttpOnly; SameSite=Strict; Partitioned"),
        ),
        (
            "a path, a domain, readable, without TLS",
            default
                .clone()
                .name("session")
                .path("/shop")
                .domain("example.com")
                .danger_insecure()
                .danger_readable_by_scripts(),
            format!("session=; Path=/shop; Domain=example.com; {end}; SameSite=Lax"),
        ),
        (
            "everywhere",
            default.name("__Secure-session").domain("example.com").same_site(SameSite::None),
            format!("__Secure-session=; Path=/; Domain=example.com; {end}; Secure; HttpOnly; SameSite=None"),
        ),
    ] {
        let app = App::new(CookieSessions::signed(key(1)).cookie(config).build().unwrap());
        let mut browser = Browser::default();
        let set = browser.visit(&app, |session| session.insert("user", "ann").unwrap()).line().to_owned();
        let removed = browser.visit(&app, |session| {
            assert!(session.contains_key("user"), "{name}");
            session.invalidate();
        });
        assert_eq!(removed.line(), expected, "{name}");
        // Apart from value and expiry, both have the same attributes.
        let bare = |line: &str| line.split("; ").skip(1).map(str::to_owned).collect::<Vec<_>>();
        let mut rest = bare(removed.line());
        rest.retain(|attribute| !attribute.starts_with("Max-Age") && !attribute.starts_with("Expires"));
        assert_eq!(bare(&set), rest, "{name}");
        browser.visit(&app, |session| assert!(session.is_new(), "{name}: removed"));
    }
}

#[test]
fn a_removal_is_sent_for_this_request_s_invalidate_alone() {
    let app = App::new(cookies(Seal::Encrypted));
    let mut browser = Browser::default();
    assert!(browser.visit(&app, |session| session.invalidate()).is_silent(), "nothing to remove");
    let mut browser = Browser::with("garbage");
    assert!(browser.visit(&app, |session| session.invalidate()).is_silent(), "the cookie isn't ours");
    let mut browser = Browser::signed_in(&app);
    assert!(browser.visit(&app, |session| session.clear()).sets_a_cookie(), "clear doesn't end the session");
}
