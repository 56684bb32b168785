//! `completions` and `man`: shell completions and manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};

use crate::outcome::Outcome;
use crate::output::print;

#[derive(Args, Debug)]
#[command(after_help = "\
    For bash: `cloakroom completions bash > /etc/bash_completion.d/cloakroom`.")]
pub(crate) struct Shell {
    shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Folder for the pages of all commands; created if it doesn't exist
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints the completion script for a command line.
pub(crate) fn completions(options: &Shell, mut command: Command) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "cloakroom", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

/// Prints or writes the manual pages of a command line.
pub(crate) fn man(options: &Man, command: Command) -> anyhow::Result<Outcome> {
    if let Some(folder) = &options.folder {
        let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
        written.with_context(|| format!("writing into {}", folder.display()))?;
        return Ok(Outcome::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(Outcome::Done)
}
