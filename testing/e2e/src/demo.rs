//! The demo under test.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::folder::Folder;
use crate::process::Process;

/// The name of the demo's session cookie.
pub const COOKIE: &str = "__Host-Http-session";

/// A running demo, on a separate port and with a separate folder for its sessions.
#[derive(Debug)]
pub struct Demo {
    port: u16,
    scheme: &'static str,
    public_key_hash: Option<String>,
    // Drop order: the demo must exit before its folder is deleted.
    _process: Process,
    _folder: Folder,
}

impl Demo {
    /// Starts the demo with these arguments.
    ///
    /// # Errors
    /// If it isn't built, or doesn't start.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let mut command = Command::new(program()?);
        command.args(["--port", "0"]).args(arguments).env_remove("CLOAKROOM_KEY").current_dir(folder.path());
        let hash = RefCell::new(None);
        let (process, (scheme, port)) = Process::start(&mut command, |line| {
            if let Some((_, printed)) = line.split_once("spki-list=") {
                hash.replace(Some(printed.trim().to_owned()));
            }
            let (scheme, port) = line.strip_prefix("listening on ")?.split_once("://127.0.0.1:")?;
            Some((if scheme == "https" { "https" } else { "http" }, port.trim().parse().ok()?))
        })?;
        Ok(Self { port, scheme, public_key_hash: hash.into_inner(), _process: process, _folder: folder })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address of a page of the shop.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// Returns the address of the same page under a host name that browsers treat as another site.
    #[must_use]
    pub fn foreign_url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.port)
    }

    /// Returns the hash of the certificate's public key, if the demo was started with `--tls`.
    #[must_use]
    pub fn public_key_hash(&self) -> Option<&str> {
        self.public_key_hash.as_deref()
    }
}

/// Cargo puts a profile's programs one folder above its tests.
fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(|deps| deps.parent()).context("the test isn't in a target folder")?;
    let program = folder.join(format!("cloakroom-demo{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        program.is_file(),
        "the demo isn't built: {} does not exist. Run `cargo build -p cloakroom-demo`, or the tests with `cargo xtask test`",
        program.display()
    );
    Ok(program)
}
