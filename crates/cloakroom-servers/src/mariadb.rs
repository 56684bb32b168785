//! A private MariaDB server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::{Held, printed};
use crate::{Authority, Server, is_root, listens, program, run};

const FOLDERS: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/usr/bin"];

/// A MariaDB server with an empty database, durable as it is in production: what it acknowledged
/// survives `kill -9`.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    options: Vec<String>,
}

impl MariaDb {
    /// A server that is ready.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// A server that is ready, with these options (`--name=value`), which may need to know its
    /// folder.
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

    /// A server whose connections are encrypted where the client asks for it.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Self {
        Self::start_with(|folder| {
            let files = authority.issue("127.0.0.1", folder);
            let (certificate, key) = (files.certificate.display(), files.key.display());
            vec![format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")]
        })
    }

    /// Starts it again, after [`Server::kill`].
    pub fn restart(&mut self) {
        let port = self.server.port();
        let mut command = self.command("mariadbd");
        command.args(&self.options);
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", &format!("--port={port}")]);
        command.arg(format!("--socket={}", self.server.folder().join("socket").display()));
        command.arg(format!("--pid-file={}", self.server.folder().join("pid").display()));
        self.server.start(&mut command, move || listens(port));
    }

    /// Stops it in mid-work, or lets it go on: [`Server::freeze`].
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// The answer to these statements of the administrator's, as `mariadb` prints it.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn sql(&self, statements: &str) -> String {
        let mut command = self.client();
        command.arg("-e");
        printed(command, statements)
    }

    /// Keeps a transaction open in which these statements were run.
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

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/test", self.server.port())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name, FOLDERS, "mariadb-server"));
        // Its own folder, and nothing of a server that the machine may run.
        command.arg("--no-defaults").arg(format!("--datadir={}", self.data().display()));
        // Names of temporary tables come from process ids: in a folder that servers share they get
        // in each other's way.
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
