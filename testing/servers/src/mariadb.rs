//! A private MariaDB server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::{Held, printed};
use crate::{Authority, Server, is_root, listens, program, run};

const FOLDERS: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/usr/bin"];

/// A MariaDB server with an empty database, as durable as in production: acknowledged writes
/// survive `kill -9`.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    options: Vec<String>,
}

impl MariaDb {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// Starts a server with these options (`--name=value`), which may depend on its folder.
    #[must_use]
    pub fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let server = Server::prepare("mariadb");
        let options = options(server.folder());
        let mut mariadb = Self { server, options };
        let mut install = mariadb.command("mariadb-install-db");
        run(install.args(["--auth-root-authentication-method=normal", "--skip-name-resolve"]));
        mariadb.restart();
        mariadb
    }

    /// Starts a server that encrypts connections if the client asks for it.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Self {
        Self::start_with(|folder| {
            let files = authority.issue("127.0.0.1", folder);
            let (certificate, key) = (files.certificate.display(), files.key.display());
            vec![format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")]
        })
    }

    /// Restarts it after [`Server::kill`].
    pub fn restart(&mut self) {
        let port = self.server.port();
        let mut command = self.command("mariadbd");
        command.args(&self.options);
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", &format!("--port={port}")]);
        command.arg(format!("--socket={}", self.server.folder().join("socket").display()));
        command.arg(format!("--pid-file={}", self.server.folder().join("pid").display()));
        self.server.start(&mut command, move || listens(port));
    }

    /// Suspends or resumes it: [`Server::freeze`].
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// Runs statements as the administrator and returns the output of `mariadb`.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn sql(&self, statements: &str) -> String {
        let mut command = self.client();
        command.arg("-e");
        printed(command, statements)
    }

    /// Runs statements in a transaction and keeps it open.
    #[must_use]
    pub fn hold(&self, statements: &str) -> Held {
        Held::by(self.client(), &format!("BEGIN; {statements}"))
    }

    fn client(&self) -> Command {
        let mut command = Command::new(program("mariadb", FOLDERS, "mariadb-client"));
        command.args([
            "--no-defaults",
            "--skip-column-names",
            "--batch",
            "--unbuffered",
            "--user=root",
            "--protocol=tcp",
        ]);
        command.args(["--host=127.0.0.1", &format!("--port={}", self.server.port()), "--database=test"]);
        command
    }

    /// The server.
    pub const fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/test", self.server.port())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name, FOLDERS, "mariadb-server"));
        // Use only its own folder, and no settings of the machine's server.
        command.arg("--no-defaults").arg(format!("--datadir={}", self.data().display()));
        // Names of temporary tables come from process ids, so servers that share a folder would
        // collide.
        command.arg(format!("--tmpdir={}", self.server.folder().display()));
        if is_root() {
            command.arg("--user=root");
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.server.folder().join("data")
    }
}
