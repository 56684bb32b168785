//! A program of this workspace that serves HTTP.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

/// A running program. It is killed on drop, and its log is printed if the test has failed.
#[derive(Debug)]
pub struct Program {
    child: Child,
    address: SocketAddr,
    log: NamedTempFile,
}

impl Program {
    /// Starts a program, and waits for its first line: `listening on http://ADDRESS`.
    ///
    /// # Panics
    /// If it prints something else. The message has its log.
    #[must_use]
    pub fn start(path: &str, arguments: &[&str]) -> Self {
        Self::start_in(path, arguments, None)
    }

    /// Starts a program whose local time is that of this zone.
    ///
    /// # Panics
    /// If its first line isn't that of [`start`](Self::start).
    #[must_use]
    pub fn start_in(path: &str, arguments: &[&str], zone: Option<&str>) -> Self {
        let log = NamedTempFile::new().unwrap();
        let mut command = Command::new(path);
        command.envs(zone.map(|zone| ("TZ", zone)));
        command.args(arguments).stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let Some(address) = address else {
            panic!("{path} doesn't start with {arguments:?}: {line}{}", read(&log));
        };
        Self { child, address, log }
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the lines that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Kills the process, like `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        let _ = self.child.wait().unwrap();
    }
}

fn read(log: &NamedTempFile) -> String {
    std::fs::read_to_string(log.path()).unwrap_or_default()
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}
