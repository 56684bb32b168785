//! Private database servers for tests.
//!
//! Each is a real server, started in a temporary folder on a free port of the loopback interface,
//! and stopped when it is dropped. A missing program is a panic that explains how to install it: a
//! test that can't run has failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "used only by tests, where a panic reports the error"
)]

mod authority;
mod client;
mod delay;
mod disk;
mod dynamodb;
mod foreign;
mod mariadb;
mod monitor;
mod pgbouncer;
mod postgres;
mod program;
mod proxy;
pub mod redis;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

pub use authority::{Authority, Certificate};
pub use client::Held;
pub use delay::Delay;
pub use disk::Disk;
pub use dynamodb::DynamoDb;
pub use foreign::Foreign;
pub use mariadb::MariaDb;
pub use monitor::Monitor;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use program::Program;
pub use proxy::{Proxy, scrambled};

/// A server's process and its folder.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Option<Child>,
    folder: tempfile::TempDir,
    port: u16,
}

/// The time that a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Reserves a folder and a free port for a server that isn't started yet.
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

    /// Starts it with its output in a log file, and waits until `ready` returns `true`.
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

    /// Kills all its processes, like `kill -9`. The folder stays for the next start.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if matches!(child.try_wait(), Ok(None)) {
            // Its child processes would survive alone, and keep answering for a while.
            stop(&[child.id()]);
            let mut processes = started_by(child.id());
            processes.push(child.id());
            signal("-KILL", &processes);
        }
        // It may have exited already.
        let _ = child.wait();
    }

    /// Suspends all its processes (SIGSTOP) or resumes them (SIGCONT): a server that hangs.
    pub fn freeze(&self, frozen: bool) {
        let pid = self.pid();
        if frozen {
            assert!(stop(&[pid]), "{} can't be stopped", self.name);
            // Child processes may exit concurrently.
            stop(&started_by(pid));
        } else {
            signal("-CONT", &started_by(pid));
            assert!(signal("-CONT", &[pid]), "{} can't be resumed", self.name);
        }
    }

    /// Returns whether its process is running.
    #[must_use]
    pub fn is_up(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The output of the server.
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

/// Sends a signal to processes. Returns whether all of them exist.
fn signal(signal: &str, pids: &[u32]) -> bool {
    let pids = pids.iter().map(u32::to_string);
    Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status().unwrap().success()
}

/// Suspends processes and waits until they have stopped. Returns whether all of them exist.
fn stop(pids: &[u32]) -> bool {
    let there = signal("-STOP", pids);
    while pids.iter().any(|pid| runs(*pid)) {
        sleep(Duration::from_millis(1));
    }
    there
}

/// The child processes of a process: PostgreSQL has one for each connection.
fn started_by(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes.filter_map(|process| {
        let child: u32 = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // The name, in parentheses, may contain spaces; the state and the parent follow it.
        let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent == pid).then_some(child)
    });
    children.collect()
}

/// Returns whether any thread of the process still runs: SIGSTOP reaches its threads one after the
/// other.
fn runs(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let state = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    };
    threads.filter_map(state).any(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
}

/// Returns a free port of the loopback interface, a different one each time.
///
/// No other test process gets it while this process runs, also when a server has been killed and
/// isn't listening. It is below the range of ephemeral ports, since a client could otherwise take
/// it before the server does.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());
    // Concurrent test processes start at different ports.
    let place = || std::process::id().wrapping_mul(997).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    let (port, reservation) = std::iter::repeat_with(|| 10_000 + u16::try_from(place() % 20_000).unwrap())
        .filter_map(|port| Some((port, reserve(port)?)))
        .find(|(port, _)| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap();
    RESERVED.lock().unwrap().push(reservation);
    port
}

/// Reserves a port with a locked file, which the system unlocks when this process ends.
fn reserve(port: u16) -> Option<File> {
    let folder = std::env::temp_dir().join("cloakroom-ports");
    std::fs::create_dir_all(&folder).expect("ports are reserved in the temporary folder");
    let file = File::create(folder.join(port.to_string())).expect("ports are reserved in the temporary folder");
    file.try_lock().is_ok().then_some(file)
}

/// Returns whether a process listens on this port.
#[must_use]
pub fn listens(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns the path of a program on `PATH` or in one of these folders.
#[must_use]
pub fn program(name: &str, folders: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    places
        .map(|folder| folder.join(name))
        .find(|it| it.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` installs it, or `apt-get install {package}`"))
}

/// Returns whether the tests run as root. Some servers then need an explicit user.
fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs a program that prepares a server.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::{free_port, reserve};

    /// A lock conflicts with each other opening of the file, in this process as in another one.
    #[test]
    fn the_port_of_a_killed_server_stays_reserved() {
        let port = free_port();
        assert!(reserve(port).is_none(), "no server listens on {port}");
    }
}
