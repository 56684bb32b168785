//! What is in a program: a CycloneDX file for the command line, and one for the crate that users
//! depend on, with every feature.

use std::fs;

use super::{Verdict, copy, folder};
use crate::tools::Built;
use crate::{Outcome, shell, tools};

const CYCLONEDX: Built = Built { name: "cargo-cyclonedx", version: "0.5.9" };

const OF: &[&str] = &["cloakroom", "cloakroom-cli"];

pub(super) fn check() -> Outcome<Verdict> {
    let program = tools::from_crates_io(CYCLONEDX)?;
    // It writes beside each manifest, and would do so in the project.
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
