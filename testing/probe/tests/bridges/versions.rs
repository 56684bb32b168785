//! Other versions of the frameworks: both applications take turns, as with the newest version.
//! `write_vectors` stores cookies and records of each version.

use std::collections::BTreeMap;
use std::path::Path;

use cloakroom_servers::Foreign;
use cloakroom_servers::redis::Redis;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::side::{Jar, Side};
use crate::turns::{Abilities, NOW, Turns, USUAL};

const SECRET: &str = "a secret that both applications know, of more than thirty-two bytes";

/// Starts the application of a framework in this version.
fn start(version: &'static str, options: &[&str]) -> Foreign {
    match version {
        "django-5.2" => Foreign::django(options),
        "flask-3.1" => Foreign::flask(options),
        "pyramid-2.1" | "beaker-1.14" => Foreign::pyramid(options),
        "beaker-1.13" => Foreign::of_version("pyramid-1.10", options),
        "rails-6.1" => Foreign::rails(options),
        "express-session-1.19" | "cookie-session-2.1" => Foreign::express(options),
        older => Foreign::of_version(older, options),
    }
}

/// The place where an application keeps its sessions.
enum Place {
    Cookie,
    Table(TempDir),
    Redis(Redis),
}

impl Place {
    fn table() -> Self {
        Self::Table(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        match self {
            Self::Cookie => String::new(),
            Self::Table(folder) => format!("sqlite:{}", folder.path().join("db.sqlite3").display()),
            Self::Redis(server) => server.url(),
        }
    }

    /// Reads the record of the session in a jar.
    fn record(&self, jar: &Jar) -> Option<String> {
        match self {
            Self::Cookie => None,
            Self::Table(folder) => {
                let database = rusqlite::Connection::open(folder.path().join("db.sqlite3")).unwrap();
                let sql = "SELECT session_data FROM django_session WHERE session_key = ?1";
                database.query_row(sql, [&jar["session"]], |row| row.get(0)).unwrap()
            }
            Self::Redis(server) => {
                let (id, _) = jar["session"].trim_start_matches("s%3A").split_once('.').unwrap();
                Some(server.cli(&["GET", &format!("sess:{id}")]))
            }
        }
    }
}

/// One format of a version: the options of both applications.
struct Format {
    kind: &'static str,
    place: Place,
    theirs: Vec<&'static str>,
    backend: &'static str,
    ours: Vec<&'static str>,
}

impl Format {
    fn new(kind: &'static str, backend: &'static str, theirs: &[&'static str], ours: &[&'static str]) -> Self {
        Self { kind, place: Place::Cookie, theirs: theirs.to_vec(), backend, ours: ours.to_vec() }
    }

    fn theirs(&self, version: &'static str) -> Side {
        let url = self.place.url();
        let mut options = vec!["--secret", SECRET, "--cookie-name", "session"];
        if !url.is_empty() {
            options.extend(["--sessions", &url]);
        }
        Side::theirs(start(version, &[&options[..], &self.theirs].concat()))
    }

    fn ours(&self) -> Side {
        let url = self.place.url();
        let backend = if url.is_empty() { self.backend.to_owned() } else { format!("{}:{url}", self.backend) };
        Side::ours(&[&["--backend", &backend, "--secret", SECRET][..], &self.ours].concat())
    }
}

fn formats(version: &str) -> Vec<Format> {
    let (framework, number) = version.rsplit_once('-').unwrap();
    match framework {
        "django" => {
            let masked: &[&str] = if matches!(number, "3.2" | "4.0") { &["--csrf-masked"] } else { &[] };
            let table = Format { place: Place::table(), ..Format::new("db", "django", &[], masked) };
            vec![Format::new("signed_cookies", "django", &[], masked), table]
        }
        "flask" => vec![Format::new("cookie", "flask", &[], &[])],
        "pyramid" => vec![
            Format::new("sha512", "pyramid", &[], &[]),
            Format::new("sha256", "pyramid:sha256", &["--hashalg", "sha256"], &[]),
        ],
        "beaker" => {
            let beaker = ["--sessions", "beaker"];
            let encrypted = ["--sessions", "beaker", "--encrypt-key", "encrypt"];
            vec![
                Format::new("plain", "beaker", &beaker, &["--idle", "1200"]),
                Format::new("encrypted", "beaker:encrypt", &encrypted, &["--idle", "1200"]),
            ]
        }
        "rails" => vec![
            Format::new("sha256", "rails", &["--digest", "SHA256"], &[]),
            Format::new("sha1", "rails:sha1", &["--digest", "SHA1"], &[]),
            Format::new("signed", "rails:signed", &["--digest", "SHA256", "--jar", "signed"], &[]),
            Format::new("bare", "rails:bare", &["--digest", "SHA256", "--metadata", "no"], &[]),
            Format::new("expires", "rails", &["--digest", "SHA256", "--expire-after", "3600"], &["--idle", "3600"]),
        ],
        "cookie-session" => vec![Format::new("cookie", "express", &[], &[])],
        "express-session" => {
            let place = Place::Redis(Redis::start());
            vec![Format { place, ..Format::new("record", "express", &["--max-age", "3600"], &["--idle", "3600"]) }]
        }
        unknown => panic!("{unknown}"),
    }
}

fn turns(version: &'static str, abilities: Abilities) {
    for format in formats(version) {
        println!("{version}, {}:", format.kind);
        let ends_for_good = !matches!(format.place, Place::Cookie);
        let turns = Turns::between(version, format.theirs(version), format.ours());
        turns.all(Abilities { ends_for_good, ..abilities });
    }
}

const DJANGO: Abilities = Abilities { any_message: false, ..USUAL };
const FLASK: Abilities = Abilities { forms: false, ..USUAL };
const BEAKER: Abilities = Abilities { ends: false, ..USUAL };
const RAILS: Abilities = Abilities { queues: false, levels: false, ..USUAL };

#[test]
fn django_3_2() {
    turns("django-3.2", DJANGO);
}

#[test]
fn django_4_0() {
    turns("django-4.0", DJANGO);
}

#[test]
fn django_4_1() {
    turns("django-4.1", DJANGO);
}

#[test]
fn django_4_2() {
    turns("django-4.2", DJANGO);
}

#[test]
fn flask_1_1() {
    turns("flask-1.1", FLASK);
}

#[test]
fn flask_2_3() {
    turns("flask-2.3", FLASK);
}

#[test]
fn pyramid_1_10() {
    turns("pyramid-1.10", USUAL);
}

#[test]
fn beaker_1_13() {
    turns("beaker-1.13", BEAKER);
}

#[test]
fn rails_7_2() {
    turns("rails-7.2", RAILS);
}

/// The exact versions of which the repository has vectors.
const VECTORS: [(&str, &str); 16] = [
    ("django-3.2", "3.2.25"),
    ("django-4.0", "4.0.10"),
    ("django-4.1", "4.1.13"),
    ("django-4.2", "4.2.20"),
    ("django-5.2", "5.2.19"),
    ("flask-1.1", "1.1.4"),
    ("flask-2.3", "2.3.3"),
    ("flask-3.1", "3.1.3"),
    ("pyramid-1.10", "1.10.8"),
    ("pyramid-2.1", "2.1"),
    ("beaker-1.13", "1.13.0"),
    ("beaker-1.14", "1.14.1"),
    ("rails-6.1", "6.1.7.10"),
    ("rails-7.2", "7.2.2.2"),
    ("cookie-session-2.1", "2.1.1"),
    ("express-session-1.19", "1.19.0"),
];

/// The operations that make a vector, and the values and the message that they store.
fn scenarios(version: &str, kind: &str) -> Vec<(&'static str, Value, Value, Value)> {
    let (framework, number) = version.rsplit_once('-').unwrap();
    let text = "one of many words ".repeat(60);
    let values = json!({
        "user_id": 42, "name": "Ann", "greeting": "héllo ☃ 😀 \"quoted\" <tag>\n", "half": 1.5, "nothing": null,
        "nested": {"list": [1, [2, {"three": null}]], "yes": true, "empty": {}},
    });
    let user = json!({"user": "ann"});
    let insert = |values: &Value| -> Vec<Value> {
        values.as_object().unwrap().iter().map(|(key, value)| json!(["insert", key, value])).collect()
    };
    let user_and = |more: Value| json!([json!(["insert", "user", "ann"]), more]);
    let message = if framework == "django" { json!(["success", "Saved"]) } else { json!("Saved") };
    let mut all = vec![
        ("values", json!(insert(&values)), values, json!(null)),
        ("a long text", json!([["insert", "text", text]]), json!({"text": text}), json!(null)),
        ("a message", user_and(json!(["flash", message])), user.clone(), message),
        ("a token", user_and(json!(["csrf_token"])), user.clone(), json!(null)),
    ];
    let lives: Vec<(&str, Value)> = match (framework, kind) {
        ("django", _) => vec![
            ("a minute", json!(["set_expiry", 60])),
            ("until the browser is closed", json!(["set_expiry", 0])),
            // Before 4.1, Django's JSON had no form of a date.
            ("a date", json!(["set_expiry", {"in": 1800}])),
        ][..if matches!(number, "3.2" | "4.0") { 2 } else { 3 }]
            .to_vec(),
        ("flask", _) => vec![("permanent", json!(["set_permanent", true]))],
        ("express-session", _) => vec![
            ("ten minutes", json!(["set_max_age", 600])),
            ("until the browser is closed", json!(["set_max_age", null])),
        ],
        _ => Vec::new(),
    };
    all.extend(lives.into_iter().map(|(name, life)| (name, user_and(life), user.clone(), json!(null))));
    all
}

/// Returns the seconds for which browsers keep the cookie.
fn max_age(line: &str) -> Option<u64> {
    let attribute = |name: &str| {
        let mut attributes = line.split(';').filter_map(|part| part.trim().split_once('='));
        attributes.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let date = |date: String| {
        let date = httpdate::parse_http_date(&date.replace('-', " ")).unwrap();
        date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - NOW as u64
    };
    attribute("max-age").map(|seconds| seconds.parse().unwrap()).or_else(|| attribute("expires").map(date))
}

#[test]
#[ignore = "writes crates/cloakroom-bridge/tests/vectors/versions, with random ids and tokens"]
fn write_vectors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/cloakroom-bridge/tests/vectors/versions");
    for (version, exact) in VECTORS {
        let (framework, _) = version.rsplit_once('-').unwrap();
        let mut vectors = Vec::new();
        for format in formats(version) {
            let mut theirs = format.theirs(version);
            for (name, operations, values, message) in scenarios(version, format.kind) {
                let mut jar = Jar::new();
                let answer = theirs.post(&mut jar, "/ops", NOW, &[], &operations.to_string());
                assert!(answer.status == 200 && !answer.body.contains("\"err\""), "{version} {name}: {}", answer.body);
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                // The framework itself reads the same values.
                let entries = theirs.one(&mut jar.clone(), NOW, &json!(["entries"]));
                for (key, value) in values.as_object().unwrap() {
                    assert_eq!(&entries[key], value, "{version} {name} {key}");
                }
                let token = if name == "a token" { body["results"][1]["ok"].clone() } else { json!(null) };
                let cookies: BTreeMap<_, _> = jar.iter().collect();
                vectors.push(json!({
                    "name": name, "kind": format.kind, "values": values, "message": message, "form": token,
                    "max_age": max_age(&answer.set_cookies[0]), "cookies": cookies, "record": format.place.record(&jar),
                }));
            }
        }
        let file = json!({
            "framework": framework, "version": exact, "secret": SECRET, "made_at_millis": 1_700_000_000_250_u64,
            "vectors": vectors,
        });
        println!("{version}: {} vectors", vectors.len());
        let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
        std::fs::write(folder.join(format!("{version}.json")), text).unwrap();
    }
}
