//! `cargo xtask fuzz`: libFuzzer on stable Rust, without cargo-fuzz.
//!
//! `fuzz/` is a separate workspace. It is built for an explicit target, so that only the code under
//! test is instrumented, not its build scripts.

mod log;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::outcome::Outcome;
use crate::provision::{self, CXX};
use crate::shell;
use crate::tally::Tally;

use log::Log;

/// The flags that `cargo fuzz` passes to a nightly compiler, spelled so that a stable one accepts
/// them.
///
/// Debug assertions also enable overflow checks.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let asked = parse(arguments)?;
    provision::provide(&[CXX])?;
    let tally = fuzz(asked.seconds, &asked.targets)?;
    println!("{tally}");
    if tally.all_passed() { Ok(()) } else { Err("a fuzz target failed, see above".to_owned()) }
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    seconds: u64,
    /// All targets if empty.
    targets: Vec<String>,
}

fn parse(arguments: &[String]) -> Outcome<Asked> {
    let mut asked = Asked { seconds: 60, targets: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let number = arguments.next().map(String::as_str).unwrap_or_default();
                // To libFuzzer 0 means "no limit".
                let seconds = number.parse().ok().filter(|seconds| *seconds > 0);
                asked.seconds = seconds.ok_or_else(|| format!("`--seconds` needs a number above 0, not `{number}`"))?;
            }
            option if option.starts_with('-') => {
                return Err(format!("`fuzz` has no option `{option}`"));
            }
            target => asked.targets.push(target.to_owned()),
        }
    }
    Ok(asked)
}

/// Builds the targets, runs each for this many seconds, and counts each as one check.
///
/// Runs as many at a time as there are cores.
pub(crate) fn fuzz(seconds: u64, wanted: &[String]) -> Outcome<Tally> {
    let targets = chosen(all_targets()?, wanted)?;
    let built = build()?;
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tally = Tally::default();
    for batch in targets.chunks(at_a_time) {
        let outcomes: Vec<Outcome<Log>> = std::thread::scope(|scope| {
            let built = &built;
            let start = |target| scope.spawn(move || run_one(built, target, seconds));
            let running: Vec<_> = batch.iter().map(String::as_str).map(start).collect();
            let ended = running.into_iter().map(|run| run.join());
            ended.map(|run| run.unwrap_or_else(|_| Err("xtask panicked\n".to_owned()))).collect()
        });
        for (target, outcome) in batch.iter().zip(outcomes) {
            let verdict = outcome.and_then(|log| log.verdict());
            tally.count(&verdict);
            match verdict {
                Ok(executions) => {
                    println!("fuzz: {target} ... ok, {executions} executions in {seconds} s")
                }
                Err(why) => println!("fuzz: {target} ... FAILED\n{why}"),
            }
        }
    }
    Ok(tally)
}

/// Lists every target that has a source file, sorted by name.
fn all_targets() -> Outcome<Vec<String>> {
    let mut sources = Vec::new();
    crate::purity::rust_files(&shell::root().join("fuzz/fuzz_targets"), &mut sources)?;
    let stems = sources.iter().filter_map(|source| source.file_stem());
    Ok(stems.map(|stem| stem.to_string_lossy().into_owned()).collect())
}

fn chosen(all: Vec<String>, wanted: &[String]) -> Outcome<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|target| !all.contains(target)) {
        return Err(format!("there is no fuzz target `{unknown}`; there are: {}", all.join(", ")));
    }
    match (all.is_empty(), wanted.is_empty()) {
        (true, _) => Err("fuzz/fuzz_targets has no targets".to_owned()),
        (false, true) => Ok(all),
        (false, false) => Ok(wanted.to_vec()),
    }
}

/// Builds every target and returns the folder of the programs.
fn build() -> Outcome<PathBuf> {
    let version = shell::read(shell::program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("`rustc -vV` names no host")?;
    let folder = shell::target().join("fuzz");
    shell::succeed(
        shell::cargo()
            .args(["build", "--release", "--bins", "--manifest-path=fuzz/Cargo.toml", "--target", host])
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", RUSTFLAGS)
            // This variable would override ours.
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    Ok(folder.join(host).join("release"))
}

fn run_one(built: &Path, target: &str, seconds: u64) -> Outcome<Log> {
    let corpus = folder("fuzz-corpus", target)?;
    let artifacts = folder("fuzz-artifacts", target)?;
    let mut command = shell::program(built.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .args(["-rss_limit_mb=1024", "-timeout=20", "-print_final_stats=1"])
        // libFuzzer uses this as a prefix of the file name: the slash makes it a folder.
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // libFuzzer adds inputs to the first folder and only reads the second.
        .arg(corpus);
    let seeds = shell::root().join("fuzz/seeds").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let output = command.stdout(Stdio::null()).output().map_err(|why| shell::not_started(&command, &why))?;
    Ok(Log { text: String::from_utf8_lossy(&output.stderr).into_owned(), success: output.status.success() })
}

fn folder(kind: &str, target: &str) -> Outcome<PathBuf> {
    let folder = shell::target().join(kind).join(target);
    fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::{chosen, parse};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments() {
        let table = [
            ("nothing", "", Ok((60, ""))),
            ("seconds", "--seconds 5", Ok((5, ""))),
            ("seconds and targets", "unseal --seconds 5 record", Ok((5, "unseal record"))),
            ("for ever", "--seconds 0", Err("`--seconds` needs a number above 0, not `0`")),
            ("no number", "--seconds", Err("`--seconds` needs a number above 0, not ``")),
            ("unknown option", "--jobs", Err("`fuzz` has no option `--jobs`")),
        ];
        for (row, arguments, expected) in table {
            let asked = parse(&words(arguments)).map(|asked| (asked.seconds, asked.targets));
            let expected = expected.map(|(seconds, targets)| (seconds, words(targets))).map_err(str::to_owned);
            assert_eq!(asked, expected, "{row}");
        }
    }

    #[test]
    fn targets() {
        let table = [
            ("all", "a b", "", Ok("a b")),
            ("one", "a b", "b", Ok("b")),
            ("unknown", "a b", "c", Err("there is no fuzz target `c`; there are: a, b")),
            ("none at all", "", "", Err("fuzz/fuzz_targets has no targets")),
        ];
        for (row, all, wanted, expected) in table {
            assert_eq!(chosen(words(all), &words(wanted)), expected.map(words).map_err(str::to_owned), "{row}");
        }
    }
}
