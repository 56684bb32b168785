//! `cargo xtask test`: all tests and checks, with a summary in the last line.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::outcome::Outcome;
use crate::provision::{
    self, CHROMEDRIVER, CHROMIUM, CXX, MARIADB, NODE, NPM, Need, PGBOUNCER, POSTGRES, PYTHON, REDIS, RUBY, Variables,
};
use crate::tally::Tally;
use crate::{foreign, fuzz, purity, shell};

/// The programs that the tests need. A new kind of test adds its program here.
const NEEDS: &[Need] = &[CHROMIUM, CHROMEDRIVER, CXX, POSTGRES, PGBOUNCER, MARIADB, REDIS, PYTHON, NODE, NPM, RUBY];

/// Enough to notice a broken parser; use `cargo xtask fuzz` to search for bugs.
const FUZZ_SECONDS: u64 = 6;

/// Runs the tests. An `Err` means invalid arguments; everything else is counted.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let asked = parse(arguments)?;
    let mut tally = Tally::default();
    if let Err(why) = steps(&asked, &mut tally) {
        eprintln!("xtask: {why}");
        tally.failed += 1;
    }
    println!("{tally}");
    Ok(if tally.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// The whole workspace if empty.
    packages: Vec<String>,
    no_fuzz: bool,
    /// Passed to the test binaries: mostly filters.
    rest: Vec<String>,
}

fn parse(arguments: &[String]) -> Outcome<Asked> {
    let mut asked = Asked::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-p" | "--package" => {
                let package = arguments.next().ok_or_else(|| format!("`{argument}` needs the name of a crate"))?;
                asked.packages.push(package.clone());
            }
            "--no-fuzz" => asked.no_fuzz = true,
            "--" => asked.rest = arguments.by_ref().cloned().collect(),
            unknown => {
                return Err(format!("`test` has no option `{unknown}`; filters go after `--`"));
            }
        }
    }
    Ok(asked)
}

/// An `Err` means that the following steps can't run.
fn steps(asked: &Asked, tally: &mut Tally) -> Outcome {
    let mut variables = provision::provide(NEEDS)?;
    variables.extend(provision::newer::provide()?);
    variables.extend(provision::emulator::provide()?);
    variables.push(foreign::provide(&variables)?);
    // Tests start programs of other crates, such as the demo, which cargo builds only if told to.
    shell::succeed(shell::cargo().args(["build", "--workspace", "--all-features", "--bins"]))?;
    shell::succeed(cargo_test(&asked.packages).arg("--no-run"))?;
    *tally += rust_tests(asked, &variables)?;
    *tally += without_rs256(asked)?;
    *tally += purity::check_all();
    if asked.no_fuzz {
        println!("fuzz: skipped because of --no-fuzz");
        return Ok(());
    }
    *tally += fuzz::fuzz(FUZZ_SECONDS, &[])?;
    Ok(())
}

fn cargo_test(packages: &[String]) -> Command {
    let mut command = shell::cargo();
    command.args(["test", "--all-features", "--no-fail-fast"]);
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command
}

/// Runs the tests and doctests and forwards their output.
fn rust_tests(asked: &Asked, variables: &Variables) -> Outcome<Tally> {
    let temporary = temporary_folder()?;
    let mut command = cargo_test(&asked.packages);
    command.arg("--").args(&asked.rest).stdout(Stdio::piped());
    command.env("TMPDIR", &temporary).envs(variables.iter().map(|(name, path)| (name, path)));
    let tally = counted(&mut command)?;
    if tally.all_passed() {
        fs::remove_dir_all(&temporary).map_err(|why| format!("{}: {why}", temporary.display()))?;
    } else {
        println!("the tests' temporary files are in {}", temporary.display());
    }
    Ok(tally)
}

/// Tests how a build without `dbsc-rs256` treats keys of RS256. The other tests have all features.
fn without_rs256(asked: &Asked) -> Outcome<Tally> {
    const CORE: &str = "cloakroom-core";
    if !asked.packages.is_empty() && !asked.packages.iter().any(|package| package == CORE) {
        return Ok(Tally::default());
    }
    let mut command = shell::cargo();
    command.args(["test", "--package", CORE, "--features", "dbsc", "--test", "dbsc", "--"]).args(&asked.rest);
    counted(command.stdout(Stdio::piped()))
}

fn counted(command: &mut Command) -> Outcome<Tally> {
    let mut child = command.spawn().map_err(|why| shell::not_started(command, &why))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|why| format!("the tests' output could not be read: {why}"))?;
            let mut ours = std::io::stdout().lock();
            // The reader may be gone; the counts still decide.
            let _ = ours.write_all(&line).and_then(|()| ours.write_all(b"\n"));
            tally += Tally::of_line(&String::from_utf8_lossy(&line)).unwrap_or_default();
        }
    }
    let status = child.wait().map_err(|why| format!("cargo test: {why}"))?;
    Ok(tally.settled(status.success()))
}

/// Creates a folder for all temporary files of the tests.
///
/// Its path is short: a browser puts sockets there, whose paths are limited in length.
fn temporary_folder() -> Outcome<PathBuf> {
    let folder = std::env::temp_dir().join(format!("cloakroom-test-{}", std::process::id()));
    fs::create_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn arguments() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let asked = |packages, no_fuzz, rest| Ok(Asked { packages: words(packages), no_fuzz, rest: words(rest) });
        let refused = |why: &str| Err(why.to_owned());
        let table = [
            ("nothing", "", asked("", false, "")),
            ("a crate", "-p cloakroom-core", asked("cloakroom-core", false, "")),
            ("two crates", "-p a --package b", asked("a b", false, "")),
            ("no fuzzing", "--no-fuzz", asked("", true, "")),
            ("a filter", "--no-fuzz -- plan --exact", asked("", true, "plan --exact")),
            ("options after the dashes are not ours", "-- -p", asked("", false, "-p")),
            ("no crate named", "-p", refused("`-p` needs the name of a crate")),
            ("a bare filter", "plan", refused("`test` has no option `plan`; filters go after `--`")),
        ];
        for (row, arguments, expected) in table {
            assert_eq!(parse(&words(arguments)), expected, "{row}");
        }
    }
}
