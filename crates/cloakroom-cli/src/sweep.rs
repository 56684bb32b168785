//! `sweep`: removes expired sessions.

use anyhow::bail;
use clap::Args;
use cloakroom::store::Store as _;
use cloakroom::{Clock as _, SystemClock};
use serde_json::json;

use crate::outcome::Outcome;
use crate::output::{print, print_json};
use crate::scan::within;
use crate::store_url::{Open, store};
use crate::time::span;

#[derive(Args, Debug)]
#[command(after_help = "\
    Works in small batches, so that requests aren't delayed. Meant for a system timer, if the application doesn't run \
    a sweeper itself.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    /// Maximum number of sessions to remove in one step
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let store = store(&options.store, Open::Existing, None).await?;
    let now = SystemClock.now();
    // A server that doesn't report its time may be swept anyway.
    if let Some(ahead) = within(store.checkup()).await.ok().and_then(|checkup| checkup.too_far_ahead(now)) {
        bail!(
            "this machine's clock is {} ahead of the server's: live sessions would be removed; set the clock",
            span(ahead)
        );
    }
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
        print(&format!("{total} expired sessions removed\n"))?
    }
    Ok(Outcome::Done)
}
