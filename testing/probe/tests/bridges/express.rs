//! Express, with `cookie-session` and `express-session`.

use cloakroom_servers::redis::Redis;
use cloakroom_servers::{Foreign, Postgres};
use serde_json::json;

use crate::side::{Jar, Side};
use crate::turns::{Abilities, NOW, Signs, Turns, USUAL};

/// Both applications, with the same secrets.
fn pair(place: &str, secret: &str, previous: Option<&str>, age: Option<&str>) -> [Side; 2] {
    let sessions = if place.is_empty() { "cookie" } else { place };
    let mut theirs = vec!["--sessions", sessions, "--secret", secret];
    let backend = if place.is_empty() { "express".to_owned() } else { format!("express:{place}") };
    let mut ours = vec!["--backend", &backend, "--secret", secret];
    for side in [&mut theirs, &mut ours] {
        side.extend(previous.into_iter().flat_map(|previous| ["--previous", previous]));
    }
    theirs.extend(age.into_iter().flat_map(|age| ["--max-age", age]));
    ours.extend(age.into_iter().flat_map(|age| ["--idle", age]));
    [Side::theirs(Foreign::express(&theirs)), Side::ours(&ours)]
}

fn turns(format: &'static str, [theirs, ours]: [Side; 2]) -> Turns {
    Turns::between(format, theirs, ours)
}

/// `connect-flash` cannot store a list as one message: it treats it as several messages.
const EXPRESS: Abilities = Abilities { levels: false, ..USUAL };

#[test]
fn cookie_session() {
    turns("express, cookie-session", pair("", "keyboard cat", None, None)).all(EXPRESS);
}

#[test]
fn cookie_session_with_rotated_keys() {
    Turns::rotated("express, cookie-session, rotated", Signs::EachWrite, |secret, previous| {
        pair("", secret, previous, None)
    });
}

/// Redis expires records by its own clock; the test below covers that.
#[test]
fn express_session_in_redis() {
    let server = Redis::start();
    let abilities = Abilities { ends_for_good: true, ..EXPRESS };
    turns("express, express-session in Redis", pair(&server.url(), "keyboard cat", None, None)).all(abilities);
}

#[test]
fn express_session_in_postgresql() {
    let server = Postgres::start();
    let abilities = Abilities { ends_for_good: true, lifetime: Some((3599.0, 3602.0)), ..EXPRESS };
    let pair = pair(&server.url(), "keyboard cat", None, Some("3600"));
    turns("express, express-session in PostgreSQL", pair).all(abilities);
}

#[test]
fn express_session_with_rotated_secrets() {
    let server = Redis::start();
    Turns::rotated("express, express-session, rotated", Signs::OnlyTheId, |secret, previous| {
        pair(&server.url(), secret, previous, None)
    });
}

#[test]
fn both_keep_records_in_redis_for_the_same_time() {
    let server = Redis::start();
    for (age, seconds) in [(None, 86_400), (Some("3600"), 3600)] {
        let [mut theirs, mut ours] = pair(&server.url(), "keyboard cat", None, age);
        for ours_first in [false, true] {
            let mut jar = Jar::new();
            let mut sides = [&mut theirs, &mut ours];
            sides[usize::from(ours_first)].one(&mut jar, NOW, &json!(["insert", "n", 1]));
            let key = server.cli(&["KEYS", "sess:*"]);
            let mut now = NOW;
            // A touch and a write: both reset the TTL.
            for operation in [json!(["get", "n"]), json!(["add", "n", 1])] {
                for side in &mut sides {
                    assert_eq!(server.cli(&["EXPIRE", &key, "10"]), "1");
                    now += 1.0;
                    side.one(&mut jar, now, &operation);
                    let left: i64 = server.cli(&["TTL", &key]).parse().unwrap();
                    assert!(
                        (seconds - 30..=seconds).contains(&left),
                        "{} {operation}: {left} s of {seconds}",
                        side.name
                    );
                }
            }
            assert_eq!(server.cli(&["FLUSHALL"]), "OK");
        }
    }
}
