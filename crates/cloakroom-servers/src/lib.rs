//! Private database servers for tests.
//!
//! Each is a real one, started in a temporary folder on a free port of the loopback interface, and
//! gone when it is dropped. A program that isn't there is a panic that names it and how to install
//! it: a test that can't run has failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "for tests alone, where a panic says what is wrong"
)]

mod authority;
mod client;
mod delay;
mod disk;
mod foreign;
mod mariadb;
mod monitor;
mod pgbouncer;
mod postgres;
mod proxy;
pub mod redis;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

pub use authority::{Authority, Certificate};
pub use client::Held;
pub use delay::Delay;
pub use disk::Disk;
pub use foreign::Foreign;
pub use mariadb::MariaDb;
pub use monitor::Monitor;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use proxy::{Proxy, scrambled};

/// A server's process and its folder.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Option<Child>,
    folder: tempfile::TempDir,
    port: u16,
}

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// A server that isn't started yet: its folder, and a port that is free now.
    #[must_use]
    pub fn prepare(name: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("cloakroom-{name}-")).tempdir().unwrap();
        Self { name, child: None, folder, port: free_port() }
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("started").id()
    }

    /// Starts it, with its output in a file of its folder, and waits until `ready` says so.
    pub fn start(&mut self, command: &mut Command, ready: impl Fn() -> bool) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{} can't be started: {error}", self.name)));
        let step = Duration::from_millis(20);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            if ready() {
                return;
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                panic!("{} ended at once, {status}: {}", self.name, self.output());
            }
            sleep(step);
        }
        panic!("{} isn't ready after {PATIENCE:?}: {}", self.name, self.output());
    }

    /// Kills it without warning, as `kill -9` of all its processes does; its folder stays for the
    /// next start.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if matches!(child.try_wait(), Ok(None)) {
            // Killed alone, it would leave those that it has started, which answer until they
            // notice.
            stop(&[child.id()]);
            let mut processes = started_by(child.id());
            processes.push(child.id());
            signal("-KILL", &processes);
        }
        // It may be gone already.
        let _ = child.wait();
    }

    /// Stops it in mid-work (SIGSTOP), or lets it go on (SIGCONT): a server that hangs, with all
    /// its processes.
    pub fn freeze(&self, frozen: bool) {
        let pid = self.pid();
        if frozen {
            assert!(stop(&[pid]), "{} can't be stopped", self.name);
            // Those that it has started may end in between.
            stop(&started_by(pid));
        } else {
            signal("-CONT", &started_by(pid));
            assert!(signal("-CONT", &[pid]), "{} can't go on", self.name);
        }
    }

    /// Whether its process is there.
    #[must_use]
    pub fn is_up(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// What it printed.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder().join("output.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to processes, and says whether all were there.
fn signal(signal: &str, pids: &[u32]) -> bool {
    let pids = pids.iter().map(u32::to_string);
    Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status().unwrap().success()
}

/// Stops processes, waits until they stand still, and says whether all were there.
fn stop(pids: &[u32]) -> bool {
    let there = signal("-STOP", pids);
    while pids.iter().any(|pid| runs(*pid)) {
        sleep(Duration::from_millis(1));
    }
    there
}

/// The processes that this one has started: PostgreSQL has one for each connection.
fn started_by(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes.filter_map(|process| {
        let child: u32 = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // The name, in parentheses, may have spaces in it; behind it come the state and the parent.
        let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent == pid).then_some(child)
    });
    children.collect()
}

/// Whether a thread of it goes on: the signal that stops a process reaches one after the other.
fn runs(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let state = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    };
    threads.filter_map(state).any(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
}

/// A port of the loopback interface that nobody listens on now, another one each time.
///
/// It is below those that systems give to clients, who would take it before the server does.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that test at the same time begin in different places.
    let place = || std::process::id().wrapping_mul(997).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    std::iter::repeat_with(|| 10_000 + u16::try_from(place() % 20_000).unwrap())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}

/// Whether somebody listens on this port.
#[must_use]
pub fn listens(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The path of a program: on `PATH`, or in one of these folders.
#[must_use]
pub fn program(name: &str, folders: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    places
        .map(|folder| folder.join(name))
        .find(|it| it.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` installs it, or `apt-get install {package}`"))
}

/// Whether the tests run as root, as which some servers need to be told who they are.
fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs a program that prepares a server.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
