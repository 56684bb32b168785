//! A primary that is lost for good: another server replaces it.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom_servers::redis::Sentinels;

use crate::application::Application;
use crate::journal::Journal;

#[test]
fn the_primary_under_sentinel() {
    let mut servers = Sentinels::start();
    servers.notice_after(Duration::from_millis(500));
    let hosts: Vec<_> =
        servers.urls().iter().map(|url| url.trim_start_matches("redis://").trim_end_matches('/').to_owned()).collect();
    let backend = format!("redis+sentinel://{}/mymaster?replicas=1", hosts.join(","));
    let application = Application::start(&backend);
    let journal = Journal::begin(application.address());
    let writing = journal.write(application.address());
    writing.until_done(200);
    servers.servers[0].kill();
    let lost = Instant::now();
    writing.until_refused();
    while !servers.servers[1].cli(&["ROLE"]).starts_with("master") {
        thread::sleep(Duration::from_millis(10));
    }
    let promoted = lost.elapsed();
    // No replica confirms the writes of the new primary until the old one returns as a replica.
    servers.servers[0].start_again();
    while !servers.servers[1].cli(&["INFO", "replication"]).contains("state=online") {
        assert!(lost.elapsed() < Duration::from_secs(120), "the sentinels don't make it a replica");
        thread::sleep(Duration::from_millis(10));
    }
    let followed = Instant::now();
    writing.until_done(1);
    let recovered = followed.elapsed();
    writing.until_done(200);
    let refused = writing.refused();
    let tally = writing.stop().check(application.address());
    println!(
        "primary lost under Sentinel: {tally:?}, {refused} answers of 503, a new primary after {promoted:?}, writing again {recovered:?} after it had a replica"
    );
    assert!(recovered < Duration::from_secs(10), "{recovered:?} until the application wrote again");
}
