//! `sessions end`.

use clap::{ArgGroup, Args};
use cloakroom::{AnyStore, Clock as _, Store as _, StoreKey, SystemClock, all_owned, end_all_before};
use serde_json::json;

use super::list::NO_OWNERS;
use super::named::Name;
use crate::moment::When;
use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::place::{Open, store};
use crate::secret::RecordKeyOptions;
use crate::walk::{has_locked, within};

#[derive(Args, Debug)]
#[command(after_help = "\
    A session that has ended stays ended: a request that is on its way drops what it did.")]
#[command(group(ArgGroup::new("which").required(true)))]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// Sessions: keys, first digits of them, ids in cookies, or - to read one from stdin
    #[arg(value_name = "SESSION", group = "which")]
    names: Vec<String>,
    /// All sessions of this owner, as after a new password
    #[arg(long, group = "which")]
    owner: Option<String>,
    /// Everybody's sessions that were created before this, as after a breach: 7d for a week ago,
    /// 2026-05-01, 2026-05-01T12:30:00Z; 0s is all
    #[arg(long, value_name = "WHEN", value_parser = When::parse, group = "which")]
    before: Option<When>,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let names: Vec<Name> = options.names.iter().map(|name| Name::parse(name)).collect::<anyhow::Result<_>>()?;
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    let now = SystemClock.now();
    let ended = match (&options.before, &options.owner) {
        // It goes through the whole store: whoever has waited long enough presses Ctrl-C, and what
        // has ended stays so.
        (Some(before), _) => end_all_before(&store, before.point(now), now).await?,
        (None, Some(owner)) => {
            let owned = within(all_owned(&store, owner, now)).await?;
            let keys = owned.into_iter().filter(|it| it.entry.owner.as_deref() == Some(owner)).map(|it| it.key);
            end(&store, keys).await?
        }
        (None, None) => {
            let mut keys = Vec::new();
            for name in &names {
                keys.extend(name.find(&store).await?);
            }
            end(&store, keys.into_iter()).await?
        }
    };
    if json {
        print_json(&json!({ "ended": ended }))?
    } else {
        print(&format!("{ended} {} ended\n", if ended == 1 { "session" } else { "sessions" }))?
    }
    // Not all of them have ended, perhaps.
    if options.owner.is_some() && keyring.is_none() && has_locked(&store).await? {
        eprintln!("{NO_OWNERS}");
        return Ok(Outcome::No);
    }
    Ok(Outcome::no_if(ended == 0))
}

async fn end(store: &AnyStore, keys: impl Iterator<Item = StoreKey>) -> anyhow::Result<usize> {
    let mut ended = 0;
    for key in keys {
        ended += usize::from(within(store.end(&key, SystemClock.now())).await?);
    }
    Ok(ended)
}
