//! A private PgBouncer in front of a private PostgreSQL server.

use std::fs;
use std::process::Command;

use crate::postgres::{USER, as_user};
use crate::{Postgres, Server, is_root, listens, program, run};

/// A PgBouncer in transaction mode: each transaction goes to whichever of two connections to the server is free.
#[derive(Debug)]
pub struct PgBouncer(Server);

impl PgBouncer {
    /// One that leads to this server.
    #[must_use]
    pub fn before(postgres: &mut Postgres) -> Self {
        let mut server = Server::prepare("pgbouncer");
        let (port, there) = (server.port(), postgres.server().port());
        let file = server.folder().join("pgbouncer.ini");
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={there} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n\
             ignore_startup_parameters = extra_float_digits\n"
        );
        fs::write(&file, text).unwrap();
        if is_root() {
            run(Command::new("chown").args(["-R", USER]).arg(server.folder()));
        }
        let mut command = as_user(&program("pgbouncer", &["/usr/sbin"], "pgbouncer"));
        server.start(command.arg(file), move || listens(port));
        Self(server)
    }

    /// How to reach the server through it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.0.port())
    }
}
