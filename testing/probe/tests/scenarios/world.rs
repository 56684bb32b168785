//! The environment of a scenario: an adapter and a back end.

use cloakroom_servers::Program;
use cloakroom_servers::redis::Redis;

use crate::http::Client;
use crate::place::Place;

pub(crate) const ADAPTERS: [&str; 3] = ["axum", "hyper", "actix"];

pub(crate) struct World {
    adapter: &'static str,
    backend: Backend,
}

enum Backend {
    Cookies(&'static str),
    Store(Place),
}

impl World {
    pub(crate) fn new(adapter: &'static str, backend: &'static str) -> Self {
        let backend = match backend {
            "signed" | "encrypted" => Backend::Cookies(backend),
            _ => Backend::Store(Place::start(backend)),
        };
        Self { adapter, backend }
    }

    pub(crate) const fn is_any(&self) -> bool {
        true
    }

    /// Returns whether sessions can be revoked and concurrent changes merged.
    pub(crate) const fn is_store(&self) -> bool {
        matches!(self.backend, Backend::Store(_))
    }

    /// Returns whether other processes see the same sessions.
    pub(crate) fn is_shared(&self) -> bool {
        self.url() != "memory:"
    }

    pub(crate) fn is_shared_store(&self) -> bool {
        self.is_store() && self.is_shared()
    }

    pub(crate) fn is_redis(&self) -> bool {
        self.redis().is_some()
    }

    /// The Redis server, which can be stopped, if there is one.
    pub(crate) fn redis(&self) -> Option<&Redis> {
        match &self.backend {
            Backend::Cookies(_) => None,
            Backend::Store(place) => place.redis(),
        }
    }

    fn url(&self) -> &str {
        match &self.backend {
            Backend::Cookies(seal) => seal,
            Backend::Store(place) => &place.url,
        }
    }

    pub(crate) fn probe(&self, options: &[&str]) -> Probe {
        self.probe_on(self.adapter, options)
    }

    /// Starts another adapter on the same back end.
    pub(crate) fn probe_on(&self, adapter: &str, options: &[&str]) -> Probe {
        Probe::start(&[&["--adapter", adapter, "--backend", self.url()], options].concat())
    }
}

/// A probe in a separate process.
pub(crate) struct Probe {
    program: Program,
    base: String,
}

impl Probe {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-probe"), &[&["--port", "0"], arguments].concat());
        let base = format!("http://{}", program.address());
        Self { program, base }
    }

    /// Returns the number of log events that contain `words`.
    pub(crate) fn logged(&self, words: &str) -> usize {
        self.program.log().lines().filter(|line| line.contains(words)).count()
    }

    /// Returns a visitor without a cookie.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base)
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}
