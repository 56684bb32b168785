//! `sessions`: lists, shows and ends sessions.

mod end;
mod list;
mod named;
mod show;

use clap::Subcommand;

use crate::outcome::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists live sessions, a page at a time
    List(list::Options),
    /// Shows one session: the names of its values, and the values on request
    Show(show::Options),
    /// Ends sessions: some, all of one owner or alias, or all created before a given time
    End(end::Options),
}

pub(crate) async fn run(command: &Command, json: bool) -> anyhow::Result<Outcome> {
    match command {
        Command::List(options) => list::run(options, json).await,
        Command::Show(options) => show::run(options, json).await,
        Command::End(options) => end::run(options, json).await,
    }
}
