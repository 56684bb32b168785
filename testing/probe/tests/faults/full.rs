//! A disk that is full.

use std::path::Path;

use cloakroom_servers::Disk;
use serde_json::{Value, json};

use crate::application::{Application, Client};

fn full(name: &str, backend: impl Fn(&Path) -> String) {
    let disk = Disk::mount(4096);
    let application = Application::start(&backend(disk.path()));
    let address = application.address();
    let mut client = Client::default();
    let insert = |client: &mut Client, key: &str, value: &str| {
        client.ops(address, &json!([["insert", key, value], ["add", "writes", 1]])).unwrap()
    };
    insert(&mut client, "name", "Ann").unwrap();
    // Another file takes all the remaining space.
    disk.fill();
    // Writes still succeed while they fit into space that the file has already reserved.
    let mut written = 1;
    let status = loop {
        match insert(&mut client, &format!("key {written}"), &"x".repeat(20_000)) {
            Ok(_) => written += 1,
            Err(status) => break status,
        }
        assert!(written < 1000, "{name}: the disk is never full");
    };
    assert_eq!(status, 503, "{name}: the status of a failed write");
    assert_eq!(
        Client::default().ops(address, &json!([["insert", "new", 1]])).unwrap().unwrap_err(),
        503,
        "{name}: new sessions fail too"
    );
    let read = |client: &mut Client| {
        client.ops(address, &json!([["get", "name"], ["get", "writes"], ["len"]])).unwrap().unwrap()
    };
    let expected: [Value; 3] = [json!("Ann"), json!(written), json!(written + 1)];
    assert_eq!(read(&mut client), expected, "{name}: the session is as it was");

    disk.free();
    insert(&mut client, "after", "space").unwrap();
    assert_eq!(read(&mut client)[1], json!(written + 1), "{name}: writes succeed again when there is space");
    println!(
        "{name} on a full disk: {written} writes acknowledged, {written} there, 503 for the next, writing again with free space"
    );
}

#[test]
fn files() {
    full("files", |disk| format!("file:{}", disk.join("sessions").display()));
}

#[test]
fn sqlite() {
    full("SQLite", |disk| format!("sqlite:{}", disk.join("sessions.db").display()));
}
