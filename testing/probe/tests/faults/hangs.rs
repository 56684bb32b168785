//! A database that hangs: it accepts connections and requests, and answers none.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom_servers::redis::Redis;
use cloakroom_servers::{MariaDb, Postgres};
use serde_json::json;

use crate::application::{Application, Client};
use crate::journal::Journal;

/// The duration of the hang.
const SPAN: Duration = Duration::from_secs(10);

/// A store call may take 2 seconds; the rest is slack for a busy machine.
const DEADLINE: Duration = Duration::from_secs(5);

fn hangs(name: &str, backend: &str, freeze: impl Fn(bool)) {
    let application = Application::start(backend);
    let address = application.address();
    let mut journal = Journal::begin(address);
    let writing = journal.write(address);
    writing.until_done(100);
    let open_before = application.open_files();
    freeze(true);
    let began = Instant::now();
    let (mut untouched, mut slowest) = (Vec::new(), Duration::ZERO);
    let mut client = Client::default();
    while began.elapsed() < SPAN {
        let asking = Instant::now();
        let (status, _) = client.request(address, "GET /untouched", "").unwrap();
        assert_eq!(status, 200, "a request without the session is unaffected");
        untouched.push(asking.elapsed());
        let asking = Instant::now();
        let status = client.ops(address, &json!([["insert", "a", 1]])).unwrap().unwrap_err();
        assert_eq!(status, 503);
        slowest = slowest.max(asking.elapsed());
    }
    freeze(false);
    let thawed = Instant::now();
    // Untouched requests don't wait for the store, which takes a second or two each time.
    untouched.sort_unstable();
    let asked = untouched.len();
    assert!(untouched[asked / 2] < Duration::from_millis(900), "{name}: untouched after {untouched:?}");
    writing.until_done(1);
    let recovered = thawed.elapsed();
    writing.until_done(100);
    let refused = writing.refused();
    journal = writing.stop();
    let tally = journal.check(address);
    println!(
        "{name} hung for {SPAN:?}: {asked} requests refused after at most {slowest:?}, {refused} writes refused, {tally:?}, writing again after {recovered:?}"
    );
    assert!(slowest < DEADLINE, "{name}: {slowest:?} until a request was refused");
    assert!(recovered < Duration::from_secs(10), "{name}: {recovered:?} until the application wrote again");
    // Abandoned connections are closed without help, and no request is left behind.
    let closing = Instant::now();
    while application.open_files() > open_before + 2 {
        assert!(
            closing.elapsed() < Duration::from_secs(20),
            "{name}: {} files, {open_before} before",
            application.open_files()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn postgres() {
    let mut server = Postgres::start();
    let url = server.url();
    let server = server.server();
    hangs("PostgreSQL", &url, |frozen| server.freeze(frozen));
}

#[test]
fn mariadb() {
    let mut server = MariaDb::start();
    let url = server.url();
    let server = server.server();
    hangs("MariaDB", &url, |frozen| server.freeze(frozen));
}

#[test]
fn redis() {
    let server = Redis::start();
    hangs("Redis", &server.url(), |frozen| server.freeze(frozen));
}

#[test]
fn valkey() {
    let server = Redis::valkey(&[]);
    hangs("Valkey", &server.url(), |frozen| server.freeze(frozen));
}
