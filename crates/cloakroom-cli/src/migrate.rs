//! `migrate`: copies all sessions of a store to another one, while the application runs.
//!
//! A run copies new sessions, updates those that were used at the source since the last run, and
//! ends those that have ended there. It never touches sessions that the application has written at
//! the target. So a run may be killed and repeated, also after the application was switched over.
//!
//! | file | contents |
//! |---|---|
//! | `stores` | both stores, and the limits of the load on them |
//! | `journal` | a file that records all work done |
//! | `step` | decides the next step for a session; pure |
//! | `copy` | copies sessions page by page |
//! | `ended` | handles sessions that ended at the source after they were copied |
//! | `verify` | compares both stores |
//! | `report`, `progress` | output |

mod copy;
mod ended;
mod journal;
mod progress;
mod report;
mod step;
mod stores;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use cloakroom::AnyStore;

use crate::outcome::{Outcome, WrongUse};
use crate::output::{print, print_json};
use crate::scan;
use crate::secret::{RecordKeyOptions, TargetKeyOptions, locked};
use crate::store_url::{Open, compresses, identity, store, store_as_kept};
use journal::Journal;
use progress::Progress;
use report::Report;
use stores::Stores;

#[derive(Args, Debug)]
#[command(after_help = "\
    Sessions keep their keys, so cookies stay valid. No deadline becomes later than it is at the source. \
    Tombstones of moved sessions aren't copied: they live for ten seconds, and only matter to requests that were in \
    progress when a user signed in.\n\nWhile the application runs: migrate once or twice; switch the application over, \
    all processes at once; migrate again immediately. Between the last two steps a visitor may see the session of an \
    earlier run; to prevent that, stop the application for a run before the switch.")]
pub(crate) struct Options {
    /// The store to copy from: a URL, env:NAME or @FILE
    #[arg(value_name = "FROM-URL")]
    from: String,
    /// The store to copy into
    #[arg(value_name = "TO-URL")]
    to: String,
    /// File that records the copied sessions. Keep it between runs: it distinguishes this program's
    /// writes from the application's
    #[arg(long, value_name = "FILE", default_value = "cloakroom-migrate.journal")]
    journal: PathBuf,
    /// Number of sessions to write concurrently
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,
    /// Pause after each page of 500 sessions in milliseconds, for busy stores
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pause: u64,
    #[command(flatten)]
    records: RecordKeyOptions,
    #[command(flatten)]
    target: TargetKeyOptions,
    /// Writes records at the target without encryption
    #[arg(long, conflicts_with_all = ["to_records_key_file", "to_records_key_env"])]
    plain_records: bool,
    /// Skips the final comparison of both stores
    #[arg(long)]
    no_verify: bool,
    /// Ends sessions at the target even if more than a tenth of all have ended at the source
    #[arg(long)]
    end_many: bool,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let keyring = options.records.keyring()?;
    let target = match options.plain_records {
        true => None,
        false => options.target.keyring()?.or_else(|| keyring.clone()),
    };
    // Without keyrings an encrypted record is copied unchanged: its seal is bound to the store key,
    // which stays the same. Compression applies only to unpacked records.
    let unpacks = keyring.is_some() || target.is_some() || compresses(&options.from)? || compresses(&options.to)?;
    let (from, to) = match unpacks {
        true => (
            store(&options.from, Open::Existing, keyring.as_ref()).await?,
            store(&options.to, Open::Any, target.as_ref()).await?,
        ),
        false => (store_as_kept(&options.from, Open::Existing).await?, store_as_kept(&options.to, Open::Any).await?),
    };
    let stores =
        Stores { from, to, at_once: usize::from(options.at_once), pause: Duration::from_millis(options.pause) };
    // Identify the stores after opening them: a path can be resolved only once it exists.
    let (from, to) = (identity(&options.from)?, identity(&options.to)?);
    if from == to {
        bail!(WrongUse::new(format!("both URLs lead to the same store, {from}")));
    }
    let journal = Journal::open(&options.journal, &from, &to)?;
    let total = if Progress::is_shown() { Some(count(&stores.from).await?) } else { None };
    let mut report = Report::default();
    let pass = copy::run(&stores, &journal, &mut Progress::new("copying", total), &mut report).await?;
    ended::run(&stores, &journal, pass, options.end_many, &mut report).await?;
    if !options.no_verify {
        report.verified = Some(verify::run(&stores, &journal, &mut Progress::new("verifying", total)).await?);
    }
    if report.locked > 0 {
        eprintln!("{}", locked(report.locked, keyring.as_ref()));
    }
    if json {
        print_json(&report.document())?
    } else {
        print(&report.text())?
    }
    Ok(Outcome::no_if(report.is_to_be_looked_at()))
}

async fn count(store: &AnyStore) -> anyhow::Result<u64> {
    let mut count = 0;
    scan::all(store, |_| count += 1).await?;
    Ok(count)
}
