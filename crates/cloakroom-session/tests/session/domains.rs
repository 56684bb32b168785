//! The domain of the cookie, chosen by the host of the request.

use std::borrow::Cow;
use std::sync::Arc;

use cloakroom_session::adapter::{RequestHead, SessionSlot};
use cloakroom_session::{CookieConfig, CookieSessions, Engine, Session};

use crate::support::{key, run};

struct Head {
    authority: Option<&'static str>,
    lines: Vec<(&'static str, String)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
    }

    fn authority(&self) -> Option<&str> {
        self.authority
    }

    fn target(&self) -> Cow<'_, str> {
        "/".into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}

fn to(host: &str) -> Head {
    Head { authority: None, lines: vec![("host", host.to_owned())] }
}

fn engine(cookie: CookieConfig) -> Engine {
    Engine::new(CookieSessions::encrypted(key(1)).cookie(cookie).build().unwrap())
}

fn secure() -> CookieConfig {
    CookieConfig::default().name("__Secure-session")
}

/// Answers a request, and returns the `Set-Cookie` lines.
fn answer(engine: &Arc<Engine>, head: &Head, handler: impl FnOnce(&Session)) -> Vec<String> {
    let slot = SessionSlot::new(Arc::clone(engine));
    let session = run(slot.open_for(head)).unwrap();
    handler(&session);
    run(slot.finish(200)).unwrap().cookies.iter().map(ToString::to_string).collect()
}

fn domain(line: &str) -> Option<&str> {
    line.split("; ").find_map(|part| part.strip_prefix("Domain="))
}

#[test]
fn the_host_of_the_request_selects_the_domain() {
    let domains = ["shop.example", "Bakery.example", "north.bakery.example"];
    let engine = Arc::new(engine(secure()).cookie_domains(domains).unwrap());
    for (host, expected) in [
        ("shop.example", Some("shop.example")),
        ("SHOP.example:8443", Some("shop.example")),
        ("www.shop.example", Some("shop.example")),
        ("bakery.example", Some("bakery.example")),
        ("a.north.bakery.example", Some("north.bakery.example")),
        ("south.bakery.example", Some("bakery.example")),
        ("myshop.example", None),
        ("shop.example.evil.example", None),
        ("other.example", None),
        ("127.0.0.1:3000", None),
        ("[::1]:3000", None),
        ("", None),
    ] {
        for head in [to(host), Head { authority: Some(Box::leak(host.into())), lines: Vec::new() }] {
            let lines = answer(&engine, &head, |session| session.insert("seen", 1).unwrap());
            assert_eq!(lines.len(), 1, "{host}");
            assert_eq!(domain(&lines[0]), expected, "{host}: {}", lines[0]);
        }
    }
    let twice = Head { authority: None, lines: vec![("host", "shop.example".into()), ("host", "x".into())] };
    let lines = answer(&engine, &twice, |session| session.insert("seen", 1).unwrap());
    assert_eq!(domain(&lines[0]), None, "a request with two hosts has none");
}

/// Browsers remove a cookie only under the domain with which it was set.
#[test]
fn the_cookie_is_removed_under_the_same_domain() {
    // From before a deployment: a cookie for each host alone.
    let cookie = secure().former(secure().path("/old"));
    let engine = Arc::new(engine(cookie).cookie_domains(["shop.example"]).unwrap());
    let set = answer(&engine, &to("www.shop.example"), |session| session.insert("seen", 1).unwrap());
    assert_eq!(set.iter().map(|line| domain(line)).collect::<Vec<_>>(), [None, Some("shop.example")], "{set:?}");
    assert!(set[0].contains("; Path=/old; Max-Age=0"), "{set:?}");

    let mut head = to("www.shop.example");
    head.lines.push(("cookie", set[1].split(';').next().unwrap().to_owned()));
    let removed = answer(&engine, &head, Session::invalidate);
    assert_eq!(removed.iter().map(|line| domain(line)).collect::<Vec<_>>(), [None, Some("shop.example")]);
    assert!(removed[1].contains("; Path=/; Domain=shop.example; Max-Age=0"), "{removed:?}");
}

#[test]
fn a_cookie_with_a_domain_of_its_own_keeps_it() {
    let engine = Arc::new(engine(secure().domain("example")).cookie_domains(["shop.example"]).unwrap());
    let lines = answer(&engine, &to("shop.example"), |session| session.insert("seen", 1).unwrap());
    assert_eq!(domain(&lines[0]), Some("example"));
}

#[test]
fn wrong_domains_and_names_are_errors() {
    for (cookie, domains, part) in [
        (CookieConfig::default(), &["shop.example"][..], "choose a name with the prefix __Secure-"),
        (CookieConfig::default().name("__Host-a"), &["shop.example"], "__Host-a"),
        (secure(), &["https://shop.example"], "isn't a domain"),
        (secure(), &["shop.example", ""], "is empty"),
        (secure(), &["a;b"], "isn't a domain"),
    ] {
        let error = engine(cookie).cookie_domains(domains.iter().copied()).unwrap_err();
        assert_eq!(error.option(), "cookie_domains");
        assert!(error.to_string().contains(part), "{error}");
    }
}
