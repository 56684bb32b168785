//! The command line.

use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use cloakroom::{CommitPolicy, Lifetimes};

/// A server that does to a session what it is told.
#[derive(Clone, Debug, Parser)]
#[command(name = "cloakroom-probe")]
pub(crate) struct Options {
    /// The web framework to run on.
    #[arg(long, value_enum, default_value_t = Adapter::Axum)]
    pub(crate) adapter: Adapter,
    /// Where sessions live: signed or encrypted.
    #[arg(long, default_value = "signed")]
    pub(crate) backend: String,
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The secret, of at least 32 bytes.
    #[arg(long, default_value = "a secret for tests alone, which everybody knows")]
    pub(crate) secret: String,
    /// The name of the session cookie.
    #[arg(long, default_value = "session")]
    pub(crate) cookie_name: String,
    /// Idle timeout in seconds, or none.
    #[arg(long)]
    idle: Option<Span>,
    /// Absolute timeout in seconds, or none.
    #[arg(long)]
    absolute: Option<Span>,
    /// Seconds between touches, or none.
    #[arg(long)]
    touch_after: Option<Span>,
    /// When changes are committed.
    #[arg(long, value_enum, default_value_t = Commit::Always)]
    commit: Commit,
    /// What happens when two requests set the same key. Cookie sessions can't tell: the last response wins.
    #[arg(long, value_enum, default_value_t = Conflict::LastWriteWins)]
    pub(crate) conflict: Conflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    Axum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Commit {
    Always,
    NotOnServerError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conflict {
    LastWriteWins,
    Strict,
}

/// Seconds, or `none` for never.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span(Option<Duration>);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is neither seconds nor \"none\""))?;
        Duration::try_from_secs_f64(seconds).map(|span| Self(Some(span))).map_err(|error| error.to_string())
    }
}

impl Options {
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        let mut lifetimes = Lifetimes::default();
        if let Some(Span(idle)) = self.idle {
            lifetimes = lifetimes.idle_timeout(idle);
        }
        if let Some(Span(absolute)) = self.absolute {
            lifetimes = lifetimes.absolute_timeout(absolute);
        }
        if let Some(Span(interval)) = self.touch_after {
            lifetimes = lifetimes.touch_after(interval);
        }
        lifetimes
    }

    pub(crate) const fn commit_policy(&self) -> CommitPolicy {
        match self.commit {
            Commit::Always => CommitPolicy::Always,
            Commit::NotOnServerError => CommitPolicy::NotOnServerError,
        }
    }
}
