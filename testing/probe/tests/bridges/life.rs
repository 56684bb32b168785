//! The life of a cookie: browsers and stores keep a session for the same time, whichever side wrote
//! it last.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use cloakroom_servers::Foreign;
use cloakroom_servers::redis::Redis;
use serde_json::{Value, json};

use crate::side::{Answer, Jar, Side};
use crate::turns::NOW;

/// A `Set-Cookie` line, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    UntilTheBrowserIsClosed,
    Seconds(u64),
}

impl Sent {
    /// Reads the line of the session's cookie. Signature cookies and removals don't occur here.
    fn of(answer: &Answer, now: f64) -> Self {
        let Some(line) = answer.set_cookies.first() else { return Self::Nothing };
        let attribute = |name: &str| {
            let mut attributes = line.split(';').filter_map(|part| part.trim().split_once('='));
            attributes.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        if let Some(seconds) = attribute("max-age") {
            return Self::Seconds(seconds.parse().unwrap());
        }
        attribute("expires").map_or(Self::UntilTheBrowserIsClosed, |date| {
            let until = httpdate::parse_http_date(&date).unwrap().duration_since(UNIX_EPOCH).unwrap();
            Self::Seconds(until.saturating_sub(Duration::from_secs_f64(now.floor())).as_secs())
        })
    }
}

/// One session of each side, which begin alike.
struct Pair {
    theirs: Side,
    ours: Side,
    /// Reads the store's expiry of the session in a jar.
    expiry: Box<dyn Fn(&Jar) -> String>,
}

impl Pair {
    fn ask(side: &mut Side, jar: &mut Jar, now: f64, operations: &Value) -> Sent {
        let answer = side.post(jar, "/ops", now, &[], &operations.to_string());
        assert!(answer.status == 200 && !answer.body.contains("\"err\""), "{operations}: {}", answer.body);
        Sent::of(&answer, now)
    }

    /// The framework begins a session and sets its life. Then either side acts on it, and the
    /// framework writes it again.
    fn compare(&mut self, begin: &Value, act: &Value) -> Vec<String> {
        let write = json!([["insert", "later", 1]]);
        let mut seen = Vec::new();
        for is_ours in [false, true] {
            let mut jar = Jar::new();
            let begun = Self::ask(&mut self.theirs, &mut jar, NOW, begin);
            let side = if is_ours { &mut self.ours } else { &mut self.theirs };
            let acted = Self::ask(side, &mut jar, NOW + 1.0, act);
            let after_act = (self.expiry)(&jar);
            let wrote = Self::ask(&mut self.theirs, &mut jar, NOW + 2.0, &write);
            let after_write = (self.expiry)(&jar);
            seen.push((begun, acted, after_act, wrote, after_write));
        }
        if seen[0] == seen[1] {
            Vec::new()
        } else {
            vec![format!("{begin} {act}: {:?} by them, {:?} by us", seen[0], seen[1])]
        }
    }

    fn all(&mut self, name: &str, begins: &[Value], acts: &[Value]) {
        let mut mismatches = Vec::new();
        for begin in begins {
            for act in acts {
                mismatches.extend(self.compare(begin, act));
            }
        }
        println!("{name}: {} lives, {} mismatches", begins.len() * acts.len(), mismatches.len());
        assert!(mismatches.is_empty(), "{name}: {mismatches:#?}");
    }
}

fn acts() -> Vec<Value> {
    vec![json!([["get", "user"]]), json!([["insert", "cart", 1]]), json!([["cycle_id"]])]
}

/// `set_expiry` with seconds or a date; `null` doesn't call it.
fn django_begins() -> Vec<Value> {
    let lives = [json!(null), json!(0), json!(4), json!(7_776_000), json!({"in": 1800}), json!({"in": 5_184_000})];
    lives.into_iter().map(|life| json!([["insert", "user", "ann"], ["set_expiry", life]])).collect()
}

fn django(sessions: &str, expiry: Box<dyn Fn(&Jar) -> String>, more: &[&str]) -> Pair {
    let options = ["--secret", "insecure", "--cookie-name", "session", "--sessions", sessions];
    let theirs = Side::theirs(Foreign::django(&[&options[..], more].concat()));
    let backend = if sessions == "signed_cookies" { "django".to_owned() } else { format!("django:{sessions}") };
    let ours = Side::ours(&[&["--backend", &backend, "--secret", "insecure"], more].concat());
    Pair { theirs, ours, expiry }
}

/// Returns the expiry of a row, in whole seconds: ours don't have fractions.
fn expire_date(database: &Path, jar: &Jar) -> String {
    let database = rusqlite::Connection::open(database).unwrap();
    let sql = "SELECT substr(expire_date, 1, 19) FROM django_session WHERE session_key = ?1";
    database.query_row(sql, [&jar["session"]], |row| row.get(0)).unwrap()
}

#[test]
fn django_cookies() {
    for more in [&[][..], &["--at-browser-close"]] {
        let mut pair = django("signed_cookies", Box::new(|_| String::new()), more);
        // A cookie has no id that could change.
        pair.all("django, signed cookies", &django_begins(), &acts()[..2]);
    }
}

#[test]
fn django_table() {
    for more in [&[][..], &["--at-browser-close"]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite3");
        let place = format!("sqlite:{}", path.display());
        let mut pair = django(&place, Box::new(move |jar| expire_date(&path, jar)), more);
        pair.all("django, table", &django_begins(), &acts());
    }
}

/// Express' `maxAge` for all sessions, and its own for one session: `null` is "until the browser is
/// closed".
#[test]
fn express_records() {
    for configured in [None, Some("3600")] {
        for rolling in [false, true] {
            let server = Redis::start();
            let url = server.url();
            let backend = format!("express:{url}");
            let mut theirs = vec!["--sessions", &url, "--secret", "keyboard cat"];
            let mut ours = vec!["--backend", &backend, "--secret", "keyboard cat"];
            theirs.extend(configured.into_iter().flat_map(|age| ["--max-age", age]));
            ours.extend(configured.into_iter().flat_map(|age| ["--idle", age]));
            if rolling {
                theirs.push("--rolling");
                ours.push("--rolling");
            }
            let (theirs, ours) = (Side::theirs(Foreign::express(&theirs)), Side::ours(&ours));
            // Redis counts down by the real clock, which may have moved on by some seconds.
            let expiry = Box::new(move |jar: &Jar| {
                let (id, _) = jar["session"].trim_start_matches("s%3A").split_once('.').unwrap();
                let left: u64 = server.cli(&["TTL", &format!("sess:{id}")]).parse().unwrap();
                format!("about {} minutes", (left + 30) / 60)
            });
            let lives = [json!("configured"), json!(null), json!(600), json!(2_592_000)];
            let begins = lives.map(|life| json!([["insert", "user", "ann"], ["set_max_age", life]]));
            let name = format!("express, maxAge {configured:?}, rolling {rolling}");
            Pair { theirs, ours, expiry }.all(&name, &begins, &acts());
        }
    }
}
