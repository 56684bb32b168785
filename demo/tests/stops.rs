//! The demo stops on request, and leaves its session file in order.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "only for tests, where a panic is the report")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A client that keeps its connection open.
fn visit(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

/// Returns `true` if the demo exited by itself and successfully.
fn ended_well(demo: &mut Child) -> bool {
    for _ in 0..1000 {
        if let Some(status) = demo.try_wait().unwrap() {
            return status.success();
        }
        sleep(Duration::from_millis(20));
    }
    demo.kill().unwrap();
    false
}

#[test]
fn the_demo_stops_on_request_and_leaves_one_file() {
    // A container gives it another address, and sends SIGTERM.
    for (signal, address) in [("-INT", "127.0.0.1"), ("-TERM", "0.0.0.0")] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom-demo"));
        command.args(["--address", address, "--port", "0"]).current_dir(folder.path()).env_remove("CLOAKROOM_KEY");
        let mut demo = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned)).unwrap();
        let browser = visit(&address);
        assert!(Command::new("kill").args([signal, &demo.id().to_string()]).status().unwrap().success());
        assert!(ended_well(&mut demo), "{signal}");
        drop(browser);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["cloakroom-demo.db"], "{signal}");
    }
}
