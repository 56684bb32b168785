//! The command-line clients of databases, for access that doesn't go through the store.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

/// An open transaction with its locks, rolled back when dropped.
#[derive(Debug)]
pub struct Held {
    child: Child,
    input: Option<ChildStdin>,
}

impl Held {
    /// Runs statements in a client that stays open, and waits until the last one has finished.
    pub(crate) fn by(mut command: Command, statements: &str) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{statements};\nSELECT 'held';").unwrap();
        input.flush().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "held"), "{statements}: the client has exited");
        Self { child, input: Some(input) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // At the end of its input the client exits, and the server rolls back.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Runs statements and returns their output, without headings.
pub(crate) fn printed(mut command: Command, statements: &str) -> String {
    let output = command.arg(statements).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statements}: {why}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
