//! `kill -9`, of the application and of its database, in the middle of writes.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom_servers::redis::Redis;
use cloakroom_servers::{MariaDb, Postgres};

use crate::application::Application;
use crate::journal::Journal;

const ROUNDS: usize = 8;

/// The application is killed and restarted repeatedly; the sessions survive.
fn application(name: &str, backend: &str) {
    let mut application = Application::start(backend);
    let mut journal = Journal::begin(application.address());
    for round in 0..ROUNDS {
        let writing = journal.write(application.address());
        writing.until_done(20);
        // Kill at a different point of a write each time.
        thread::sleep(Duration::from_micros(700 * round as u64));
        application.kill();
        journal = writing.stop();
        application = Application::start(backend);
        journal.check(application.address());
    }
    let tally = journal.check(application.address());
    println!("application killed on {name}: {ROUNDS} kills, {tally:?}");
    assert!(tally.acknowledged >= 20 * ROUNDS && tally.there <= tally.attempts);
}

#[test]
fn application_on_files() {
    let folder = tempfile::tempdir().unwrap();
    application("files", &format!("file:{}", folder.path().join("sessions").display()));
}

#[test]
fn application_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    application("SQLite", &format!("sqlite:{}", folder.path().join("sessions.db").display()));
}

#[test]
fn application_on_postgres() {
    application("PostgreSQL", &Postgres::start().url());
}

#[test]
fn application_on_mariadb() {
    application("MariaDB", &MariaDb::start().url());
}

#[test]
fn application_on_redis() {
    application("Redis", &Redis::start().url());
}

#[test]
fn application_on_valkey() {
    application("Valkey", &Redis::valkey(&[]).url());
}

/// The database is killed and restarted; the application keeps running and recovers without help.
fn database(name: &str, backend: &str, mut kill: impl FnMut(), mut restart: impl FnMut()) {
    let application = Application::start(backend);
    let mut journal = Journal::begin(application.address());
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    for _ in 0..3 {
        let writing = journal.write(application.address());
        writing.until_done(50);
        kill();
        writing.until_refused();
        restart();
        let began = Instant::now();
        writing.until_done(1);
        slowest = slowest.max(began.elapsed());
        writing.until_done(50);
        refused += writing.refused();
        journal = writing.stop();
        journal.check(application.address());
    }
    let tally = journal.check(application.address());
    println!(
        "{name} killed: 3 kills, {tally:?}, {refused} answers of 503, writing again at most {slowest:?} after the restart"
    );
    assert!(slowest < Duration::from_secs(10), "{name}: {slowest:?} until the application wrote again");
}

#[test]
fn postgres() {
    let server = std::cell::RefCell::new(Postgres::start());
    let url = server.borrow().url();
    database("PostgreSQL", &url, || server.borrow_mut().server().kill(), || server.borrow_mut().restart());
}

#[test]
fn mariadb() {
    let server = std::cell::RefCell::new(MariaDb::start());
    let url = server.borrow().url();
    database("MariaDB", &url, || server.borrow_mut().server().kill(), || server.borrow_mut().restart());
}

#[test]
fn redis() {
    let server = std::cell::RefCell::new(Redis::start());
    let url = server.borrow().url();
    database("Redis", &url, || server.borrow_mut().kill(), || server.borrow_mut().start_again());
}

#[test]
fn valkey() {
    let server = std::cell::RefCell::new(Redis::valkey(&[]));
    let url = server.borrow().url();
    database("Valkey", &url, || server.borrow_mut().kill(), || server.borrow_mut().start_again());
}
