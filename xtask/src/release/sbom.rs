//! CycloneDX files for the command line and for the facade with every feature.

use std::fs;

use super::copy;
use super::part::{Verdict, folder};
use crate::outcome::Outcome;
use crate::tools::Built;
use crate::{shell, tools};

const CYCLONEDX: Built = Built { name: "cargo-cyclonedx", version: "0.5.9" };

const OF: &[&str] = &["cloakroom", "cloakroom-cli"];

pub(super) fn check() -> Outcome<Verdict> {
    let program = tools::from_crates_io(CYCLONEDX)?;
    // The tool writes next to each manifest, so run it on a copy of the project.
    let copy = copy::make("sbom")?;
    let mut cyclonedx = shell::program(program);
    cyclonedx.current_dir(&copy).args(["cyclonedx", "--all-features", "--format", "json", "--spec-version", "1.5"]);
    shell::succeed(&mut cyclonedx)?;
    for name in OF {
        let from = copy.join("crates").join(name).join(format!("{name}.cdx.json"));
        let to = folder(&format!("{name}.cdx.json"));
        fs::rename(&from, &to).map_err(|why| format!("{}: {why}", from.display()))?;
    }
    Ok(Verdict::Passed(folder("*.cdx.json").display().to_string()))
}
