//! `sessions list`.

use std::time::Duration;

use clap::Args;
use cloakroom::store::{Cursor, ScannedSession, Store as _, Version, all_owned};
use cloakroom::{AnyStore, Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::describe::{rows, summary};
use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::scan::{has_locked, within};
use crate::secret::{RecordKeyOptions, locked};
use crate::store_url::{Open, store};
use crate::time::{before, parse_span};

#[derive(Args, Debug)]
#[command(after_help = "\
    Values are never listed; use `sessions show`. Without --owner, sessions are listed in the order of the \
    store, which isn't chronological.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// Only sessions of this owner, oldest first
    #[arg(long)]
    owner: Option<String>,
    /// Only sessions created longer ago than this: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "AGE", value_parser = parse_span)]
    older_than: Option<Duration>,
    /// Only sessions created more recently than this
    #[arg(long, value_name = "AGE", value_parser = parse_span)]
    newer_than: Option<Duration>,
    /// Only sessions that have not been used for this long
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    unused_for: Option<Duration>,
    /// Approximate number of sessions to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Continues an earlier list, from the text printed at its end
    #[arg(long, value_name = "PLACE", conflicts_with = "owner")]
    after: Option<String>,
}

impl Options {
    fn wants(&self, scanned: &ScannedSession, now: Timestamp) -> bool {
        let created = scanned.entry.created;
        self.older_than.is_none_or(|age| created < before(now, age))
            && self.newer_than.is_none_or(|age| created >= before(now, age))
            && self.unused_for.is_none_or(|age| scanned.entry.touched < before(now, age))
    }
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    let now = SystemClock.now();
    let list = match &options.owner {
        Some(owner) => owned(&store, owner, options, now).await?,
        None => page(&store, options, now).await?,
    };
    let closed = list.sessions.iter().filter(|scanned| scanned.entry.is_encrypted()).count() as u64;
    let List { sessions, damaged, next } = list;
    if json {
        let summaries: Vec<Value> = sessions.iter().map(|scanned| Value::Object(summary(scanned))).collect();
        print_json(&json!({ "sessions": summaries, "damaged": damaged, "next": next.as_ref().map(Cursor::as_str) }))?;
    } else {
        if !sessions.is_empty() {
            print(&rows(&sessions, now))?;
        }
        damaged.iter().for_each(|key| eprintln!("{key} is damaged"));
        if let Some(next) = &next {
            eprintln!("there may be more: --after {next}");
        } else if sessions.is_empty() {
            eprintln!("no sessions");
        }
    }
    if closed > 0 {
        eprintln!("{}", locked(closed, keyring.as_ref()));
    } else if options.owner.is_some() && keyring.is_none() && has_locked(&store).await? {
        eprintln!("{NO_OWNERS}");
    }
    Ok(Outcome::no_if(sessions.is_empty() && damaged.is_empty()))
}

/// The index has hashes of owners, which only the keyring can compute.
pub(super) const NO_OWNERS: &str = "there are encrypted sessions, whose owners only the keyring finds: \
    --records-key-file or --records-key-env names it";

struct List {
    sessions: Vec<ScannedSession>,
    damaged: Vec<String>,
    next: Option<Cursor>,
}

async fn owned(store: &AnyStore, owner: &str, options: &Options, now: Timestamp) -> anyhow::Result<List> {
    let owned = within(all_owned(store, owner, now)).await?;
    // The index contains no versions, and a list of an owner doesn't need them.
    let mut sessions: Vec<ScannedSession> = Vec::new();
    for owned in owned {
        let version = match within(store.load(&owned.key, now)).await? {
            cloakroom::store::Loaded::Live(version, _) => version,
            cloakroom::store::Loaded::Moved | cloakroom::store::Loaded::Absent => Version::new(1),
        };
        sessions.push(ScannedSession::new(owned.key, version, owned.entry));
    }
    sessions.retain(|scanned| options.wants(scanned, now));
    sessions.truncate(usize::try_from(options.limit)?);
    Ok(List { sessions, damaged: Vec::new(), next: None })
}

/// Reads pages until there are enough sessions.
async fn page(store: &AnyStore, options: &Options, now: Timestamp) -> anyhow::Result<List> {
    let limit = usize::try_from(options.limit)?;
    let mut list = List { sessions: Vec::new(), damaged: Vec::new(), next: options.after.as_ref().map(Cursor::new) };
    loop {
        // Request no more than still needed: the next list would skip the rest of a longer page.
        let room = limit - list.sessions.len();
        let page = within(store.scan(list.next.as_ref(), room, now)).await?;
        let sessions = page.sessions.into_iter().chain(page.locked).filter(|scanned| !scanned.entry.is_alias());
        list.sessions.extend(sessions.filter(|scanned| options.wants(scanned, now)));
        list.damaged.extend(page.damaged.iter().map(cloakroom::store::StoreKey::to_hex));
        list.next = page.next;
        if list.next.is_none() || list.sessions.len() >= limit {
            return Ok(list);
        }
    }
}
