//! `conform`: the conformance suite for stores, run against a store of the user's choice.
//!
//! | file | contents |
//! |---|---|
//! | `room` | a dedicated table, prefix or file, and its removal |

mod room;

use std::sync::Arc;

use clap::Args;
use cloakroom::factory::fresh_id;
use cloakroom::store::{
    Store, StoreError,
    conformance::{Capabilities, Failure, check_each},
};
use cloakroom::{AnyStore, Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::output::{plain, print, print_json};
use crate::scan::within;
use crate::secret::RecordKeyOptions;
use crate::store_url::{Open, open, url};
use room::Room;

#[derive(Args, Debug)]
#[command(after_help = "\
    The suite runs in a separate room: a table named cloakroom_conform_…, a prefix of keys, a file or a folder next to the one that \
    the URL names. No session of an application is touched, and the room is removed at the end. The user needs the right to create \
    and drop a table.\n\nExit codes: 0 all checks passed; 1 a check failed, or the store can't be reached.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// Number of runs of each race: more runs find more errors
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// Makes the same random choices as a failed run with this seed
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let url = url(&options.store)?;
    let name = fresh_id()?.store_key().to_hex();
    let room = Room::of(&url, name.get(..12).unwrap_or(&name))?;
    let keyring = options.records.keyring()?;
    let store = open(room.url(), Open::Any, keyring.as_ref()).await?;
    if !json {
        print(&format!("in {}\n", plain(&room.to_string())))?;
    }
    let checks = checked(&store, &room, options, json).await;
    drop(store);
    let removed = room.remove().await;
    let (checks, failures) = checks?;
    let text = summary(checks.len(), &failures);
    if json {
        print_json(&json!({ "room": room.to_string(), "checks": checks, "failed": failures.len() }))?;
    } else {
        print(&text)?;
    }
    removed?;
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// Returns each check as a JSON document, and the failures.
async fn checked(
    store: &AnyStore,
    room: &Room,
    options: &Options,
    json: bool,
) -> anyhow::Result<(Vec<Value>, Vec<Failure>)> {
    let mut can = capabilities(store, room.expires_by_itself()).await?.rounds(options.rounds as usize);
    if let Some(bytes) = room.largest_text() {
        can = can.texts_up_to(bytes);
    }
    if let Some(seed) = options.seed {
        can = can.seed(seed);
    }
    let mut checks = Vec::new();
    let mut closed = false;
    let failures = check_each(Arc::new(store.clone()), can, |check, failure| {
        if !json && !closed {
            // A closed stdout must not prevent the removal of the room.
            closed = print(&line(check, failure)).is_err();
        }
        checks.push(json!({ "check": check, "ok": failure.is_none(), "why": failure.map(|it| &it.why) }));
    })
    .await;
    Ok((checks, failures))
}

/// Determines the store's capabilities. An operation that the store doesn't refuse must be correct.
async fn capabilities(store: &impl Store, expires_by_itself: bool) -> anyhow::Result<Capabilities> {
    let now = SystemClock.now();
    let mut can = Capabilities::all();
    if is_unsupported(within(store.owned("cloakroom-conform", None, 1, now)).await)? {
        can = can.without_owners();
    }
    // At that time no session existed.
    if is_unsupported(within(store.end_before(Timestamp::from_unix_secs(0), None, now)).await)? {
        can = can.without_end_before();
    }
    if is_unsupported(within(store.scan(None, 1, now)).await)? {
        can = can.without_scan();
    }
    Ok(if expires_by_itself { can.expires_by_itself() } else { can })
}

/// Leaves other errors to the checks, except for a timeout, which ends the run.
fn is_unsupported<T>(answer: Result<T, StoreError>) -> Result<bool, StoreError> {
    match answer {
        Err(why) if why.is_timed_out() => Err(why),
        Err(why) => Ok(why.is_unsupported()),
        Ok(_) => Ok(false),
    }
}

fn line(check: &str, failure: Option<&Failure>) -> String {
    match failure {
        None => format!("ok      {check}\n"),
        Some(failure) => format!("failed  {check}: {} (seed {})\n", plain(&failure.why), failure.seed),
    }
}

fn summary(checks: usize, failures: &[Failure]) -> String {
    match failures.len() {
        0 => format!("{checks} checks passed\n"),
        failed => format!("{failed} of {checks} checks failed\n"),
    }
}

#[cfg(test)]
mod tests {
    use cloakroom::MemoryStore;
    use cloakroom::store::conformance::Capabilities;

    use super::capabilities;

    #[tokio::test]
    async fn capabilities_of_a_store_are_detected() {
        let folder = tempfile::tempdir().unwrap();
        let files = cloakroom::FileStore::open(folder.path()).unwrap();
        let files_can = Capabilities::all().without_owners().without_end_before();
        assert_eq!(capabilities(&files, false).await.unwrap(), files_can);
        assert_eq!(capabilities(&MemoryStore::new(), false).await.unwrap(), Capabilities::all());
        let expires = Capabilities::all().expires_by_itself();
        assert_eq!(capabilities(&MemoryStore::new(), true).await.unwrap(), expires);
    }
}
