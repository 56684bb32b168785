//! A private PostgreSQL server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::client::{Held, printed};
use crate::{Authority, Server, is_root, listens, program, run};

/// The user that runs the server if the tests run as root, which PostgreSQL refuses to run as.
pub(crate) const USER: &str = "postgres";

/// A PostgreSQL server with an empty database, as durable as in production: acknowledged writes
/// survive `kill -9`.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    settings: Vec<String>,
}

impl Postgres {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// Starts a server with these settings (`name=value`), which may depend on its folder.
    #[must_use]
    pub fn start_with(settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let server = Server::prepare("postgres");
        let settings = settings(server.folder());
        let mut postgres = Self { server, settings };
        if is_root() {
            run(Command::new("chown").args(["-R", USER]).arg(postgres.server.folder()));
        }
        let mut initdb = as_user(&tool("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        run(initdb.arg(postgres.data()));
        postgres.restart();
        postgres
    }

    /// Starts a server that encrypts connections if the client asks for it.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Self {
        Self::start_with(|folder| {
            let files = authority.issue("127.0.0.1", folder);
            let (certificate, key) = (files.certificate.display(), files.key.display());
            vec!["ssl=on".to_owned(), format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")]
        })
    }

    /// Restarts it after [`Server::kill`].
    pub fn restart(&mut self) {
        let (data, port) = (self.data(), self.server.port());
        // Killed processes take a moment to exit, and no new one can start before that.
        while works_in(&data) {
            sleep(Duration::from_millis(20));
        }
        let mut command = as_user(&tool("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        command.args(["-c", "unix_socket_directories=", "-c", "log_statement=none"]);
        let answers = move || listens(port) && ready(port);
        self.server.start(&mut command, answers);
    }

    /// Suspends or resumes it: [`Server::freeze`].
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// Runs statements as the administrator and returns the output of `psql`.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn sql(&self, statements: &str) -> String {
        let mut command = self.psql();
        command.arg("-c");
        printed(command, statements)
    }

    /// Runs statements in a transaction and keeps it open.
    #[must_use]
    pub fn hold(&self, statements: &str) -> Held {
        Held::by(self.psql(), &format!("BEGIN; {statements}"))
    }

    fn psql(&self) -> Command {
        let mut command = Command::new(tool("psql"));
        command.args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-v", "ON_ERROR_STOP=1"]);
        command.args(["-p", &self.server.port().to_string(), "postgres"]);
        command
    }

    /// The server.
    pub const fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.server.port())
    }

    fn data(&self) -> PathBuf {
        self.server.folder().join("data")
    }
}

/// Returns whether it accepts connections; it listens some time before that.
fn ready(port: u16) -> bool {
    let mut command = Command::new(tool("pg_isready"));
    command
        .args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")])
        .status()
        .is_ok_and(|status| status.success())
}

/// Returns a tool of the newest installed version.
fn tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<String> = versions.map(|version| version.path().join("bin").display().to_string()).collect();
    folders.sort_unstable();
    folders.reverse();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    program(name, &folders, "postgresql")
}

pub(crate) fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]).arg(program);
    // That user may have no access to the current folder of the tests.
    command.current_dir("/");
    command
}

/// Returns whether a process has this working directory.
fn works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok()).any(|cwd| cwd == folder)
}
