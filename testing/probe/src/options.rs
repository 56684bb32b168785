//! The command line.

use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use cloakroom::bridge::Phase;
use cloakroom::{CommitPolicy, CookieConfig, Lifetimes, SameSite, TokenPolicy};

/// A test server that performs the session operations it receives over HTTP.
#[derive(Clone, Debug, Parser)]
#[command(name = "cloakroom-probe")]
pub(crate) struct Options {
    /// The web framework to run on.
    #[arg(long, value_enum, default_value_t = Adapter::Axum)]
    pub(crate) adapter: Adapter,
    /// The session back end: signed, encrypted, memory, the URL of a store, or the framework that
    /// shares the sessions.
    #[arg(long, default_value = "signed")]
    pub(crate) backend: String,
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The secret, at least 32 bytes long, or the secret of the other framework.
    #[arg(long, default_value = "a public secret that is used only by tests")]
    pub(crate) secret: String,
    /// A previous secret of the other framework, accepted for reading.
    #[arg(long)]
    pub(crate) previous: Option<String>,
    /// Pyramid's salt.
    #[arg(long)]
    pub(crate) salt: Option<String>,
    /// The name of the session cookie.
    #[arg(long, default_value = "session")]
    pub(crate) cookie_name: String,
    /// The path of the session cookie.
    #[arg(long)]
    cookie_path: Option<String>,
    /// The domain of the session cookie.
    #[arg(long)]
    cookie_domain: Option<String>,
    /// The sites from which browsers send the session cookie.
    #[arg(long, value_enum)]
    same_site: Option<Sites>,
    /// Send the session cookie only with TLS.
    #[arg(long)]
    secure: bool,
    /// Let scripts read the session cookie.
    #[arg(long)]
    readable: bool,
    /// Seconds that browsers keep the cookie of another framework.
    #[arg(long)]
    max_age: Option<Seconds>,
    /// Django's SESSION_EXPIRE_AT_BROWSER_CLOSE.
    #[arg(long)]
    pub(crate) at_browser_close: bool,
    /// Django's CSRF_COOKIE_MASKED, and its behaviour before 4.1.
    #[arg(long)]
    pub(crate) csrf_masked: bool,
    /// Django's table is in local time: USE_TZ is off.
    #[arg(long)]
    pub(crate) local_time: bool,
    /// Flask's SESSION_REFRESH_EACH_REQUEST is off.
    #[arg(long)]
    pub(crate) no_refresh: bool,
    /// Beaker's cookie_expires: seconds, or `@` and a Unix time.
    #[arg(long)]
    pub(crate) cookie_expires: Option<String>,
    /// The ttl of Express' store, in seconds.
    #[arg(long)]
    ttl: Option<Seconds>,
    /// The prefix of keys in Redis.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// The name of the table.
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// The time zone of Express' connections to PostgreSQL.
    #[arg(long)]
    pub(crate) time_zone: Option<String>,
    /// Express' rolling, with_always_save of tower-sessions, or OnEveryRequest of actix-session.
    #[arg(long)]
    pub(crate) rolling: bool,
    /// Moves sessions of another framework to encrypted cookies, in this phase of the migration.
    #[arg(long, value_parser = phase)]
    pub(crate) phase: Option<Phase>,
    /// Idle timeout in seconds, or none.
    #[arg(long)]
    idle: Option<Span>,
    /// Absolute timeout in seconds, or none.
    #[arg(long)]
    absolute: Option<Span>,
    /// Seconds between touches, or none.
    #[arg(long)]
    touch_after: Option<Span>,
    /// Seconds that one store call may take.
    #[arg(long)]
    call_timeout: Option<Seconds>,
    /// Seconds that a commit may keep retrying after conflicts.
    #[arg(long)]
    commit_timeout: Option<Seconds>,
    /// The number of bytes of a form that are searched for its token.
    #[arg(long)]
    pub(crate) body_limit: Option<usize>,
    /// The maximum number of messages in a flash queue.
    #[arg(long)]
    pub(crate) flash_limit: Option<usize>,
    /// When a form must carry its token.
    #[arg(long, value_enum, default_value_t = Token::Always)]
    token: Token,
    /// The form field with the CSRF token.
    #[arg(long)]
    pub(crate) csrf_field: Option<String>,
    /// The request header with the CSRF token.
    #[arg(long)]
    pub(crate) csrf_header: Option<String>,
    /// The scheme of `Authorization` that exempts requests without a session cookie.
    #[arg(long)]
    pub(crate) exempt_authorization: Option<String>,
    /// Report failed CSRF checks, but refuse nothing.
    #[arg(long)]
    pub(crate) report_only: bool,
    /// When changes are committed.
    #[arg(long, value_enum, default_value_t = Commit::Always)]
    commit: Commit,
    /// The behaviour when two requests set the same key. Cookie sessions cannot detect this: the
    /// last response wins.
    #[arg(long, value_enum, default_value_t = Conflict::LastWriteWins)]
    pub(crate) conflict: Conflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    Axum,
    /// Plain tower services on hyper, without a framework.
    Hyper,
    Actix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Commit {
    Always,
    NotOnServerError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Token {
    Always,
    WhenUnsure,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sites {
    Strict,
    Lax,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conflict {
    LastWriteWins,
    Strict,
}

fn phase(name: &str) -> Result<Phase, String> {
    Phase::parse(name).ok_or_else(|| format!("{name:?} isn't a phase"))
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
        text.parse().map(|Seconds(span)| Self(Some(span))).map_err(|error: String| format!("{error} or \"none\""))
    }
}

/// Seconds, which may have a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Self).ok_or_else(|| format!("{text:?} isn't a number of seconds"))
    }
}

impl Options {
    pub(crate) const fn token_policy(&self) -> TokenPolicy {
        match self.token {
            Token::Always => TokenPolicy::Always,
            Token::WhenUnsure => TokenPolicy::WhenUnsure,
            Token::Never => TokenPolicy::Never,
        }
    }

    /// The name and attributes of the session cookie. It is not `Secure` unless the command line
    /// says so, so that plain HTTP clients can be used.
    pub(crate) fn cookie(&self) -> CookieConfig {
        let mut cookie = CookieConfig::default().name(&self.cookie_name);
        if let Some(path) = &self.cookie_path {
            cookie = cookie.path(path);
        }
        if let Some(domain) = &self.cookie_domain {
            cookie = cookie.domain(domain);
        }
        if let Some(sites) = self.same_site {
            cookie = cookie.same_site(match sites {
                Sites::Strict => SameSite::Strict,
                Sites::Lax => SameSite::Lax,
                Sites::None => SameSite::None,
            });
        }
        if !self.secure {
            cookie = cookie.danger_insecure();
        }
        if self.readable {
            cookie = cookie.danger_readable_by_scripts();
        }
        cookie
    }

    pub(crate) fn max_age(&self) -> Option<Duration> {
        self.max_age.map(|Seconds(span)| span)
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.ttl.map(|Seconds(span)| span)
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.adjusted(Lifetimes::default())
    }

    /// Returns `lifetimes` with the values that the command line overrides.
    pub(crate) fn adjusted(&self, mut lifetimes: Lifetimes) -> Lifetimes {
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

    /// The idle timeout, if given on the command line.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.idle.and_then(|Span(idle)| idle)
    }

    pub(crate) fn call_timeout(&self) -> Option<Duration> {
        self.call_timeout.map(|Seconds(span)| span)
    }

    pub(crate) fn commit_timeout(&self) -> Option<Duration> {
        self.commit_timeout.map(|Seconds(span)| span)
    }

    pub(crate) const fn commit_policy(&self) -> CommitPolicy {
        match self.commit {
            Commit::Always => CommitPolicy::Always,
            Commit::NotOnServerError => CommitPolicy::NotOnServerError,
        }
    }
}
