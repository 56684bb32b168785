//! A private PostgreSQL server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::client::{Held, printed};
use crate::{Authority, Server, is_root, listens, program, run};

/// Who runs it where the tests run as root, which PostgreSQL refuses.
pub(crate) const USER: &str = "postgres";

/// A PostgreSQL server with an empty database, durable as it is in production: what it acknowledged
/// survives `kill -9`.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    settings: Vec<String>,
}

impl Postgres {
    /// A server that is ready.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// A server that is ready, with these settings (`name=value`), which may need to know its
    /// folder.
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

    /// A server whose connections are encrypted where the client asks for it.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Self {
        Self::start_with(|folder| {
            let files = authority.issue("127.0.0.1", folder);
            let (certificate, key) = (files.certificate.display(), files.key.display());
            vec!["ssl=on".to_owned(), format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")]
        })
    }

    /// Starts it again, after [`Server::kill`].
    pub fn restart(&mut self) {
        let (data, port) = (self.data(), self.server.port());
        // Processes that were killed are gone a moment later; before that, none can start.
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

    /// Stops it in mid-work, or lets it go on: [`Server::freeze`].
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// The answer to these statements of the administrator's, as `psql` prints it.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn sql(&self, statements: &str) -> String {
        let mut command = self.psql();
        command.arg("-c");
        printed(command, statements)
    }

    /// Keeps a transaction open in which these statements were run.
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

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.server.port())
    }

    fn data(&self) -> PathBuf {
        self.server.folder().join("data")
    }
}

/// Whether it takes connections: it listens before it does.
fn ready(port: u16) -> bool {
    let mut command = Command::new(tool("pg_isready"));
    command
        .args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")])
        .status()
        .is_ok_and(|status| status.success())
}

/// The newest version that is installed.
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
    // The tests' own folder may be closed to that user.
    command.current_dir("/");
    command
}

/// Whether a process has this as its working directory.
fn works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok()).any(|cwd| cwd == folder)
}
