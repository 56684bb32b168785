//! Columns without a time zone: both applications read the same expiry in them, or the probe
//! refuses them.

use cloakroom_servers::{Foreign, Postgres};
use serde_json::{Value, json};

use crate::side::{Jar, Side};
use crate::turns::NOW;

const ZONE: &str = "America/New_York";

/// Returns whether a session opens on this side at this time. Its use must not change the jar.
fn opens(side: &mut Side, jar: &Jar, now: f64) -> bool {
    side.one(&mut jar.clone(), now, &json!(["get", "user"])) == "ann"
}

/// A session of either side opens on both until its end, and its expiry is the same text.
fn agree(row: &str, mut theirs: Side, mut ours: Side, lifetime: f64, expiry: impl Fn(&Jar) -> String) {
    let begin = json!([["insert", "user", "ann"]]);
    let mut texts = Vec::new();
    for is_ours in [false, true] {
        let mut jar = Jar::new();
        let first = if is_ours { &mut ours } else { &mut theirs };
        first.run(&mut jar, NOW, &begin);
        texts.push(expiry(&jar));
        for side in [&mut theirs, &mut ours] {
            assert!(opens(side, &jar, NOW + 1.0), "{row}, begun by us: {is_ours}, {}", side.name);
            side.run(&mut jar, NOW + 2.0, &json!([["insert", side.name, 1]]));
            texts.push(expiry(&jar));
        }
        for side in [&mut theirs, &mut ours] {
            assert!(!opens(side, &jar, NOW + lifetime + 5.0), "{row}, begun by us: {is_ours}, {}", side.name);
        }
        for side in [&mut theirs, &mut ours] {
            assert!(opens(side, &jar, NOW + lifetime - 5.0), "{row}, begun by us: {is_ours}, {}", side.name);
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{row}: {texts:?}");
}

/// `connect-pg-simple`: `expire` is in the time zone of the connection that wrote it.
#[test]
fn roles_with_different_time_zones_are_right_or_refused() {
    let rows: [(&str, &str, Option<&str>, bool); 7] = [
        ("no settings", "", None, true),
        ("Express' role", "ALTER ROLE node SET timezone = 'America/New_York'", None, false),
        ("Express' role, as an option", "ALTER ROLE node SET timezone = 'America/New_York'", Some(ZONE), true),
        ("our role", "ALTER ROLE rust SET timezone = 'America/New_York'", None, false),
        ("our role, with the option", "ALTER ROLE rust SET timezone = 'America/New_York'", Some("UTC"), true),
        (
            "both roles",
            "ALTER ROLE node SET timezone = 'America/New_York'; ALTER ROLE rust SET timezone = 'America/New_York'",
            None,
            true,
        ),
        ("the database", "ALTER DATABASE postgres SET timezone = 'America/New_York'", None, true),
    ];
    let server = Postgres::start_with(|_| vec!["timezone=UTC".to_owned()]);
    server.sql("CREATE ROLE node LOGIN; CREATE ROLE rust LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO node");
    for (row, settings, option, is_right) in rows {
        server.sql("DROP TABLE IF EXISTS people; ALTER DATABASE postgres RESET timezone");
        server.sql("ALTER ROLE node RESET timezone; ALTER ROLE rust RESET timezone");
        server.sql(settings);
        let url = |role: &str| server.url().replace("//postgres@", &format!("//{role}@"));
        let theirs = ["--sessions", &url("node"), "--secret", "cat", "--max-age", "3600", "--table", "people"];
        let mut theirs = Side::theirs(Foreign::express(&theirs));
        // The first write creates the table.
        let mut jar = Jar::new();
        theirs.run(&mut jar, NOW, &json!([["insert", "user", "ann"]]));
        server.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON people TO rust");
        let backend = format!("express:{}", url("rust"));
        let mut ours = vec!["--backend", &backend, "--secret", "cat", "--idle", "3600", "--table", "people"];
        ours.extend(option.into_iter().flat_map(|zone| ["--time-zone", zone]));
        let mut ours = Side::ours(&ours);
        if !is_right {
            let read = json!([["get", "user"]]).to_string();
            let answer = ours.post(&mut jar, "/ops", NOW + 1.0, &[], &read);
            assert_eq!(answer.status, 503, "{row}: {}", answer.body);
            assert!(opens(&mut theirs, &jar, NOW + 1.0), "{row}: it is still theirs");
            continue;
        }
        agree(row, theirs, ours, 3602.0, |jar| {
            let (id, _) = jar["session"].trim_start_matches("s%3A").split_once('.').unwrap();
            server.sql(&format!("SELECT to_char(expire, 'YYYY-MM-DD HH24:MI') FROM people WHERE sid = '{id}'"))
        });
    }
}

fn django(place: &str) -> Side {
    django_in(place, Some(ZONE))
}

/// Starts Django with `USE_TZ = False` in a time zone, or with `USE_TZ = True`.
fn django_in(place: &str, zone: Option<&str>) -> Side {
    let mut options = vec!["--secret", "insecure", "--cookie-name", "session", "--sessions", place];
    options.extend(zone.into_iter().flat_map(|zone| ["--local-time", zone]));
    Side::theirs(Foreign::django(&options))
}

/// `USE_TZ = False`: in SQLite, `expire_date` is in the time zone of Django's `TIME_ZONE`.
#[test]
fn django_without_time_zones_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let place = format!("sqlite:{}", path.display());
    let theirs = django(&place);
    let options = ["--backend", &format!("django:{place}"), "--secret", "insecure", "--local-time"];
    let ours = Side::ours_in_zone(ZONE, &options);
    agree("SQLite", theirs, ours, 1_209_602.0, |jar| {
        let sql = "SELECT substr(expire_date, 1, 16) FROM django_session WHERE session_key = ?1";
        let database = rusqlite::Connection::open(&path).unwrap();
        let text: String = database.query_row(sql, [&jar["session"]], |row| row.get(0)).unwrap();
        assert_eq!(text, "2023-11-28 17:13", "local time");
        text
    });
}

/// A side that reads the column in another time zone than Django writes it refuses the session:
/// it would end hours early or late.
#[test]
fn django_in_another_time_zone_is_refused() {
    let rows: [(&str, Option<&str>, Option<&str>, bool); 7] = [
        ("both in UTC", None, None, true),
        ("Django west of UTC", Some(ZONE), None, false),
        ("Django east of UTC", Some("Asia/Kathmandu"), None, false),
        ("Django at the date line", Some("Pacific/Kiritimati"), None, false),
        ("only we in local time", None, Some(ZONE), false),
        ("two local times", Some("Asia/Tokyo"), Some(ZONE), false),
        ("the same local time", Some("Asia/Tokyo"), Some("Asia/Tokyo"), true),
    ];
    // A default session; one that its column says has ended hours ago, west of UTC.
    for begin in [json!([["insert", "user", "ann"]]), json!([["insert", "user", "ann"], ["set_expiry", 600]])] {
        for (row, theirs, ours, is_right) in rows {
            let folder = tempfile::tempdir().unwrap();
            let place = format!("sqlite:{}", folder.path().join("db.sqlite3").display());
            let backend = format!("django:{place}");
            let mut theirs = django_in(&place, theirs);
            let mut options = vec!["--backend", &backend, "--secret", "insecure"];
            options.extend(ours.map(|_| "--local-time"));
            let mut ours = Side::ours_in_zone(ours.unwrap_or("UTC"), &options);
            let mut jar = Jar::new();
            theirs.run(&mut jar, NOW, &begin);
            assert!(opens(&mut theirs, &jar, NOW + 1.0), "{row}: theirs");
            assert_eq!(opens(&mut ours, &jar, NOW + 1.0), is_right, "{row}, {begin}");
        }
    }
}

/// In PostgreSQL, `expire_date` has a time zone in any case.
#[test]
fn django_without_time_zones_in_postgresql() {
    let server = Postgres::start();
    let theirs = django(&server.url());
    let ours = Side::ours(&["--backend", &format!("django:{}", server.url()), "--secret", "insecure"]);
    agree("PostgreSQL", theirs, ours, 1_209_602.0, |jar| {
        let minutes = "floor(extract(epoch FROM expire_date) / 60)";
        server.sql(&format!("SELECT {minutes} FROM django_session WHERE session_key = '{}'", jar["session"]))
    });
}

/// A date of one session has no time zone there, so its end is unknown.
#[test]
fn dates_without_a_time_zone_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("sqlite:{}", folder.path().join("db.sqlite3").display());
    let mut theirs = django(&place);
    let options = ["--backend", &format!("django:{place}"), "--secret", "insecure", "--local-time"];
    let mut ours = Side::ours_in_zone(ZONE, &options);
    let mut jar = Jar::new();
    theirs.run(&mut jar, NOW, &json!([["insert", "user", "ann"], ["set_expiry", {"in": 1800}]]));
    assert!(opens(&mut theirs, &jar, NOW + 1.0));
    assert_eq!(ours.one(&mut jar.clone(), NOW + 1.0, &json!(["get", "user"])), Value::Null);
}
