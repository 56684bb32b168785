//! `migrate`: all sessions of a store into another one, while the application runs.
//!
//! One run copies what is new, brings up to date what was used at the source since, and ends what
//! has ended there since. It leaves alone what the application has written at the target. So it may
//! be killed and run again, and run again after the application was switched over.
//!
//! | file | what it is about |
//! |---|---|
//! | `journal` | what was done so far, in a file |
//! | `step` | what to do with a session: pure |
//! | `copy` | doing it, a page at a time |
//! | `ended` | what has ended at the source since it was copied |
//! | `verify` | a second look at both stores |
//! | `report`, `progress` | what is said |

mod copy;
mod ended;
mod journal;
mod progress;
mod report;
mod step;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use cloakroom::AnyStore;

use crate::outcome::{Outcome, WrongUse};
use crate::output::{print, print_json};
use crate::place::{Open, compresses, identity, store, store_as_kept};
use crate::secret::{RecordKeyOptions, TargetKeyOptions, locked};
use crate::walk;
use journal::Journal;
use progress::Progress;
use report::Report;

#[derive(Args, Debug)]
#[command(after_help = "\
    Keys of sessions stay as they are, so that cookies stay good. No deadline gets later than it is at the source. \
    Moved marks aren't copied: they live for ten seconds, and are of use only to requests that were under way when \
    somebody signed in.\n\nWhile the application runs: migrate once or twice; switch the application over, all \
    processes at once; migrate again at once. To rule out that somebody sees a \
    session as it was at the last run, stop the application for a run before the switch.")]
pub(crate) struct Options {
    /// The store to copy from: a URL, env:NAME or @FILE
    #[arg(value_name = "FROM-URL")]
    from: String,
    /// The store to copy into
    #[arg(value_name = "TO-URL")]
    to: String,
    /// File that says what was copied: keep it from run to run, it is what tells our writes from
    /// the application's
    #[arg(long, value_name = "FILE", default_value = "cloakroom-migrate.journal")]
    journal: PathBuf,
    /// How many sessions to write at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,
    /// Milliseconds to wait after each page of 500, for stores that are busy
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pause: u64,
    #[command(flatten)]
    records: RecordKeyOptions,
    #[command(flatten)]
    target: TargetKeyOptions,
    /// Doesn't encrypt records at the target
    #[arg(long, conflicts_with_all = ["to_records_key_file", "to_records_key_env"])]
    plain_records: bool,
    /// Leaves out the second look at both stores
    #[arg(long)]
    no_verify: bool,
    /// Ends at the target what has ended at the source even if that is more than a tenth of all
    #[arg(long)]
    end_many: bool,
}

/// Both stores, and how hard to work.
#[derive(Debug)]
struct Stores {
    from: AnyStore,
    to: AnyStore,
    at_once: usize,
    pause: Duration,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let keyring = options.records.keyring()?;
    let target = match options.plain_records {
        true => None,
        false => options.target.keyring()?.or_else(|| keyring.clone()),
    };
    // Without keyrings an encrypted record is copied as it is kept: its seal is bound to the store
    // key, which stays. But compression is only for records that were unpacked before.
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
    // Of the stores that are open now: a path leads somewhere once there is something.
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
    walk::all(store, |_| count += 1).await?;
    Ok(count)
}
