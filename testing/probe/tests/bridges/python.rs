//! Pyramid, Beaker, Flask, Django and Starlette.

use cloakroom::bridge::FlaskWtf;
use cloakroom::{CsrfToken, Timestamp};
use cloakroom_servers::redis::Redis;
use cloakroom_servers::{Foreign, Postgres};
use serde_json::json;

use crate::sequences;
use crate::side::{Jar, Side};
use crate::turns::{Abilities, NOW, Signs, Turns, USUAL};

const PYRAMID: Abilities = Abilities { lifetime: Some((1200.0, 1201.5)), ..USUAL };

fn ours(backend: &str, secret: &str, more: &[&str]) -> Side {
    Side::ours(&[&["--backend", backend, "--secret", secret], more].concat())
}

#[test]
fn pyramid_signed() {
    let theirs = Side::theirs(Foreign::pyramid(&["--secret", "itsaseekreet"]));
    Turns::between("pyramid, signed", theirs, ours("pyramid", "itsaseekreet", &[])).all(PYRAMID);
}

#[test]
fn pyramid_signed_with_another_hash() {
    let theirs = Side::theirs(Foreign::pyramid(&["--secret", "s", "--hashalg", "sha3_256"]));
    Turns::between("pyramid, signed with SHA3", theirs, ours("pyramid:sha3_256", "s", &[])).all(PYRAMID);
}

#[test]
fn pyramid_nacl() {
    let secret = "0b".repeat(32);
    let theirs = Side::theirs(Foreign::pyramid(&["--sessions", "nacl", "--secret", &secret]));
    Turns::between("pyramid_nacl_session", theirs, ours("pyramid:nacl", &secret, &[])).all(PYRAMID);
}

/// In Beaker's cookies `invalidate` changes nothing, so there is nothing to compare.
const BEAKER: Abilities = Abilities { ends: false, ..PYRAMID };

#[test]
fn beaker_plain() {
    let theirs = Side::theirs(Foreign::pyramid(&["--sessions", "beaker", "--secret", "validate"]));
    let ours = ours("beaker", "validate", &["--idle", "1200"]);
    Turns::between("beaker cookies", theirs, ours).all(BEAKER);
}

#[test]
fn beaker_encrypted() {
    let options = ["--sessions", "beaker", "--secret", "validate", "--encrypt-key", "encrypt"];
    let theirs = Side::theirs(Foreign::pyramid(&options));
    let ours = ours("beaker:encrypt", "validate", &["--idle", "1200"]);
    Turns::between("beaker cookies, encrypted", theirs, ours).all(BEAKER);
}

#[test]
fn side_by_side_with_pyramid() {
    let mut theirs = Side::theirs(Foreign::pyramid(&["--secret", "itsaseekreet"]));
    sequences::compare(&mut theirs, &mut ours("pyramid", "itsaseekreet", &[]), 2000);
}

/// Flask's sessions have no CSRF token. Flask-WTF signs the token separately; see below.
const FLASK: Abilities = Abilities { forms: false, lifetime: Some((2_678_400.0, 2_678_401.5)), ..USUAL };

#[test]
fn flask() {
    let theirs = Side::theirs(Foreign::flask(&["--secret", "dev"]));
    Turns::between("flask", theirs, ours("flask", "dev", &[])).all(FLASK);
}

#[test]
fn flask_with_rotated_secrets() {
    Turns::rotated("flask, rotated", Signs::EachWrite, |secret, previous| {
        let fallback = previous.map_or(vec![], |previous| vec!["--fallback", previous]);
        let theirs = Side::theirs(Foreign::flask(&[&["--secret", secret], &fallback[..]].concat()));
        let previous = previous.map_or(vec![], |previous| vec!["--previous", previous]);
        [theirs, ours("flask", secret, &previous)]
    });
}

#[test]
fn forms_of_flask_wtf() {
    let (mut theirs, mut ours) = (Side::theirs(Foreign::flask(&["--secret", "dev"])), ours("flask", "dev", &[]));
    let (forms, now) = (FlaskWtf::new("dev").unwrap(), Timestamp::from_unix_millis(1_700_000_000_250));
    for ours_first in [true, false] {
        let mut jar = Jar::new();
        let first = if ours_first { &mut ours } else { &mut theirs };
        first.run(&mut jar, NOW, &json!([["insert", "kept", 1], ["csrf_token"]]));
        let token = ours.one(&mut jar, NOW, &json!(["csrf_token"]));
        let token = CsrfToken::from_text(token.as_str().unwrap()).unwrap();
        let rendered = forms.issue(&token, now);
        assert!(theirs.takes_form(&mut jar, NOW, &rendered), "Flask accepts a form that we rendered");
        assert!(!theirs.takes_form(&mut jar, NOW, &rendered[1..]));
        let theirs = theirs.one(&mut jar, NOW, &json!(["csrf_token"]));
        let theirs = theirs.as_str().unwrap();
        assert!(forms.check(&token, theirs, now), "we accept a form that Flask rendered");
        assert!(!forms.check(&token, &theirs[1..], now));
    }
}

const DJANGO: Abilities = Abilities { any_message: false, lifetime: Some((1_209_599.0, 1_209_601.5)), ..USUAL };

#[test]
fn django_signed_cookies() {
    let theirs = Side::theirs(Foreign::django(&["--secret", "insecure", "--cookie-name", "session"]));
    Turns::between("django, signed cookies", theirs, ours("django", "insecure", &[])).all(DJANGO);
}

#[test]
fn django_table_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("sqlite:{}", folder.path().join("db.sqlite3").display());
    let theirs = Foreign::django(&["--secret", "insecure", "--cookie-name", "session", "--sessions", &place]);
    let ours = ours(&format!("django:{place}"), "insecure", &[]);
    Turns::between("django, table in SQLite", Side::theirs(theirs), ours)
        .all(Abilities { ends_for_good: true, ..DJANGO });
}

/// A session engine with another class and another table: Django's salt contains the class's name.
#[test]
fn django_table_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("sqlite:{}", folder.path().join("db.sqlite3").display());
    let theirs = ["--secret", "insecure", "--cookie-name", "session", "--sessions", &place];
    let theirs = Foreign::django(&[&theirs[..], &["--engine", "tenant_sessions"]].concat());
    let options = ["--salt", "django.contrib.sessions.TenantStore", "--table", "tenant_session"];
    let ours = ours(&format!("django:{place}"), "insecure", &options);
    Turns::between("django, table of the application", Side::theirs(theirs), ours)
        .all(Abilities { ends_for_good: true, ..DJANGO });
}

#[test]
fn django_table_in_postgresql() {
    let server = Postgres::start();
    let place = server.url();
    let theirs = Foreign::django(&["--secret", "insecure", "--cookie-name", "session", "--sessions", &place]);
    let ours = ours(&format!("django:{place}"), "insecure", &[]);
    let abilities = Abilities { ends_for_good: true, ..DJANGO };
    Turns::between("django, table in PostgreSQL", Side::theirs(theirs), ours).all(abilities);
}

#[test]
fn django_with_rotated_secrets() {
    Turns::rotated("django, rotated", Signs::EachWrite, |secret, previous| {
        let fallback = previous.map_or(vec![], |previous| vec!["--fallback", previous]);
        let options = [&["--secret", secret, "--cookie-name", "session"], &fallback[..]].concat();
        let previous = previous.map_or(vec![], |previous| vec!["--previous", previous]);
        [Side::theirs(Foreign::django(&options)), ours("django", secret, &previous)]
    });
}

/// Redis expires records by its own clock.
#[test]
fn flask_session_in_redis() {
    let server = Redis::start();
    let url = server.url();
    for (format, theirs) in [("msgpack", &[][..]), ("json", &["--format", "json"]), ("signed", &["--signer"])] {
        let options = [&["--secret", "dev", "--sessions", &url], theirs].concat();
        let ours = ours(&format!("flask-session:{format}:{url}"), "dev", &[]);
        let abilities = Abilities { lifetime: None, ends_for_good: true, ..FLASK };
        Turns::between("flask-session", Side::theirs(Foreign::flask(&options)), ours).all(abilities);
    }
}

/// The cookie, and the time to live of the record, after each operation of either application.
#[test]
fn records_of_flask_session_live_as_long_on_both_sides() {
    let server = Redis::start();
    let url = server.url();
    for (theirs, more, is_permanent) in
        [(&[][..], &[][..], true), (&["--at-browser-close"], &["--at-browser-close"], false)]
    {
        let options = [&["--secret", "dev", "--lifetime", "600", "--sessions", &url], theirs].concat();
        let theirs = Side::theirs(Foreign::flask(&options));
        let backend = format!("flask-session:msgpack:{url}");
        let mut sides = [theirs, ours(&backend, "dev", &[&["--idle", "600"], more].concat())];
        for first in [0, 1] {
            let mut jar = Jar::new();
            for (side, operation) in [
                (first, json!(["add", "k", 1])),
                (1 - first, json!(["get", "k"])),
                (1 - first, json!(["add", "k", 1])),
                (first, json!(["get", "k"])),
            ] {
                let answer = sides[side].post(&mut jar, "/ops", NOW, &[], &json!([operation]).to_string());
                let persists = answer
                    .set_cookies
                    .iter()
                    .any(|line| line.to_ascii_lowercase().contains("expires=") || line.contains("Max-Age=600"));
                let renews = operation[0] == "add" || is_permanent;
                assert_eq!(
                    (answer.set_cookies.len(), persists),
                    (usize::from(renews), renews && is_permanent),
                    "{first}, {side}, {operation}"
                );
                let id = jar["session"].clone();
                let left: i64 = server.cli(&["TTL", &format!("session:{id}")]).trim().parse().unwrap();
                assert!((590..=600).contains(&left), "{first}, {side}, {operation}: {left} s");
            }
        }
    }
}

const STARLETTE: Abilities = Abilities { lifetime: Some((1_209_600.0, 1_209_601.5)), ..USUAL };

#[test]
fn starlette() {
    let theirs = Side::theirs(Foreign::starlette(&["--secret", "dev"]));
    Turns::between("starlette", theirs, ours("starlette", "dev", &[])).all(STARLETTE);
}

#[test]
fn starlette_until_the_browser_is_closed() {
    let theirs = Side::theirs(Foreign::starlette(&["--secret", "dev", "--max-age", "none"]));
    let ours = ours("starlette", "dev", &["--at-browser-close"]);
    Turns::between("starlette, max_age=None", theirs, ours).all(Abilities { lifetime: None, ..STARLETTE });
}

/// The cookie's attributes are the same on both sides, whatever was done with the session.
#[test]
fn cookies_of_starlette_live_as_long_on_both_sides() {
    for (options, more, max_age) in
        [(&[][..], &[][..], Some("1209600")), (&["--max-age", "none"], &["--at-browser-close"], None)]
    {
        let theirs = Side::theirs(Foreign::starlette(&[&["--secret", "dev"], options].concat()));
        let mut sides = [theirs, ours("starlette", "dev", more)];
        for first in [0, 1] {
            let mut jar = Jar::new();
            for (side, operation) in
                [(first, "insert"), (1 - first, "get"), (1 - first, "insert"), (first, "get"), (first, "insert")]
            {
                let operations = if operation == "get" { json!([["get", "k"]]) } else { json!([["add", "k", 1]]) };
                let answer = sides[side].post(&mut jar, "/ops", NOW, &[], &operations.to_string());
                let name = sides[side].name;
                let ages: Vec<Option<String>> = answer.set_cookies.iter().map(|line| max_age_of(line)).collect();
                let expected = if operation == "get" { vec![] } else { vec![max_age.map(str::to_owned)] };
                assert_eq!(ages, expected, "{name}, {operation}, {options:?}");
            }
        }
    }
}

fn max_age_of(line: &str) -> Option<String> {
    let parts = line.split(';').filter_map(|part| part.trim().split_once('='));
    parts.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("max-age")).map(|(_, value)| value.to_owned())
}

#[test]
fn values_that_rust_cannot_represent_survive() {
    let written =
        r#"[["insert", "n", NaN], ["insert", "big", 123456789012345678901234567890], ["insert", "half", "\ud800"]]"#;
    let read = r#"[["get", "n"], ["get", "big"], ["get", "half"]]"#;
    let expected = r#"{"results": [{"ok": NaN}, {"ok": 123456789012345678901234567890}, {"ok": "\ud800"}]}"#;
    let frameworks = [
        ("pyramid", Foreign::pyramid(&["--secret", "s"])),
        ("flask", Foreign::flask(&["--secret", "s"])),
        ("django", Foreign::django(&["--secret", "s", "--cookie-name", "session"])),
        ("starlette", Foreign::starlette(&["--secret", "s"])),
    ];
    for (name, application) in frameworks {
        let (mut theirs, mut ours, mut jar) = (Side::theirs(application), ours(name, "s", &[]), Jar::new());
        assert_eq!(theirs.post(&mut jar, "/ops", NOW, &[], written).status, 200, "{name}");
        let results = ours.run(&mut jar, NOW, &json!([["insert", "mine", 1], ["get", "n"], ["get", "mine"]]));
        assert_eq!(results[1]["err"]["kind"], "decode", "{name}: an error of that key");
        assert_eq!(results[2], json!(1), "{name}: and of no other");
        assert_eq!(theirs.post(&mut jar, "/ops", NOW, &[], read).body, expected, "{name}");
        assert_eq!(theirs.one(&mut jar, NOW, &json!(["get", "mine"])), json!(1), "{name}");
    }
}
