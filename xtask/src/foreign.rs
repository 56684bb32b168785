//! Installs the web frameworks of other languages that the bridge tests use, and builds the
//! applications on session libraries of Rust, in the versions listed in `testing/e2e/foreign/`.
//!
//! They are installed below the target folder, and again only if the list of versions or the
//! interpreter changes. `versions/` lists old versions of the frameworks in Python, one file for
//! each, which is installed into a separate environment. Rails is the distribution's package; see
//! [`crate::provision`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::{Outcome, no_arguments};
use crate::provision::{self, NODE, NPM, PYTHON, RUBY, Variables, newer};
use crate::shell;

/// Tells the tests where the frameworks are: a folder with `python/`, `node/`, `versions/` and
/// `rust/`. The unpacked source packages are in `python/sources/`.
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
    for list in versions()? {
        let name = list.trim_end_matches(".txt");
        let list = format!("versions/{list}");
        install(&folder.join("versions").join(name), &program("PYTHON")?, &[&list], |folder, python| {
            in_python_without_sources(folder, python, name)
        })?;
    }
    newer::ruby(&folder.join("versions/rails-7.2"))?;
    in_rust(&folder.join("rust"))?;
    Ok((VARIABLE, folder))
}

/// Returns the names of the lists in `versions/`.
fn versions() -> Outcome<Vec<String>> {
    let failed = |why| format!("versions: {why}");
    let entries = fs::read_dir(source("versions")).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Installs the versions in `lists` into `folder`, unless they are there already.
fn install(folder: &Path, program: &Path, lists: &[&str], how: impl Fn(&Path, &Path) -> Outcome) -> Outcome {
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
        let name = Path::new(list).file_name().unwrap_or_default();
        fs::copy(source(list), folder.join(name)).map_err(failed)?;
    }
    let what = lists.join(" and ");
    how(folder, program).map_err(|why| format!("the frameworks in {what} can't be installed: {why}"))?;
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

/// Uses the pip of the first environment: a separate one would take several seconds.
fn in_python_without_sources(folder: &Path, python: &Path, name: &str) -> Outcome {
    shell::succeed(quiet(python).args(["-m", "venv", "--without-pip"]).arg(folder))?;
    let mut pip = quiet(&shell::target().join("foreign/python/bin/python3"));
    pip.args(["-m", "pip", "--python"]).arg(folder.join("bin/python3"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    shell::succeed(pip.arg(folder.join(format!("{name}.txt"))))
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
