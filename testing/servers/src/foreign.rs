//! The applications on other frameworks in `testing/e2e/foreign/`, which execute session
//! operations.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Server, listens};

/// The language runtime of an application.
#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    Node,
    Ruby,
    Rust,
}

impl Language {
    /// Returns the command that runs this language's programs, with the libraries of a version of a
    /// framework, or with the newest ones.
    fn command(self, version: Option<&str>) -> Command {
        let foreign = variable("CLOAKROOM_FOREIGN");
        let folder = version.map(|version| foreign.join("versions").join(version));
        match (self, folder) {
            (Self::Python, None) => Command::new(foreign.join("python/bin/python3")),
            (Self::Python, Some(folder)) => Command::new(folder.join("bin/python3")),
            (Self::Ruby, None) => Command::new(variable("RUBY")),
            (Self::Ruby, Some(folder)) => Command::new(folder.join("ruby")),
            (Self::Node, _) => {
                let mut node = Command::new(variable("NODE"));
                node.env("NODE_PATH", foreign.join("node/node_modules"));
                node
            }
            (Self::Rust, _) => Command::new(foreign.join("rust/debug/cloakroom-rust-peers")),
        }
    }

    /// Returns the ending of the file that the command runs; a program in Rust is compiled.
    const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("py"),
            Self::Node => Some("js"),
            Self::Ruby => Some("rb"),
            Self::Rust => None,
        }
    }
}

/// An application on a framework whose sessions we share. It speaks the probe's protocol, as far as
/// its framework allows.
#[derive(Debug)]
pub struct Foreign(Server);

impl Foreign {
    /// Starts Pyramid, with its signed cookies, those of `pyramid_nacl_session`, or Beaker's.
    #[must_use]
    pub fn pyramid(options: &[&str]) -> Self {
        Self::start("pyramid", Language::Python, options)
    }

    /// Starts Flask, with Flask-WTF.
    #[must_use]
    pub fn flask(options: &[&str]) -> Self {
        Self::start("flask", Language::Python, options)
    }

    /// Starts Django, with signed cookies or its table.
    #[must_use]
    pub fn django(options: &[&str]) -> Self {
        Self::start("django", Language::Python, options)
    }

    /// Starts Starlette, with its `SessionMiddleware`.
    #[must_use]
    pub fn starlette(options: &[&str]) -> Self {
        Self::start("starlette", Language::Python, options)
    }

    /// Starts Express, with `cookie-session` or `express-session`.
    #[must_use]
    pub fn express(options: &[&str]) -> Self {
        Self::start("express", Language::Node, options)
    }

    /// Starts Rails' controllers, with encrypted cookies.
    #[must_use]
    pub fn rails(options: &[&str]) -> Self {
        Self::start("rails", Language::Ruby, options)
    }

    /// Starts tower-sessions or actix-session: the first option is the library and its version.
    #[must_use]
    pub fn rust(options: &[&str]) -> Self {
        Self::start("rust", Language::Rust, options)
    }

    /// Returns the command that runs Pyramid's own tests with the sessions of the probe at this
    /// path. It prints a line of JSON for each test.
    #[must_use]
    pub fn pyramid_tests(probe: &Path) -> Command {
        let python = variable("CLOAKROOM_FOREIGN").join("python");
        let mut command = Command::new(python.join("bin/python3"));
        command.arg(applications().join("pyramid_tests.py")).arg(python.join("sources/pyramid-2.1"));
        command.env("CLOAKROOM_PROBE", probe).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Starts the application of a framework in another version, such as `django-3.2`: one of the
    /// lists in `testing/e2e/foreign/versions`, or `rails-7.2`.
    #[must_use]
    pub fn of_version(version: &'static str, options: &[&str]) -> Self {
        let (name, _) = version.split_once('-').expect("a framework and its version");
        let language = if name == "rails" { Language::Ruby } else { Language::Python };
        Self::start_in(name, language, Some(version), options)
    }

    fn start(name: &'static str, language: Language, options: &[&str]) -> Self {
        Self::start_in(name, language, None, options)
    }

    fn start_in(name: &'static str, language: Language, version: Option<&str>, options: &[&str]) -> Self {
        let mut server = Server::prepare(name);
        let mut command = language.command(version);
        command.args(language.suffix().map(|suffix| applications().join(format!("{name}_app.{suffix}"))));
        let port = server.port();
        // Don't write bytecode next to the source.
        command.args(["--port", &port.to_string()]).args(options).env("PYTHONDONTWRITEBYTECODE", "1").env("TZ", "UTC");
        server.start(&mut command, || listens(port));
        Self(server)
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.0.port()
    }

    /// The output of the application.
    #[must_use]
    pub fn output(&self) -> String {
        self.0.output()
    }
}

fn applications() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/foreign")
}

fn variable(name: &str) -> PathBuf {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value
        .unwrap_or_else(|| {
            panic!("{name} isn't set: run the tests through `cargo xtask test`, which installs the frameworks")
        })
        .into()
}
