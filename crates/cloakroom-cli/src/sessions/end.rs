//! `sessions end`.

use clap::{ArgGroup, Args};
use cloakroom::factory::Alias;
use cloakroom::store::{Store as _, StoreKey, all_owned, end_alias, end_all_before, time_for_ends};
use cloakroom::{AnyStore, Clock as _, SystemClock};
use serde_json::json;

use super::list::NO_OWNERS;
use super::named::Name;
use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::scan::{has_locked, within};
use crate::secret::RecordKeyOptions;
use crate::store_url::{Open, store};
use crate::time::When;

#[derive(Args, Debug)]
#[command(after_help = "\
    A session that has ended stays ended: the changes of requests in progress are dropped.")]
#[command(group(ArgGroup::new("which").required(true)))]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// Sessions: keys, their first digits, ids from cookies, or - to read one of these from stdin
    #[arg(value_name = "SESSION", group = "which")]
    names: Vec<String>,
    /// All sessions of this owner, for example after a password change
    #[arg(long, group = "which")]
    owner: Option<String>,
    /// The sessions with this alias: the namespace and the name passed to `set_alias`, for example
    /// the issuer and the `sid` of an OpenID Connect provider
    #[arg(long, value_names = ["NAMESPACE", "ALIAS"], num_args = 2, group = "which")]
    alias: Vec<String>,
    /// All sessions of all users that were created before this time, for example after a breach: 7d
    /// for a week ago, 2026-05-01, 2026-05-01T12:30:00Z; 0s for all
    #[arg(long, value_name = "WHEN", value_parser = When::parse, group = "which")]
    before: Option<When>,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let names: Vec<Name> = options.names.iter().map(|name| Name::parse(name)).collect::<anyhow::Result<_>>()?;
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    let now = SystemClock.now();
    let ended = match (&options.before, &options.owner, options.alias.as_slice()) {
        // This iterates over the whole store. It may be interrupted with Ctrl-C: sessions ended so
        // far stay ended.
        (Some(before), ..) => end_all_before(&store, before.point(now), now).await?,
        (None, Some(owner), _) => {
            let owned = within(all_owned(&store, owner, now)).await?;
            let keys = owned.into_iter().filter(|it| it.entry.owner.as_deref() == Some(owner)).map(|it| it.key);
            end(&store, keys).await?
        }
        (None, None, [namespace, alias]) => within(end_alias(&store, &Alias::new(namespace, alias), now)).await?,
        (None, None, _) => {
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
    if (options.owner.is_some() || !options.alias.is_empty()) && keyring.is_none() && has_locked(&store).await? {
        eprintln!("{NO_OWNERS}");
        return Ok(Outcome::No);
    }
    Ok(Outcome::no_if(ended == 0))
}

async fn end(store: &AnyStore, keys: impl Iterator<Item = StoreKey>) -> anyhow::Result<usize> {
    let mut ended = 0;
    for key in keys {
        ended += usize::from(within(store.end(&key, time_for_ends(SystemClock.now()))).await?);
    }
    Ok(ended)
}
