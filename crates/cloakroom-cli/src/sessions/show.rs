//! `sessions show`.

use anyhow::bail;
use clap::Args;
use cloakroom::store::{Loaded, Store as _};
use cloakroom::{Clock as _, SystemClock};

use super::named::Name;
use crate::describe::{Values, known, lines, session};
use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::scan::within;
use crate::secret::RecordKeyOptions;
use crate::store_url::{Open, store};

#[derive(Args, Debug)]
#[command(after_help = "\
    The CSRF token is never shown, only whether it exists.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// The session: its key, the first digits of it, the id in its cookie, or - to read one of
    /// these from stdin
    #[arg(value_name = "SESSION")]
    name: String,
    /// Shows the values too: they may contain any data that the application stores about a person
    #[arg(long)]
    values: bool,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let name = Name::parse(&options.name)?;
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    let values = if options.values { Values::Shown } else { Values::Hidden };
    let now = SystemClock.now();
    let Some(key) = name.find(&store).await? else {
        eprintln!("no live session has this name");
        return Ok(Outcome::No);
    };
    let loaded = within(store.load(&key, now)).await;
    if let Err(why) = &loaded
        && keyring.is_none()
        && why.to_string().contains("there is no keyring")
    {
        bail!("{why}: --records-key-file or --records-key-env names it");
    }
    match loaded? {
        Loaded::Live(_, entry) if entry.is_alias() => {
            eprintln!("{} is the entry of an alias, and not a session", key.prefix());
            Ok(Outcome::No)
        }
        Loaded::Live(version, entry) => {
            let session = session(&known(key, version, entry), values);
            match session.as_object() {
                Some(object) if !json => print(&lines(object, values))?,
                _ => print_json(&session)?,
            }
            Ok(Outcome::Done)
        }
        Loaded::Moved => {
            eprintln!("{} has just moved to another key: the user signed in", key.prefix());
            Ok(Outcome::No)
        }
        Loaded::Absent => {
            eprintln!("{} doesn't exist: it has ended, or never existed", key.prefix());
            Ok(Outcome::No)
        }
    }
}
