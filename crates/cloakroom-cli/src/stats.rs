//! `stats`: sessions by age and size, and the rate of changes.

mod tally;
mod watch;

use clap::Args;
use cloakroom::{Clock as _, SystemClock};

use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::scan;
use crate::secret::{RecordKeyOptions, locked};
use crate::store_url::{Open, store};
use tally::Tally;

#[derive(Args, Debug)]
#[command(after_help = "\
    Reads every session once, in small pages.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
    /// Repeats every N seconds, and prints the changes in between; with --json as one document each
    /// time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,
    /// Ends after this many repetitions
    #[arg(long, value_name = "N", requires = "watch")]
    times: Option<u64>,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    if let Some(seconds) = options.watch {
        return watch::run(&store, seconds, options.times, json).await;
    }
    let mut tally = Tally::at(SystemClock.now());
    let unread = scan::all(&store, |scanned| tally.add(&scanned.entry)).await?;
    (tally.damaged, tally.locked) = (unread.damaged.len() as u64, unread.locked);
    if unread.locked > 0 {
        eprintln!("{}", locked(unread.locked, keyring.as_ref()));
    }
    if json {
        print_json(&tally.document())?
    } else {
        print(&tally.text())?
    }
    Ok(Outcome::Done)
}
