//! Installs the web frameworks of other languages that the bridge tests use, and builds the
//! applications on session libraries of Rust, in the versions listed in `testing/e2e/foreign/`.
//!
//! They are installed below the target folder, and again only if the list of versions or the
//! interpreter changes. Rails is the distribution's package; see [`crate::provision`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::{Outcome, no_arguments};
use crate::provision::{self, NODE, NPM, PYTHON, RUBY, Variables};
use crate::shell;

/// Tells the tests where the frameworks are: a folder with `python/`, `node/` and `rust/`.
/// The unpacked source packages are in `python/sources/`.
const VARIABLE: &str = "CLOAKROOM_FOREIGN";

/// The file that records the installed versions. Written last, so that an interrupted installation
/// is repeated.
const STAMP: &str = "installed.txt";

/// `cargo xtask foreign`: installs the frameworks and prints the variables that a plain `cargo
/// test` needs.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("foreign", arguments)?;
    let mut variables = provision::provide(&[PYTHON, NODE, NPM, RUBY])?;
    variables.push(provide(&variables)?);
    for (name, path) in variables {
        println!("export {name}='{}'", path.display());
    }
    Ok(())
}

/// Installs missing frameworks. `variables` gives the paths of Python and Node.
pub(crate) fn provide(variables: &Variables) -> Outcome<(&'static str, PathBuf)> {
    let program = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name).map(|(_, program)| program.clone());
        found.ok_or_else(|| format!("{name} is not among the programs that the tests need"))
    };
    let folder = shell::target().join("foreign");
    install(&folder.join("python"), &program("PYTHON")?, &["requirements.txt", "sources.txt"], in_python)?;
    install(&folder.join("node"), &program("NODE")?, &["package.json", "package-lock.json"], in_node)?;
    in_rust(&folder.join("rust"))?;
    Ok((VARIABLE, folder))
}

/// Installs the versions in `lists` into `folder`, unless they are there already.
fn install(folder: &Path, program: &Path, lists: &[&str], how: fn(&Path, &Path) -> Outcome) -> Outcome {
    let failed = |why| format!("{}: {why}", folder.display());
    let mut wanted = format!("{}\n{}", program.display(), shell::read(shell::program(program).arg("--version"))?);
    for list in lists {
        wanted.push_str(&fs::read_to_string(source(list)).map_err(|why| format!("{list}: {why}"))?);
    }
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)?;
    for list in lists {
        fs::copy(source(list), folder.join(list)).map_err(failed)?;
    }
    how(folder, program).map_err(|why| format!("the frameworks to test against can't be installed: {why}"))?;
    fs::write(stamp, wanted).map_err(failed)
}

fn source(list: &str) -> PathBuf {
    shell::root().join("testing/e2e/foreign").join(list)
}

fn in_python(folder: &Path, python: &Path) -> Outcome {
    shell::succeed(quiet(python).args(["-m", "venv"]).arg(folder))?;
    let python = folder.join("bin/python3");
    let pip = |command: &str| {
        let mut pip = quiet(&python);
        pip.args(["-m", "pip", command, "--quiet", "--disable-pip-version-check"]);
        pip
    };
    shell::succeed(pip("install").arg("--requirement").arg(folder.join("requirements.txt")))?;
    // pip asks a source package for its metadata. Without isolation it uses the pinned setuptools.
    let sources = folder.join("sources");
    let download = ["--no-deps", "--no-build-isolation", "--require-hashes", "--requirement"];
    shell::succeed(pip("download").arg("--dest").arg(&sources).args(download).arg(folder.join("sources.txt")))?;
    // The list is complete before the folder gets more entries.
    let packages = fs::read_dir(&sources).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for package in packages.map_err(|why| format!("{}: {why}", sources.display()))? {
        let unpack = ["-m", "tarfile", "--extract"];
        shell::succeed(quiet(&python).args(unpack).arg(package.path()).arg(&sources))?;
    }
    Ok(())
}

fn in_node(folder: &Path, _: &Path) -> Outcome {
    let npm = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    shell::succeed(quiet(Path::new("npm")).args(npm).arg(folder))
}

/// Builds the applications in Rust, with a separate lock file and target folder. Cargo decides
/// whether anything has changed.
fn in_rust(folder: &Path) -> Outcome {
    let mut cargo = shell::cargo();
    cargo
        .args(["build", "--locked", "--quiet", "--manifest-path"])
        .arg(source("rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .stdout(std::io::stderr());
    shell::succeed(&mut cargo).map_err(|why| format!("the applications in Rust can't be built: {why}"))
}

/// Sends progress output to stderr: stdout is for results.
fn quiet(program: &Path) -> Command {
    let mut command = shell::program(program);
    command.stdout(std::io::stderr());
    command
}
