//! A program that prints its address, and is killed when its guard is dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// A cold start on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program and waits for the first line in which `find` finds a value.
    pub(crate) fn start<T>(command: &mut Command, find: impl Fn(&str) -> Option<T>) -> anyhow::Result<(Self, T)> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Self(command.spawn().with_context(|| format!("`{name}` could not be started"))?);
        let output = process.0.stdout.take().context("no output to read")?;
        let (sender, lines) = mpsc::channel();
        // Read to the end, or else the program would block on a full pipe.
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| _ = sender.send(line))
        });
        let mut said = String::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some(found) = find(&line) {
                return Ok((process, found));
            }
            said.push_str(&line);
            said.push('\n');
        }
        bail!("`{name}` didn't print its address; its output:\n{said}")
    }

    /// Returns whether the program exits within this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let step = Duration::from_millis(20);
        for _ in 0..time.as_millis() / step.as_millis() {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(step);
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
