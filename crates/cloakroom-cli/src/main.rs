//! `cloakroom`: keys, cookies, and the sessions of any store, from the command line.
//!
//! Results go to stdout, progress and errors to stderr. Secrets are read from a file or the
//! environment and never printed.
//!
//! | file | contents |
//! |---|---|
//! | `options` | the command line |
//! | `outcome` | exit codes |
//! | `store_url` | finding a store's URL and opening the store |
//! | `secret` | reading keys |
//! | `scan` | iteration over all sessions of a store |
//! | `describe` | a session as a table row, as text and as JSON |
//! | `device` | the same for its binding to a device |
//! | `table`, `time`, `output` | tables, times, and writing to a pipe that may be closed |
//! | `keygen`, `inspect`, `sessions`, `sweep`, `stats`, `migrate`, `schema`, `doctor`, `conform`, `manual` | the commands |

mod conform;
mod describe;
mod device;
mod doctor;
mod inspect;
mod keygen;
mod manual;
mod migrate;
mod options;
mod outcome;
mod output;
mod scan;
mod schema;
mod secret;
mod sessions;
mod stats;
mod store_url;
mod sweep;
mod table;
mod time;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use options::{Command, Options};
use outcome::{Outcome, exit_code};

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Runtime::new();
    let answer = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(options)));
    if let Err(error) = &answer {
        eprintln!("cloakroom: {error:#}");
    }
    exit_code(&answer)
}

async fn run(options: Options) -> anyhow::Result<Outcome> {
    let json = options.json;
    match options.command {
        Command::Keygen(options) => keygen::run(&options, json),
        Command::Inspect(options) => inspect::run(&options, json).await,
        Command::Sessions(command) => sessions::run(&command, json).await,
        Command::Sweep(options) => sweep::run(&options, json).await,
        Command::Stats(options) => stats::run(&options, json).await,
        Command::Migrate(options) => migrate::run(&options, json).await,
        Command::Schema(options) => schema::run(&options, json),
        Command::Doctor(options) => doctor::run(&options, json).await,
        Command::Conform(options) => conform::run(&options, json).await,
        Command::Completions(options) => manual::completions(&options, Options::command()),
        Command::Man(options) => manual::man(&options, Options::command()),
    }
}
