//! 5, 6, 16 to 18, 43 to 49, 127, 129: the cookie itself.

use std::sync::Arc;

use cloakroom::adapter::SessionSlot;
use cloakroom::factory::{CookieHeader, MAX_COOKIE, Seal, Sealer};
use cloakroom::{CommitPolicy, CookieConfig, CookieSessions, Key, Keyring};

use crate::world::{NAME, World, key, run};

fn ignored(value: &str) {
    let mut world = World::signed();
    world.cookie = Some(value.to_owned());
    let lines = world.visit(|session| assert!(session.is_empty() && session.is_new(), "{value}"));
    assert!(lines.is_empty(), "{value}: neither replaced nor removed");
}

fn sealed(payload: &str) -> String {
    Sealer::new(Seal::Signed, &Keyring::new(key()), NAME).unwrap().seal(payload, [0; 12]).unwrap()
}

pub(crate) fn undecodable() {
    for value in ["abc", "", "s1.", "s1.???"] {
        ignored(value);
    }
}

pub(crate) fn another_shape() {
    for payload in ["", "a string", "[1, 2, {}]"] {
        ignored(&sealed(payload));
    }
}

pub(crate) fn shorter_than_its_seal() {
    let whole = sealed("");
    ignored(&whole[..whole.len() - 2]);
}

pub(crate) fn too_long() {
    let mut world = World::signed().with_state();
    let error = world.visit_for(200, |it| it.insert("long", "x".repeat(100_000)).unwrap()).unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(error.key(), Some("long"));
    assert_eq!(world.state(), Some(1), "and the browser keeps what it has");
}

pub(crate) fn plain_write() {
    let lines = World::signed().visit(|session| {
        session.insert("a", 1).unwrap();
        session.insert("b", 2).unwrap();
    });
    assert_eq!(lines.len(), 1);
}

pub(crate) fn read_and_written() {
    let mut world = World::signed().with_state();
    let lines = world.at(600).visit(|session| {
        session.insert("other", 1).unwrap();
        assert_eq!(session.get::<u32>("state").unwrap(), Some(1));
    });
    assert_eq!(lines.len(), 1, "written, and due for a touch: one cookie");
}

pub(crate) fn attributes() {
    let value = |line: &str| line.split_once("; ").unwrap().1.to_owned();
    let line = World::signed().visit(|it| it.insert("a", 1).unwrap());
    assert_eq!(value(&line[0]), "Path=/; Secure; HttpOnly; SameSite=Lax");
    let config = CookieConfig::default().name("abc").path("/foo").domain("localhost");
    let mut world = World::new(CookieSessions::signed(key()).cookie(config), CommitPolicy::Always);
    let line = world.visit(|it| it.insert("a", 1).unwrap());
    assert!(line[0].starts_with("abc=s1."));
    assert_eq!(value(&line[0]), "Path=/foo; Domain=localhost; Secure; HttpOnly; SameSite=Lax");
}

pub(crate) fn another_secret() {
    let other = Key::new(b"another secret of thirty-two bytes or more").unwrap();
    let mut world = World::new(CookieSessions::signed(other), CommitPolicy::Always).with_state();
    ignored(&world.cookie.take().unwrap());
}

pub(crate) fn long_secret() {
    let long: Vec<u8> = (0..1024_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let sessions = CookieSessions::signed(Key::new(long).unwrap());
    assert_eq!(World::new(sessions, CommitPolicy::Always).with_state().state(), Some(1));
}

pub(crate) fn limit() {
    let size = |length: usize| {
        let lines = World::signed().visit_for(200, |it| it.insert("a", "x".repeat(length)).unwrap());
        lines.ok().map(|lines| lines[0].split(';').next().unwrap().len() - 1)
    };
    let fits = (2500..4000).take_while(|length| size(*length).is_some()).last().unwrap();
    assert_eq!(size(fits), Some(MAX_COOKIE));
    assert_eq!(size(fits + 1), None);
}

pub(crate) fn last_wins() {
    let mut world = World::signed();
    let cookies = [1, 2].map(|state| {
        world.cookie = None;
        world.visit(|it| it.insert("state", state).unwrap());
        world.cookie.clone().unwrap()
    });
    let line = format!("{NAME}={}; {NAME}={}", cookies[0], cookies[1]);
    let state = run(async {
        let slot = SessionSlot::new(Arc::clone(&world.engine));
        slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap().get::<u32>("state").unwrap()
    });
    assert_eq!(state, Some(2));
}
