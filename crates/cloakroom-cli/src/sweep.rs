//! `sweep`: removes what is over.

use clap::Args;
use cloakroom::{Clock as _, Store as _, SystemClock};
use serde_json::json;

use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::place::{Open, store};
use crate::walk::within;

#[derive(Args, Debug)]
#[command(after_help = "\
    In small batches, so that nobody waits for it; for a timer of the system, where the application runs no \
    sweeper of its own.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    /// How many to remove in one step at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let store = store(&options.store, Open::Existing).await?;
    let batch = usize::try_from(options.batch)?;
    let mut total = 0;
    loop {
        let swept = within(store.sweep(SystemClock.now(), batch)).await?;
        total += swept;
        if swept < batch {
            break;
        }
    }
    if json {
        print_json(&json!({ "swept": total }))?
    } else {
        print(&format!("{total} ended sessions removed\n"))?
    }
    Ok(Outcome::Done)
}
