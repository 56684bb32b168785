//! The session back end named on the command line.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use cloakroom::{AnyStore, ConflictPolicy, CookieSessions, Engine, Key, StoredSessions};

use crate::counting::{CountingStore, Counts};
use crate::foreign;
use crate::options::{Conflict, Options};

/// The session back end.
#[derive(Debug)]
pub(crate) enum Backend {
    Cookies(Box<CookieSessions>),
    Store(Arc<StoredSessions<CountingStore>>),
    /// Sessions shared with another framework; not counted.
    Foreign(Engine),
}

/// Opens the back end.
pub(crate) async fn connect(options: &Options, counts: &Counts) -> anyhow::Result<Backend> {
    if let Some(engine) = foreign::engine(options).await? {
        return Ok(Backend::Foreign(engine));
    }
    let cookie = options.cookie();
    let key = || Key::new(&options.secret);
    let builder = match options.backend.as_str() {
        "signed" => CookieSessions::signed(key()?),
        "encrypted" => CookieSessions::encrypted(key()?),
        url => {
            let store = CountingStore { inner: store(url).await?, hook: counts.clone() };
            let mut sessions = StoredSessions::new(store).cookie(cookie).lifetimes(options.lifetimes());
            if let Some(timeout) = options.call_timeout() {
                sessions = sessions.call_timeout(timeout);
            }
            if let Some(timeout) = options.commit_timeout() {
                sessions = sessions.commit_timeout(timeout);
            }
            return Ok(Backend::Store(Arc::new(sessions.conflicts(policy(options.conflict)).build()?)));
        }
    };
    if options.conflict == Conflict::Strict {
        bail!("--conflict strict: cookie sessions don't see conflicts; use a store");
    }
    Ok(Backend::Cookies(Box::new(builder.cookie(cookie).lifetimes(options.lifetimes()).build()?)))
}

const fn policy(conflict: Conflict) -> ConflictPolicy {
    match conflict {
        Conflict::LastWriteWins => ConflictPolicy::LastWriteWins,
        Conflict::Strict => ConflictPolicy::Strict,
    }
}

async fn store(url: &str) -> anyhow::Result<AnyStore> {
    let url = if url == "memory" { "memory:" } else { url };
    if !url.contains(':') {
        bail!(
            "--backend {url}: unknown; there are signed, encrypted, memory, the URL of a store, and pyramid, beaker, flask, flask-session, django, express, rails, starlette, tower-sessions, actix-session"
        );
    }
    // Don't repeat the URL: it may contain a password.
    cloakroom::connect(url).await.map_err(|error| anyhow!("--backend: {error}"))
}
