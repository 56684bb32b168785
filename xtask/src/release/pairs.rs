//! Every pair of features of the facade compiles; `cargo xtask features` tries each alone.

use super::part::Verdict;
use crate::outcome::Outcome;
use crate::{shell, tools};

pub(super) fn check() -> Outcome<Verdict> {
    let hack = tools::from_wheel("cargo-hack")?;
    let mut pairs = shell::program(hack);
    pairs.args(["hack", "check", "--quiet", "--package", "cloakroom", "--feature-powerset", "--depth", "2"]);
    shell::succeed(pairs.args(["--keep-going", "--skip", "default"]))?;
    Ok(Verdict::Passed(String::new()))
}
