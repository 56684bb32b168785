//! An example in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running example; it ends when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    url: String,
}

impl Program {
    /// Starts the program on a free port and waits until it listens.
    #[must_use]
    pub fn start(path: &str) -> Self {
        let mut command = Command::new(path);
        command.arg("0").stdin(Stdio::null()).stdout(Stdio::piped()).env("RUST_LOG", "error");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{path} could not be started: {error}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("listening on http://"));
        let url = found.unwrap_or_else(|| panic!("{path} ended without saying where it listens"));
        // It reads on to the end, lest the program waits for room in the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url: url["listening on ".len()..].trim_end_matches('/').to_owned() }
    }

    /// The address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
