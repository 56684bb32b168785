//! `cargo xtask rules`: applies `tools/ast-grep/tower-sessions.yml` to a sample of calls, and
//! compares the result with the expected one.

use std::fs;
use std::path::Path;

use crate::outcome::{Outcome, no_arguments};
use crate::{shell, tools};

const FOLDER: &str = "tools/ast-grep";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("rules", arguments)?;
    let program = tools::from_wheel("ast-grep")?;
    let folder = shell::root().join(FOLDER);
    let sample = std::env::temp_dir().join(format!("cloakroom-rules-{}.rs", std::process::id()));
    let outcome = rewritten(&program, &folder, &sample);
    let _ = fs::remove_file(&sample);
    let expected = read(&folder.join("sample/after.rs"))?;
    if outcome? == expected {
        println!("rules: the sample is rewritten as expected");
        return Ok(());
    }
    Err(format!("{FOLDER}/tower-sessions.yml doesn't make sample/after.rs of sample/before.rs"))
}

fn rewritten(program: &Path, folder: &Path, sample: &Path) -> Outcome<String> {
    fs::copy(folder.join("sample/before.rs"), sample).map_err(|why| format!("{}: {why}", sample.display()))?;
    let rules = folder.join("tower-sessions.yml");
    shell::succeed(shell::program(program).args(["scan", "--update-all", "--rule"]).arg(rules).arg(sample))?;
    read(sample)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}
