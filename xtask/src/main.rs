//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! Each command has a file of its name. The other files hold shared code: [`shell`] starts
//! programs, [`provision`] finds or installs programs for the tests, [`tools`] and [`toolchain`]
//! find or install programs for the checks, [`manifest`] reads manifests, [`purity`] keeps the core
//! pure, [`tally`] counts results, and [`outcome`] is the result of a command. There are no
//! dependencies, so that a clean clone can start its first test quickly.

#![forbid(unsafe_code)]

mod bench;
mod circles;
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
mod neighbours;
mod outcome;
mod package;
mod provision;
mod purity;
mod release;
mod rules;
mod shell;
mod size;
mod soak;
mod tally;
mod template;
mod test;
mod toolchain;
mod tools;
mod words;

use std::process::ExitCode;

use outcome::Outcome;

const HELP: &str = "\
cargo xtask COMMAND

  test [-p CRATE]... [--no-fuzz] [-- ARGS]   runs tests, doctests, the purity check, and each fuzz target for 6 s
  fmt [--check]                              formats every workspace, or lists unformatted files
  features                                   checks that each feature of `cloakroom` compiles alone
  lint                                       runs clippy and checks purity, licences and sources of dependencies
  doc                                        builds the documentation, with warnings as errors, and the guide
  guide                                      builds the guide as a book and checks its links
  neighbours [--compile]                     checks that the stores resolve next to other database libraries
  template                                   makes an application from `template/` and runs its tests
  rules                                      checks the ast-grep rules for the move from tower-sessions
  package                                    builds each crate from its package, as it would be published
  api                                        writes docs/api, the public API of every published crate
  release-check [PART]...                    runs the checks before a release, or only these parts:
      versions          one version for all, a heading in CHANGELOG.md, and the metadata for crates.io and docs.rs
      guide             as above
      licences          licences, bans and sources of dependencies, as in lint
      advisories        security advisories of dependencies; not checked if the database can't be reached
      sbom              writes CycloneDX files of the command line and of the crate `cloakroom`
      api               docs/api matches the sources
      semver            no breaking change since the last tag; not checked if there is no tag
      package           as above
      msrv              builds with the oldest supported Rust
      minimal-versions  builds with the oldest allowed versions of dependencies
      neighbours        as above, with --compile
      pairs             each pair of features of the crate compiles
  fuzz [--seconds N] [TARGET]...             runs all or these fuzz targets for N seconds each (60)
  foreign                                    installs the frameworks for the bridge tests and prints variables
  bench [--quick] [PART]...                  measures all or some figures of docs/guide/benchmarks*.md
  guard [--renew]                            runs `circles`, then compares the cost of requests with its budgets, or rewrites them
  circles                                    checks that files of a crate don't import each other in a circle
  soak [--minutes N] [--seed N] [STORE]...   injects random faults into all or these stores for N minutes (10)
  words [--all]                              plain English: the lines that break the rules, or all findings
  size                                       counts lines per crate, in the median and the largest file";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        // It must print its counts last, so it reports its failures itself.
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
        "circles" => circles::run(arguments),
        "fmt" => fmt::run(arguments),
        "guide" => guide_book::run(arguments),
        "features" => features::run(arguments),
        "lint" => lint::run(arguments),
        "neighbours" => neighbours::run(arguments),
        "package" => package::run(arguments),
        "doc" => doc::run(arguments),
        "fuzz" => fuzz::run(arguments),
        "foreign" => foreign::run(arguments),
        "release-check" => release::run(arguments),
        "rules" => rules::run(arguments),
        "guard" => guard::run(arguments),
        "size" => size::run(arguments),
        "soak" => soak::run(arguments),
        "template" => template::run(arguments),
        "words" => words::run(arguments),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => Err(format!("there is no command `{unknown}`\n\n{HELP}")),
    }
}
