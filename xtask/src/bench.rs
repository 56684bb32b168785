//! `cargo xtask bench`: measures the cost of a request in this and other libraries, in one run.

use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::provision::{self, POSTGRES, REDIS, VALGRIND};
use crate::shell;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unknown) = arguments.iter().find(|argument| argument.starts_with('-') && *argument != "--quick") {
        return Err(format!("`bench` has no option `{unknown}`"));
    }
    let mut variables = provision::provide(&[POSTGRES, REDIS, VALGRIND])?;
    variables.extend(provision::newer::provide()?);
    let target = shell::target().join("bench");
    for package in packages()? {
        let mut build = shell::cargo();
        build.args(["build", "--release", "--manifest-path"]).arg(package.join("Cargo.toml"));
        shell::succeed(build.arg("--target-dir").arg(&target))?;
    }
    let runner = target.join(Path::new("release/bench-runner"));
    shell::succeed(shell::program(runner).args(arguments).envs(variables))
}

/// Lists the packages to build. Each is built in a separate run, because cargo would otherwise
/// unify the features of their dependencies.
fn packages() -> Outcome<Vec<PathBuf>> {
    let contenders = shell::root().join("bench/contenders");
    let folders = std::fs::read_dir(&contenders).map_err(|why| format!("{}: {why}", contenders.display()))?;
    let folders = folders.filter_map(|folder| folder.ok().map(|it| it.path()));
    let mut packages: Vec<PathBuf> = folders.filter(|folder| folder.join("Cargo.toml").is_file()).collect();
    packages.sort();
    packages.extend(["raw-store", "runner"].map(|name| shell::root().join("bench").join(name)));
    Ok(packages)
}
