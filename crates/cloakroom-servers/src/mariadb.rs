//! A private MariaDB server.

use std::path::PathBuf;
use std::process::Command;

use crate::{Server, is_root, listens, program, run};

const FOLDERS: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/usr/bin"];

/// A MariaDB server with an empty database, durable as it is in production: what it acknowledged survives `kill -9`.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
}

impl MariaDb {
    /// A server that is ready.
    #[must_use]
    pub fn start() -> Self {
        let mut mariadb = Self { server: Server::prepare("mariadb") };
        let mut install = mariadb.command("mariadb-install-db");
        run(install.args(["--auth-root-authentication-method=normal", "--skip-name-resolve"]));
        mariadb.restart();
        mariadb
    }

    /// Starts it again, after [`Server::kill`].
    pub fn restart(&mut self) {
        let port = self.server.port();
        let mut command = self.command("mariadbd");
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", &format!("--port={port}")]);
        command.arg(format!("--socket={}", self.server.folder().join("socket").display()));
        command.arg(format!("--pid-file={}", self.server.folder().join("pid").display()));
        self.server.start(&mut command, move || listens(port));
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
        // Names of temporary tables come from process ids: in a folder that servers share they get in each other's way.
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
