//! tower-sessions and actix-session.
//!
//! They read their own clock, so these tests begin at the real time. A session that must be old is
//! written by our side, whose clock is passed in.

use std::time::{SystemTime, UNIX_EPOCH};

use cloakroom_servers::redis::Redis;
use cloakroom_servers::{Foreign, MariaDb, Postgres};
use serde_json::{Value, json};

use crate::side::{Answer, Jar, Side};
use crate::turns::{Abilities, Turns, USUAL};

const KEY: &str = "a key of the crate cookie has at least sixty-four bytes, and this one has more";

/// These libraries have no CSRF tokens, and axum-messages has no queues.
const TOWER: Abilities = Abilities { queues: false, forms: false, ends_for_good: true, ..USUAL };
const WITHOUT_FLASH: Abilities = Abilities { flashes: false, any_message: false, ..TOWER };

#[expect(clippy::disallowed_methods, reason = "the libraries read the same clock")]
fn real_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Both applications on one store.
fn tower(version: &str, place: &str, seal: &str, more: &[&str]) -> [Side; 2] {
    let library = format!("tower-sessions-{version}");
    let theirs = [&[&library, "--sessions", place, "--seal", seal, "--secret", KEY], &translated(more)[..]].concat();
    let backend = format!("tower-sessions:{seal}:{place}");
    let ours = [&["--backend", &backend, "--secret", KEY], more].concat();
    [Side::theirs(Foreign::rust(&theirs)), Side::ours(&ours)]
}

fn actix(place: &str, seal: &str, more: &[&str]) -> [Side; 2] {
    let theirs =
        [&["actix-session", "--sessions", place, "--seal", seal, "--secret", KEY], &translated(more)[..]].concat();
    let backend =
        if place == "cookie" { format!("actix-session:{seal}") } else { format!("actix-session:{seal}:{place}") };
    let ours = [&["--backend", &backend, "--secret", KEY], more].concat();
    [Side::theirs(Foreign::rust(&theirs)), Side::ours(&ours)]
}

/// The probe's options in the words of the libraries.
fn translated<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let word = |option: &&'a str| match *option {
        "--idle" => "--inactivity",
        "--rolling" => "--always-save",
        other => other,
    };
    options.iter().map(word).collect()
}

fn all_turns(name: &'static str, [theirs, ours]: [Side; 2], abilities: Abilities) {
    Turns::between(name, theirs, ours).at(real_time()).all(abilities);
}

/// Every cookie and both versions on one store.
fn tower_on(place: &str, names: [&'static str; 4]) {
    let [plain, signed, private, newer] = names;
    for (name, version, seal) in [(plain, "0.14", "plain"), (signed, "0.14", "signed"), (private, "0.14", "private")] {
        all_turns(name, tower(version, place, seal, &[]), TOWER);
    }
    for seal in ["plain", "signed", "private"] {
        all_turns(newer, tower("0.15", place, seal, &["--idle", "3600"]), WITHOUT_FLASH);
    }
    expiries(place);
    ids_cycle(&mut tower("0.14", place, "signed", &[]));
}

/// Sessions that this side wrote some time ago.
fn expiries(place: &str) {
    let mut compared = 0;
    for (more, span) in [(&["--idle", "3600"][..], 3600.0), (&[], 14.0 * 86_400.0)] {
        let [mut theirs, mut ours] = tower("0.15", place, "plain", more);
        for (age, expected) in [(0.0, json!("ann")), (span - 60.0, json!("ann")), (span + 60.0, json!(null))] {
            let mut jar = Jar::new();
            let now = real_time();
            ours.one(&mut jar, now - age, &json!(["insert", "user", "ann"]));
            // Redis expires records by the real clock: only SQL stores know ours.
            let by_clock = !place.starts_with("redis:") || expected.is_string();
            for side in [&mut ours, &mut theirs].into_iter().take(if by_clock { 2 } else { 1 }) {
                let mut jar = jar.clone();
                assert_eq!(side.one(&mut jar, now, &json!(["get", "user"])), expected, "{}: {more:?} {age}", side.name);
                compared += 1;
            }
            // A session of theirs ends here at the same time, by our clock.
            let mut jar = Jar::new();
            theirs.one(&mut jar, now, &json!(["insert", "user", "ann"]));
            let read = ours.one(&mut jar, now + age, &json!(["get", "user"]));
            assert_eq!(read, expected, "theirs, read by ours: {more:?} {age}");
            compared += 1;
        }
    }
    println!("{}: {compared} ages, 0 mismatches", place.split(':').next().unwrap());
}

/// A new id keeps the values, and the old one opens nothing on either side.
fn ids_cycle(sides: &mut [Side; 2]) {
    let now = real_time();
    for cycling in [0, 1] {
        let mut jar = Jar::new();
        sides[1 - cycling].one(&mut jar, now, &json!(["insert", "user", "ann"]));
        let old = jar.clone();
        sides[cycling].one(&mut jar, now, &json!(["cycle_id"]));
        assert_ne!(old, jar);
        for side in sides.iter_mut() {
            assert_eq!(side.one(&mut jar, now, &json!(["get", "user"])), json!("ann"), "{}", side.name);
            assert_eq!(side.one(&mut old.clone(), now, &json!(["get", "user"])), json!(null), "{}", side.name);
        }
    }
}

#[test]
fn tower_sessions_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("sqlite:{}", folder.path().join("sessions.db").display());
    tower_on(
        &place,
        [
            "tower-sessions 0.14 in SQLite, plain",
            "tower-sessions 0.14 in SQLite, signed",
            "tower-sessions 0.14 in SQLite, private",
            "tower-sessions 0.15 in SQLite",
        ],
    );
}

#[test]
fn tower_sessions_in_postgresql() {
    let server = Postgres::start();
    tower_on(
        &server.url(),
        [
            "tower-sessions 0.14 in PostgreSQL, plain",
            "tower-sessions 0.14 in PostgreSQL, signed",
            "tower-sessions 0.14 in PostgreSQL, private",
            "tower-sessions 0.15 in PostgreSQL",
        ],
    );
}

#[test]
fn tower_sessions_in_mysql() {
    let server = MariaDb::start();
    tower_on(
        &server.url(),
        [
            "tower-sessions 0.14 in MariaDB, plain",
            "tower-sessions 0.14 in MariaDB, signed",
            "tower-sessions 0.14 in MariaDB, private",
            "tower-sessions 0.15 in MariaDB",
        ],
    );
}

#[test]
fn tower_sessions_in_redis() {
    let server = Redis::start();
    tower_on(
        &server.url(),
        [
            "tower-sessions 0.14 in Redis, plain",
            "tower-sessions 0.14 in Redis, signed",
            "tower-sessions 0.14 in Redis, private",
            "tower-sessions 0.15 in Redis",
        ],
    );
}

/// The values of integers and floats at the edges of their types.
#[test]
fn numbers_are_the_same_on_both_sides() {
    let server = Redis::start();
    let numbers = [
        "0",
        "-1",
        "127",
        "128",
        "-128",
        "-129",
        "65535",
        "65536",
        "4294967296",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "0.1",
        "1.0",
        "-0.0",
        "5e-324",
        "1.7976931348623157e308",
        "0.30000000000000004",
        "1e16",
        "123456789.125",
    ];
    for mut sides in [tower("0.15", &server.url(), "plain", &[]), actix(&server.url(), "private", &[])] {
        let now = real_time();
        for number in numbers {
            let number: Value = serde_json::from_str(number).unwrap();
            for first in [0, 1] {
                let mut jar = Jar::new();
                sides[first].one(&mut jar, now, &json!(["insert", "n", number]));
                for side in &mut sides {
                    let read = side.one(&mut jar, now, &json!(["get", "n"]));
                    assert_eq!(read.to_string(), number.to_string(), "{}", side.name);
                }
            }
        }
    }
    println!("numbers: {} values in both directions, 0 mismatches", numbers.len() * 2);
}

#[test]
fn actix_session_in_cookies() {
    // A copy of a cookie can't be ended.
    let abilities = Abilities { ends_for_good: false, ..WITHOUT_FLASH };
    all_turns("actix-session, private cookies", actix("cookie", "private", &[]), abilities);
    all_turns("actix-session, signed cookies", actix("cookie", "signed", &["--idle", "3600"]), abilities);
}

#[test]
fn actix_session_in_redis() {
    let server = Redis::start();
    all_turns("actix-session in Redis, private", actix(&server.url(), "private", &[]), WITHOUT_FLASH);
    all_turns("actix-session in Redis, signed", actix(&server.url(), "signed", &["--idle", "3600"]), WITHOUT_FLASH);
    ids_cycle(&mut actix(&server.url(), "private", &[]));
}

/// The attributes of `Set-Cookie` lines. Libraries remove a cookie in different words.
fn attributes(answer: &Answer) -> Vec<String> {
    let attributes = |line: &String| {
        if line.contains("Max-Age=0") {
            return "removed".to_owned();
        }
        let mut parts: Vec<String> = line.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase()).collect();
        parts.sort();
        parts.join("; ")
    };
    answer.set_cookies.iter().map(attributes).collect()
}

/// Both sides send the same cookies at the same operations, and stores keep sessions for the same
/// time.
#[test]
fn cookies_live_equally_long() {
    let server = Redis::start();
    let (mut compared, mut mismatches) = (0, Vec::new());
    for more in [&[][..], &["--idle", "3600"], &["--rolling"], &["--idle", "3600", "--rolling"]] {
        for library in ["tower-sessions", "actix-session", "actix-session cookies"] {
            let site = if library == "tower-sessions" { "strict" } else { "lax" };
            let more = [more, &["--same-site", site]].concat();
            let theirs: Vec<&str> = more.iter().copied().filter(|it| !["--same-site", site].contains(it)).collect();
            let pair = |place: &str| {
                let (peer, backend) = if library == "tower-sessions" {
                    ("tower-sessions-0.15", format!("tower-sessions:private:{place}"))
                } else if place == "cookie" {
                    ("actix-session", "actix-session:private".to_owned())
                } else {
                    ("actix-session", format!("actix-session:private:{place}"))
                };
                let options =
                    [&[peer, "--sessions", place, "--seal", "private", "--secret", KEY], &translated(&theirs)[..]];
                let ours = [&["--backend", &backend, "--secret", KEY], &more[..]].concat();
                [Side::theirs(Foreign::rust(&options.concat())), Side::ours(&ours)]
            };
            let in_cookies = library.ends_with("cookies");
            let mut sides = if in_cookies { pair("cookie") } else { pair(&server.url()) };
            let acts = [
                json!([["get", "user"]]),
                json!([["insert", "cart", 1]]),
                json!([["cycle_id"]]),
                json!([["invalidate"]]),
            ];
            for act in &acts[..] {
                if in_cookies && act[0][0] == "cycle_id" {
                    continue;
                }
                let now = real_time();
                let seen = [0, 1].map(|side| {
                    assert_eq!(server.cli(&["FLUSHALL"]), "OK");
                    let mut jar = Jar::new();
                    let begin = json!([["insert", "user", "ann"]]).to_string();
                    let begun = attributes(&sides[0].post(&mut jar, "/ops", now, &[], &begin));
                    let acted = attributes(&sides[side].post(&mut jar, "/ops", now + 2.0, &[], &act.to_string()));
                    let key = server.cli(&["KEYS", "*"]);
                    // The real clock may have moved on by some seconds.
                    let left = server.cli(&["TTL", &key]).parse::<i64>().map_or(0, |left| (left + 30) / 60);
                    (begun, acted, left)
                });
                compared += 1;
                if seen[0] != seen[1] {
                    mismatches.push(format!("{library} {more:?} {act}: {:?} by them, {:?} by us", seen[0], seen[1]));
                }
            }
        }
    }
    println!("lives in Rust: {compared} compared, {} mismatches", mismatches.len());
    assert!(mismatches.is_empty(), "{mismatches:#?}");
}

const PHASES: [&str; 4] = ["read-old", "read-both-write-old", "read-both-write-new", "read-new"];

/// One visitor, whose requests reach the framework and nodes of two neighbouring phases.
struct Visit<'a> {
    theirs: &'a mut Side,
    nodes: &'a mut [Side; 2],
    jar: Jar,
    /// The jar after every request: an ended session opens with none of them.
    copies: Vec<Jar>,
    turns: usize,
}

impl Visit<'_> {
    fn ask(&mut self, node: Option<usize>, operation: &Value) -> Value {
        let side = node.map_or(&mut *self.theirs, |node| &mut self.nodes[node]);
        let answer = side.one(&mut self.jar, real_time(), operation);
        self.copies.push(self.jar.clone());
        self.turns += 1;
        answer
    }

    /// The framework begins a session, and both nodes use it in turns. `is_shared` while the
    /// framework still sees it.
    fn pass(&mut self, is_shared: bool, first: usize, ends: bool) {
        let second = 1 - first;
        assert_eq!(self.ask(None, &json!(["insert", "user", "ann"])), json!(null));
        for (count, node) in [first, second, first, second, second].into_iter().enumerate() {
            assert_eq!(self.ask(Some(node), &json!(["get", "user"])), json!("ann"), "signed out by node {node}");
            assert_eq!(self.ask(Some(node), &json!(["add", "count", 1])), json!(count + 1), "lost by node {node}");
            if is_shared {
                assert_eq!(self.ask(None, &json!(["get", "count"])), json!(count + 1));
                assert_eq!(self.ask(None, &json!(["insert", "theirs", count])), json!(null));
            }
        }
        if is_shared {
            assert_eq!(self.ask(Some(first), &json!(["get", "theirs"])), json!(4));
        }
        self.ask(Some(second), &json!(["cycle_id"]));
        assert_eq!(self.ask(Some(first), &json!(["get", "user"])), json!("ann"), "after a new id");
        if !ends {
            return;
        }
        let copies = std::mem::take(&mut self.copies);
        self.ask(Some(first), &json!(["invalidate"]));
        for node in [None, Some(first), Some(second)] {
            assert_eq!(self.ask(node, &json!(["get", "user"])), json!(null), "{node:?}: not signed out");
            // Encrypted cookies can't be ended: only those that hold nothing but an id are tried.
            for copy in copies.iter().filter(|copy| !copy.contains_key("moved")) {
                self.jar.clone_from(copy);
                assert_eq!(self.ask(node, &json!(["get", "user"])), json!(null), "{node:?}: revived");
                self.jar.clear();
            }
        }
    }
}

fn migration(name: &str, theirs: &[&str], backend: &str) {
    let mut theirs = Side::theirs(Foreign::rust(theirs));
    let node = |phase: &str| Side::ours(&["--backend", backend, "--secret", KEY, "--phase", phase]);
    let mut turns = 0;
    for pair in PHASES.windows(2) {
        // In the last step, the framework's own sessions have all moved.
        let last = pair[1] == "read-new";
        let is_shared = pair[1] == "read-both-write-old";
        let mut nodes = if last { [node(pair[0]), node(pair[0])] } else { [node(pair[0]), node(pair[1])] };
        for first in [0, 1] {
            let mut visit =
                Visit { theirs: &mut theirs, nodes: &mut nodes, jar: Jar::new(), copies: Vec::new(), turns: 0 };
            visit.pass(is_shared, first, !last);
            if last {
                let mut newest = node(pair[1]);
                let jar = &mut visit.jar;
                assert_eq!(newest.one(jar, real_time(), &json!(["get", "user"])), json!("ann"));
                assert_eq!(newest.one(jar, real_time(), &json!(["get", "count"])), json!(5));
                assert_eq!(newest.one(jar, real_time(), &json!(["invalidate"])), json!(null));
                assert_eq!(newest.one(jar, real_time(), &json!(["get", "user"])), json!(null));
                visit.turns += 4;
            }
            turns += visit.turns;
        }
    }
    println!("migration from {name}: {turns} turns in four phases, 0 mismatches");
}

#[test]
fn nobody_is_signed_out_by_a_migration() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    for (name, library, place, seal) in [
        ("tower-sessions 0.14 in PostgreSQL", "tower-sessions-0.14", postgres.url(), "plain"),
        ("tower-sessions 0.15 in Redis", "tower-sessions-0.15", redis.url(), "private"),
        ("actix-session in Redis", "actix-session", redis.url(), "private"),
    ] {
        let family = library.split_once("-0").map_or(library, |(family, _)| family);
        let theirs = [library, "--sessions", &place, "--seal", seal, "--secret", KEY];
        migration(name, &theirs, &format!("{family}:{seal}:{place}"));
    }
}
