//! Where sessions live: what the command line names.

use anyhow::bail;
use cloakroom::{AnyStore, ConflictPolicy, CookieConfig, CookieSessions, Key, MemoryStore, StoredSessions};

use crate::counting::{CountingStore, Counts};
use crate::options::{Conflict, Options};

/// Where sessions live.
#[derive(Debug)]
pub(crate) enum Backend {
    Cookies(CookieSessions),
    Store(StoredSessions<CountingStore>),
}

/// Sessions without Secure, so that plain HTTP clients can be used.
pub(crate) fn connect(options: &Options, counts: &Counts) -> anyhow::Result<Backend> {
    let cookie = CookieConfig::default().name(&options.cookie_name).danger_insecure();
    let key = || Key::new(&options.secret);
    let builder = match options.backend.as_str() {
        "signed" => CookieSessions::signed(key()?),
        "encrypted" => CookieSessions::encrypted(key()?),
        other => {
            let store = CountingStore { inner: store(other)?, counts: counts.clone() };
            let sessions = StoredSessions::new(store).cookie(cookie).lifetimes(options.lifetimes());
            return Ok(Backend::Store(sessions.conflicts(policy(options.conflict)).build()?));
        }
    };
    if options.conflict == Conflict::Strict {
        bail!("--conflict strict: cookie sessions don't see conflicts; use a store");
    }
    Ok(Backend::Cookies(builder.cookie(cookie).lifetimes(options.lifetimes()).build()?))
}

const fn policy(conflict: Conflict) -> ConflictPolicy {
    match conflict {
        Conflict::LastWriteWins => ConflictPolicy::LastWriteWins,
        Conflict::Strict => ConflictPolicy::Strict,
    }
}

fn store(name: &str) -> anyhow::Result<AnyStore> {
    match name {
        "memory" => Ok(AnyStore::new(MemoryStore::new())),
        other => bail!("--backend {other}: unknown; there are signed, encrypted and memory"),
    }
}
