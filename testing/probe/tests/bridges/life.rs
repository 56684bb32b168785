//! The life of a cookie: browsers and stores keep a session for the same time, if either side wrote
//! it last.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use cloakroom_servers::Foreign;
use cloakroom_servers::redis::Redis;
use serde_json::{Value, json};

use crate::side::{Answer, Jar, Side};
use crate::turns::NOW;

/// Browsers keep no cookie for longer: 400 days (RFC 6265bis, section 5.5). Cloakroom never sends
/// more.
const LONGEST: u64 = 400 * 24 * 60 * 60;

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
            return Self::Seconds(seconds.parse::<u64>().unwrap().min(LONGEST));
        }
        attribute("expires").map_or(Self::UntilTheBrowserIsClosed, |date| {
            let until = httpdate::parse_http_date(&date.replace('-', " ")).unwrap().duration_since(UNIX_EPOCH).unwrap();
            Self::Seconds(until.saturating_sub(Duration::from_secs_f64(now.floor())).as_secs().min(LONGEST))
        })
    }
}

/// One session of each side, which begin alike.
struct Pair {
    theirs: Side,
    ours: Side,
    /// Reads the store's expiry of the session in a jar.
    expiry: Box<dyn Fn(&Jar) -> String>,
    /// The seconds between the session's begin and a late use, which may touch it.
    late: f64,
    /// Times at which the framework may still open the session. Unlike the probe, Redis uses the
    /// real clock.
    ends: Vec<f64>,
}

impl Pair {
    /// Also compares a late use, and whether the session is open after `lifetime`, counted from its
    /// begin or from its late use.
    fn until_the_end(mut self, late: f64, lifetime: f64) -> Self {
        (self.late, self.ends) =
            (late, vec![lifetime - 1.0, lifetime + 3.0, late + lifetime - 1.0, late + lifetime + 3.0]);
        self
    }

    fn ask(side: &mut Side, jar: &mut Jar, now: f64, operations: &Value) -> Sent {
        let answer = side.post(jar, "/ops", now, &[], &operations.to_string());
        assert!(answer.status == 200 && !answer.body.contains("\"err\""), "{operations}: {}", answer.body);
        Sent::of(&answer, now)
    }

    /// The framework begins a session and sets its life. Then either side acts on it, and the
    /// framework writes it again.
    fn compare(&mut self, begin: &Value, delay: f64, act: &Value) -> Vec<String> {
        let write = json!([["insert", "later", 1]]);
        let mut seen = Vec::new();
        for is_ours in [false, true] {
            let mut jar = Jar::new();
            let begun = Self::ask(&mut self.theirs, &mut jar, NOW, begin);
            let side = if is_ours { &mut self.ours } else { &mut self.theirs };
            let acted = Self::ask(side, &mut jar, NOW + delay, act);
            let after_act = (self.expiry)(&jar);
            let opens = |end: &f64| self.theirs.one(&mut jar.clone(), NOW + end, &json!(["get", "user"])) == "ann";
            let open: Vec<bool> = self.ends.iter().map(opens).collect();
            let wrote = Self::ask(&mut self.theirs, &mut jar, NOW + delay + 1.0, &write);
            let after_write = (self.expiry)(&jar);
            seen.push((begun, acted, after_act, open, wrote, after_write));
        }
        if seen[0] == seen[1] {
            Vec::new()
        } else {
            vec![format!("{begin} {act} after {delay} s: {:?} by them, {:?} by us", seen[0], seen[1])]
        }
    }

    fn all(mut self, name: &str, begins: &[Value], acts: &[Value]) {
        let (mut lives, mut mismatches) = (0, Vec::new());
        for begin in begins {
            for act in acts {
                let delays = if *act == acts[0] { vec![1.0, self.late] } else { vec![1.0] };
                for delay in delays {
                    lives += 1;
                    mismatches.extend(self.compare(begin, delay, act));
                }
            }
        }
        println!("{name}: {lives} lives, {} mismatches", mismatches.len());
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
    Pair { theirs, ours, expiry, late: 3.0, ends: vec![] }
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
        let pair = django("signed_cookies", Box::new(|_| String::new()), more).until_the_end(3.0, 1_209_600.0);
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
        let pair = django(&place, Box::new(move |jar| expire_date(&path, jar)), more);
        pair.all("django, table", &django_begins(), &acts());
    }
}

/// Starts a framework with its sessions in a cookie, and the probe.
fn in_a_cookie(theirs: Foreign, ours: &[&str]) -> Pair {
    let (theirs, ours) = (Side::theirs(theirs), Side::ours(ours));
    Pair { theirs, ours, expiry: Box::new(|_| String::new()), late: 3.0, ends: vec![] }
}

/// The only life in these frameworks is the configured one.
fn begins() -> [Value; 1] {
    [json!([["insert", "user", "ann"]])]
}

#[test]
fn flask() {
    for lifetime in ["2678400", "600", "7776000"] {
        for refresh in [true, false] {
            let mut theirs = vec!["--secret", "dev", "--lifetime", lifetime];
            let mut ours = vec!["--backend", "flask", "--secret", "dev", "--idle", lifetime];
            if !refresh {
                theirs.push("--no-refresh");
                ours.push("--no-refresh");
            }
            let begins = [None, Some(true), Some(false)].map(|permanent| match permanent {
                None => json!([["insert", "user", "ann"]]),
                Some(permanent) => json!([["insert", "user", "ann"], ["set_permanent", permanent]]),
            });
            let name = format!("flask, lifetime {lifetime}, refresh {refresh}");
            let lifetime: f64 = lifetime.parse().unwrap();
            let pair = in_a_cookie(Foreign::flask(&theirs), &ours);
            pair.until_the_end((lifetime * 0.9).min(100_000.0), lifetime).all(&name, &begins, &acts()[..2]);
        }
    }
}

/// Rails sends its cookie again with each use. Without `expire_after` the cookie contains no time,
/// so that this changes nothing, and the bridge sends none.
#[test]
fn rails() {
    for expire_after in [None, Some("600"), Some("7776000")] {
        let theirs: Vec<_> = expire_after.into_iter().flat_map(|after| ["--expire-after", after]).collect();
        let ours: Vec<_> = expire_after.into_iter().flat_map(|after| ["--idle", after]).collect();
        let [theirs, ours] = crate::rails::pair("rails", "SHA256", &theirs, &ours);
        let lifetime: f64 = expire_after.unwrap_or("600").parse().unwrap();
        let expiry = Box::new(|_: &Jar| String::new());
        let pair = Pair { theirs, ours, expiry, late: 0.0, ends: vec![] };
        let pair = pair.until_the_end((lifetime * 0.9).min(100_000.0), lifetime);
        let acts = if expire_after.is_some() { acts()[..2].to_vec() } else { acts()[1..2].to_vec() };
        pair.all(&format!("rails, expire_after {expire_after:?}"), &begins(), &acts);
    }
}

#[test]
fn pyramid() {
    for max_age in [None, Some("600"), Some("7776000")] {
        for timeout in ["1200", "none"] {
            for reissue in ["0", "120", "none"] {
                let mut theirs = vec!["--secret", "s", "--timeout", timeout, "--reissue-time", reissue];
                let mut ours = vec!["--backend", "pyramid", "--secret", "s", "--idle", timeout];
                ours.extend(["--touch-after", reissue]);
                theirs.extend(max_age.into_iter().flat_map(|age| ["--max-age", age]));
                ours.extend(max_age.into_iter().flat_map(|age| ["--max-age", age]));
                let name = format!("pyramid, max_age {max_age:?}, timeout {timeout}, reissue_time {reissue}");
                let pair = in_a_cookie(Foreign::pyramid(&theirs), &ours);
                pair.until_the_end(1000.0, 1200.0).all(&name, &begins(), &acts()[..2]);
            }
        }
    }
}

#[test]
fn beaker() {
    for (expires, twin) in
        [("true", None), ("600", Some("600")), ("false", Some("@2147483647")), ("@1800000000", Some("@1800000000"))]
    {
        for timeout in ["1200", "none"] {
            let mut theirs = vec!["--sessions", "beaker", "--secret", "v", "--timeout", timeout];
            theirs.extend(["--cookie-expires", expires]);
            let mut ours = vec!["--backend", "beaker", "--secret", "v", "--idle", timeout];
            ours.extend(twin.into_iter().flat_map(|expires| ["--cookie-expires", expires]));
            let name = format!("beaker, cookie_expires {expires}, timeout {timeout}");
            let pair = in_a_cookie(Foreign::pyramid(&theirs), &ours);
            pair.until_the_end(1000.0, 1200.0).all(&name, &begins(), &acts()[..2]);
        }
    }
}

#[test]
fn express_cookies() {
    for age in [None, Some("600"), Some("7776000")] {
        let mut theirs = vec!["--sessions", "cookie", "--secret", "keyboard cat"];
        let mut ours = vec!["--backend", "express", "--secret", "keyboard cat"];
        theirs.extend(age.into_iter().flat_map(|age| ["--max-age", age]));
        ours.extend(age.into_iter().flat_map(|age| ["--max-age", age]));
        let name = format!("express, cookie-session, maxAge {age:?}");
        in_a_cookie(Foreign::express(&theirs), &ours).all(&name, &begins(), &acts()[..2]);
    }
}

/// `ttl` and `prefix` of `connect-redis`.
#[test]
fn express_store_options() {
    let server = Rc::new(Redis::start());
    for (ttl, age) in [("600", None), ("7776000", None), ("600", Some("3600"))] {
        let (url, backend) = (server.url(), format!("express:{}", server.url()));
        let mut theirs = vec!["--sessions", &url, "--secret", "cat", "--ttl", ttl, "--prefix", "shop:"];
        let mut ours = vec!["--backend", &backend, "--secret", "cat", "--ttl", ttl, "--prefix", "shop:"];
        theirs.extend(age.into_iter().flat_map(|age| ["--max-age", age]));
        ours.extend(age.into_iter().flat_map(|age| ["--idle", age]));
        let server = Rc::clone(&server);
        let expiry = Box::new(move |jar: &Jar| {
            let (id, _) = jar["session"].trim_start_matches("s%3A").split_once('.').unwrap();
            let left: u64 = server.cli(&["TTL", &format!("shop:{id}")]).parse().unwrap();
            format!("about {} minutes", (left + 30) / 60)
        });
        let (theirs, ours) = (Side::theirs(Foreign::express(&theirs)), Side::ours(&ours));
        let begins = [json!("configured"), json!(null), json!(1800)];
        let begins = begins.map(|life| json!([["insert", "user", "ann"], ["set_max_age", life]]));
        let name = format!("express, ttl {ttl}, maxAge {age:?}");
        Pair { theirs, ours, expiry, late: 3.0, ends: vec![] }.all(&name, &begins, &acts());
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
            Pair { theirs, ours, expiry, late: 3.0, ends: vec![] }.all(&name, &begins, &acts());
        }
    }
}
