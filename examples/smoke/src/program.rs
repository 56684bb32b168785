//! An example that runs in a separate process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Start-up timeout: a cold start on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running example, which is killed on drop.
#[derive(Debug)]
pub struct Program {
    child: Child,
    url: String,
}

impl Program {
    /// Starts the program on a free port and waits until it listens.
    #[must_use]
    pub fn start(path: &str) -> Self {
        Self::start_with(path, &[])
    }

    /// Starts the program with these environment variables, and waits until it listens.
    #[must_use]
    pub fn start_with(path: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path);
        command.arg("0").stdin(Stdio::null()).stdout(Stdio::piped()).env("RUST_LOG", "error");
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{path} could not be started: {error}"));
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        // Read until the end, so that the program never blocks on a full pipe.
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| _ = sender.send(line));
        });
        let mut program = Self { child, url: String::new() };
        while program.url.is_empty() {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{path} didn't say where it listens"));
            let url = line.strip_prefix("listening on ").unwrap_or_default();
            url.trim_end_matches('/').clone_into(&mut program.url);
        }
        program
    }

    /// Returns the address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
