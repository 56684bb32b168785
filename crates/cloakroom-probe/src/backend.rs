//! The session factory that the command line names.

use anyhow::bail;
use cloakroom::{CookieConfig, CookieSessions, Key};

use crate::options::{Conflict, Options};

/// Sessions without Secure, so that plain HTTP clients can be used.
pub(crate) fn connect(options: &Options) -> anyhow::Result<CookieSessions> {
    if options.conflict == Conflict::Strict {
        bail!("--conflict strict: cookie sessions don't see conflicts; use a store");
    }
    let key = Key::new(&options.secret)?;
    let builder = match options.backend.as_str() {
        "signed" => CookieSessions::signed(key),
        "encrypted" => CookieSessions::encrypted(key),
        other => bail!("--backend {other}: unknown; there are signed and encrypted"),
    };
    let cookie = CookieConfig::default().name(&options.cookie_name).danger_insecure();
    Ok(builder.cookie(cookie).lifetimes(options.lifetimes()).build()?)
}
