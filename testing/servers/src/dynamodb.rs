//! A private emulator of DynamoDB.

use std::path::PathBuf;
use std::process::Command;

use crate::{Server, listens};

/// An emulator of DynamoDB, with its tables in memory. It executes each request as one transaction
/// of SQLite.
///
/// Unlike DynamoDB it has no partitions, no throttling and no conflicts of transactions: it
/// executes one request after the other. Tests of these answer instead of it.
#[derive(Debug)]
pub struct DynamoDb {
    server: Server,
}

impl DynamoDb {
    /// Starts an emulator.
    #[must_use]
    pub fn start() -> Self {
        let mut server = Server::prepare("dynamodb");
        let port = server.port();
        let mut command = Command::new(emulator());
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        server.start(&mut command, || listens(port));
        Self { server }
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// Suspends it (SIGSTOP) or resumes it (SIGCONT).
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }
}

fn emulator() -> PathBuf {
    let told = std::env::var_os("DYNOXIDE").filter(|value| !value.is_empty());
    let program = told.map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/dynoxide/bin/dynoxide")),
        PathBuf::from,
    );
    assert!(program.is_file(), "the emulator of DynamoDB is missing: `cargo xtask test` installs it");
    program
}
