//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! `main.rs` is the map. Each command has a file of its name. Beside them stands what several of
//! them need: [`shell`] starts programs, [`provision`] finds or installs what the tests use,
//! [`tools`] and [`toolchain`] what checks the project, [`manifest`] reads manifests, [`purity`]
//! keeps the core pure, and [`tally`] counts. There are no dependencies, so that a clean clone has
//! nothing to wait for before its first test.

#![forbid(unsafe_code)]

mod bench;
mod deny;
mod doc;
mod features;
mod fmt;
mod foreign;
mod fuzz;
mod guard;
#[cfg(test)]
mod guide;
mod guide_book;
mod lint;
mod manifest;
mod package;
mod provision;
mod purity;
mod release;
mod shell;
mod size;
mod soak;
mod tally;
mod test;
mod toolchain;
mod tools;

use std::process::ExitCode;

/// What a command comes to: an `Err` is said to the person at the terminal as it is.
type Outcome<T = ()> = Result<T, String>;

const HELP: &str = "\
cargo xtask COMMAND

  test [-p CRATE]... [--no-fuzz] [-- ARGS]   tests, doctests, purity, 10 s of each fuzz target
  fmt [--check]                              every workspace; or say what is not formatted
  features                                   each feature of the crate compiles alone
  lint                                       clippy, purity, licences and sources of dependencies
  doc                                        the documentation, where a warning is an error; and the guide
  guide                                      the guide as a book, in which every link leads somewhere
  package                                    each crate as it would be published, built from its package
  api                                        writes docs/api, the public API of every published crate
  release-check [PART]...                    what must hold before a release, with a table; or some parts of it:
      versions          one version for all, a heading in CHANGELOG.md, and what crates.io and docs.rs show
      guide             as above
      licences          licences, bans and sources of dependencies, as in lint
      advisories        what is known against them; not checked where the list can't be reached
      sbom              writes CycloneDX files of the command line and of the crate `cloakroom`
      api               docs/api is what the sources say
      semver            nothing that the last tag had is broken; not checked where there is no tag
      package           as above
      msrv              the oldest Rust that is promised
      minimal-versions  the oldest versions of dependencies that are allowed
      pairs             each pair of features of the crate compiles
  fuzz [--seconds N] [TARGET]...             each target, or those named, for N seconds (60)
  foreign                                    the frameworks that tests share sessions with; prints variables
  bench [--quick] [PART]...                  the figures of docs/guide/benchmarks.md, all or those of some parts
  guard [--renew]                            what requests may cost: allocations, bytes, instructions, growth
  soak [--minutes N] [--seed N] [STORE]...   random faults on every store, or those named, for N minutes (10)
  size                                       lines per crate, the median and the largest file";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        // Its counts are the last thing said, so it settles its own failures.
        "test" => test::run(&rest),
        other => run(other, &rest).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|why| {
        eprintln!("xtask: {why}");
        ExitCode::FAILURE
    })
}

fn run(command: &str, arguments: &[String]) -> Outcome {
    match command {
        "api" => release::api::run(arguments),
        "bench" => bench::run(arguments),
        "fmt" => fmt::run(arguments),
        "guide" => guide_book::run(arguments),
        "features" => features::run(arguments),
        "lint" => lint::run(arguments),
        "package" => package::run(arguments),
        "doc" => doc::run(arguments),
        "fuzz" => fuzz::run(arguments),
        "foreign" => foreign::run(arguments),
        "release-check" => release::run(arguments),
        "guard" => guard::run(arguments),
        "size" => size::run(arguments),
        "soak" => soak::run(arguments),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => Err(format!("there is no command `{unknown}`\n\n{HELP}")),
    }
}

/// Refuses arguments where a command takes none.
fn no_arguments(command: &str, arguments: &[String]) -> Outcome {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("`{command}` takes no `{argument}`")),
    }
}
