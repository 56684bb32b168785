//! `cloakroom`: keys, cookies, and the sessions of any store, from the command line.
//!
//! Answers go to stdout, progress and errors to stderr. What is secret is read from a file or the
//! environment, and never written.
//!
//! | file | what it is about |
//! |---|---|
//! | `options` | the command line |
//! | `outcome` | exit codes |
//! | `place` | a store by its URL, wherever that is written |
//! | `secret` | keys, wherever they are written |
//! | `walk` | all sessions of a store, one after the other |
//! | `describe` | a session as a row, as lines and in JSON |
//! | `table`, `moment`, `output` | tables, times, and writing to a pipe that may be closed |
//! | `keygen`, `inspect`, `sessions`, `sweep`, `stats`, `migrate`, `schema`, `doctor`, `conform`, `manual` | the commands |

mod conform;
mod describe;
mod doctor;
mod inspect;
mod keygen;
mod manual;
mod migrate;
mod moment;
mod options;
mod outcome;
mod output;
mod place;
mod schema;
mod secret;
mod sessions;
mod stats;
mod sweep;
mod table;
mod walk;

use std::process::ExitCode;

use clap::Parser as _;

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
        Command::Completions(options) => manual::completions(&options),
        Command::Man(options) => manual::man(&options),
    }
}
