//! A disk that is full.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::application::{Application, Client};

/// A file system of its own, in memory, of so many kilobytes.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(kilobytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "cloakroom"]).arg(folder.path()).output();
        let output = mount.unwrap_or_else(|error| panic!("mount is missing: {error}"));
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a full disk is tried on a small one, which only root may mount: {why}");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "umount failed");
    }
}

fn full(name: &str, backend: impl Fn(&Path) -> String) {
    let disk = Disk::mount(4096);
    let application = Application::start(&backend(disk.path()));
    let address = application.address();
    let mut client = Client::default();
    let insert = |client: &mut Client, key: &str, value: &str| {
        client.ops(address, &json!([["insert", key, value], ["add", "writes", 1]])).unwrap()
    };
    insert(&mut client, "name", "Ann").unwrap();
    // Somebody else's file takes what is left, to the last byte.
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 3 << 20]).unwrap();
    let mut left = Vec::new();
    for size in [65_536, 4096, 512, 1] {
        while fs::write(disk.path().join(format!("ballast-{}", left.len())), vec![0; size]).is_ok() {
            left.push(());
        }
    }
    // As much as still goes into what the file has reserved for itself.
    let mut written = 1;
    let status = loop {
        match insert(&mut client, &format!("key {written}"), &"x".repeat(20_000)) {
            Ok(_) => written += 1,
            Err(status) => break status,
        }
        assert!(written < 1000, "{name}: the disk is never full");
    };
    assert_eq!(status, 503, "{name}: what a client is told");
    assert_eq!(
        Client::default().ops(address, &json!([["insert", "new", 1]])).unwrap().unwrap_err(),
        503,
        "{name}: nothing new either"
    );
    let read = |client: &mut Client| {
        client.ops(address, &json!([["get", "name"], ["get", "writes"], ["len"]])).unwrap().unwrap()
    };
    let expected: [Value; 3] = [json!("Ann"), json!(written), json!(written + 1)];
    assert_eq!(read(&mut client), expected, "{name}: the session is as it was");

    fs::remove_file(ballast).unwrap();
    insert(&mut client, "after", "space").unwrap();
    assert_eq!(read(&mut client)[1], json!(written + 1), "{name}: and goes on when there is space");
    println!("{name} on a full disk: {written} writes acknowledged, {written} there, 503 for the next, and on it goes");
}

#[test]
fn files() {
    full("files", |disk| format!("file:{}", disk.join("sessions").display()));
}

#[test]
fn sqlite() {
    full("SQLite", |disk| format!("sqlite:{}", disk.join("sessions.db").display()));
}
