//! A private PgBouncer in front of a private PostgreSQL server.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::postgres::{USER, as_user};
use crate::{Postgres, Server, is_root, listens, program, run, signal};

/// A PgBouncer in transaction mode: each transaction uses any free connection to the server.
#[derive(Debug)]
pub struct PgBouncer {
    server: Server,
    there: u16,
    user: String,
    size: usize,
    program: PathBuf,
}

impl PgBouncer {
    /// Starts one in front of a server, with up to two connections.
    #[must_use]
    pub fn before(postgres: &mut Postgres) -> Self {
        Self::of(program("pgbouncer", &["/usr/sbin"], "pgbouncer"), postgres, "postgres", 2)
    }

    /// Starts one in front of a server with this user and up to eight connections.
    #[must_use]
    pub fn before_as(postgres: &mut Postgres, user: &str) -> Self {
        Self::of(program("pgbouncer", &["/usr/sbin"], "pgbouncer"), postgres, user, 8)
    }

    /// Starts a newer version, which tracks prepared statements.
    #[must_use]
    pub fn newer_before_as(postgres: &mut Postgres, user: &str) -> Self {
        let told = std::env::var_os("PGBOUNCER_NEWER").filter(|path| !path.is_empty()).map(PathBuf::from);
        let told =
            told.expect("PGBOUNCER_NEWER must name a PgBouncer of 1.21 or newer: `cargo xtask test` installs one");
        Self::of(told, postgres, user, 8)
    }

    fn of(program: PathBuf, postgres: &mut Postgres, user: &str, size: usize) -> Self {
        let server = Server::prepare("pgbouncer");
        let mut bouncer = Self { server, there: postgres.server().port(), user: user.to_owned(), size, program };
        bouncer.write(&[]);
        if is_root() {
            run(Command::new("chown").args(["-R", USER]).arg(bouncer.server.folder()));
        }
        bouncer.restart();
        bouncer
    }

    /// Reloads the configuration, with these settings (`name=value`) instead of those added before.
    pub fn set(&self, settings: &[&str]) {
        self.write(settings);
        assert!(signal("-HUP", &[self.server.pid()]), "PgBouncer has ended: {}", self.server.output());
    }

    fn write(&self, settings: &[&str]) {
        let Self { server, there, user, size, .. } = self;
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={there} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {size}\n\
             server_login_retry = 1\nignore_startup_parameters = extra_float_digits\n{}\n",
            server.port(),
            settings.join("\n"),
        );
        fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.server.folder().join("pgbouncer.ini")
    }

    /// Returns whether its process is running.
    #[must_use]
    pub fn is_up(&mut self) -> bool {
        self.server.is_up()
    }

    /// Restarts it with its current settings.
    pub fn restart(&mut self) {
        self.server.kill();
        let (port, file) = (self.server.port(), self.file());
        self.server.start(as_user(&self.program).arg(file), move || listens(port));
    }

    /// The output of the pooler.
    #[must_use]
    pub fn output(&self) -> String {
        self.server.output()
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// The URL of the database behind it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }
}
