//! `completions` and `man`: shell completions and manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use crate::options;
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

pub(crate) fn completions(options: &Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut options::Options::command(), "cloakroom", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

pub(crate) fn man(options: &Man) -> anyhow::Result<Outcome> {
    let command = options::Options::command();
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
