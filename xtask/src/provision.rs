//! Finds or installs the programs that the tests need in addition to Rust.
//!
//! To add a program, add a constant here and name it in the list of the command that uses it. A
//! missing program is an error that explains how to install it: no test is skipped silently.

pub(crate) mod emulator;
pub(crate) mod newer;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::outcome::Outcome;
use crate::shell;

/// A program for the tests that cargo can't install.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Its name and purpose, for messages.
    what: &'static str,
    /// The programs that satisfy the need, the preferred one first. An absolute path need not be on
    /// `PATH`.
    programs: &'static [&'static str],
    /// Arguments with which a suitable program succeeds. If empty, its existence is enough.
    proof: &'static [&'static str],
    /// The oldest major version, as `--version` tells it.
    oldest: Option<u32>,
    /// The Debian package of the first program.
    debian: &'static str,
    /// The variable that tells the tests where it is. A value set by the caller is used unchecked.
    variable: Option<&'static str>,
}

pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium 156 or newer, for the tests in a browser",
    programs: &["chromium", "chromium-browser", "google-chrome"],
    proof: &[],
    oldest: Some(156),
    debian: "chromium",
    variable: Some("CHROMIUM"),
};

pub(crate) const CHROMEDRIVER: Need = Need {
    what: "ChromeDriver 156 or newer, which controls Chromium",
    programs: &["chromedriver"],
    proof: &[],
    oldest: Some(156),
    debian: "chromium-driver",
    variable: Some("CHROMEDRIVER"),
};

pub(crate) const CXX: Need = Need {
    what: "a C++ compiler, for libFuzzer",
    programs: &["c++"],
    proof: &[],
    oldest: None,
    debian: "g++",
    variable: None,
};

pub(crate) const POSTGRES: Need = Need {
    what: "PostgreSQL, for the tests of stores",
    // Debian keeps the server itself off `PATH`, but not this program.
    programs: &["postgres", "pg_ctlcluster"],
    proof: &[],
    oldest: None,
    debian: "postgresql",
    variable: None,
};

pub(crate) const PGBOUNCER: Need = Need {
    what: "PgBouncer, for the tests of stores behind a pooler",
    // On Debian its folder is not on every user's `PATH`.
    programs: &["pgbouncer", "/usr/sbin/pgbouncer"],
    proof: &[],
    oldest: None,
    debian: "pgbouncer",
    variable: None,
};

pub(crate) const MARIADB: Need = Need {
    what: "MariaDB, for the tests of stores",
    programs: &["mariadbd", "mariadb-install-db"],
    proof: &[],
    oldest: None,
    debian: "mariadb-server",
    variable: None,
};

pub(crate) const REDIS: Need = Need {
    what: "Redis, for the tests of stores",
    // Redis is also its own sentinel; its command line is in `redis-tools`.
    programs: &["redis-server"],
    proof: &[],
    oldest: None,
    debian: "redis-server",
    variable: None,
};

pub(crate) const PYTHON: Need = Need {
    what: "Python with its venv module, for the tests against Pyramid, Flask, Starlette and Django",
    // A custom python3 may come first on `PATH` and lack the modules of Debian's package.
    programs: &["python3", "/usr/bin/python3"],
    proof: &["-c", "import ensurepip, venv"],
    oldest: None,
    debian: "python3-venv",
    variable: Some("PYTHON"),
};

pub(crate) const NODE: Need = Need {
    what: "Node.js 18 or newer, for the tests against Express",
    programs: &["node", "/usr/bin/node"],
    proof: &["-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"],
    oldest: None,
    debian: "nodejs",
    variable: Some("NODE"),
};

pub(crate) const NPM: Need = Need {
    what: "npm, which installs Express",
    programs: &["npm"],
    proof: &[],
    oldest: None,
    debian: "npm",
    variable: None,
};

pub(crate) const RUBY: Need = Need {
    what: "Ruby with Rails' ActionPack, for the tests against Rails",
    programs: &["ruby", "/usr/bin/ruby"],
    proof: &["-e", "require 'action_controller'"],
    oldest: None,
    debian: "ruby-actionpack",
    variable: Some("RUBY"),
};

pub(crate) const VALGRIND: Need = Need {
    what: "valgrind, which counts instructions",
    programs: &["valgrind"],
    proof: &[],
    oldest: None,
    debian: "valgrind",
    variable: None,
};

/// The variables to pass to the tests, with their values.
pub(crate) type Variables = Vec<(&'static str, PathBuf)>;

/// Finds every program, after installing the missing ones in one step.
pub(crate) fn provide(needs: &[Need]) -> Outcome<Variables> {
    let missing = missing(needs, found);
    if !missing.is_empty() {
        install(&missing)?;
    }
    let still_missing = self::missing(needs, found);
    if !still_missing.is_empty() {
        return Err(format!("installed, but not found: {}", told(&still_missing)));
    }
    Ok(needs.iter().filter_map(|need| Some((need.variable?, found(need)?))).collect())
}

fn found(need: &Need) -> Option<PathBuf> {
    let told = need.variable.and_then(std::env::var_os).filter(|value| !value.is_empty()).map(PathBuf::from);
    told.or_else(|| need.programs.iter().filter_map(|name| shell::on_path(name)).find(|program| proves(program, need)))
}

fn proves(program: &Path, need: &Need) -> bool {
    let mut proof = shell::program(program);
    proof.args(need.proof).stdout(Stdio::null()).stderr(Stdio::null());
    let works = need.proof.is_empty() || proof.status().is_ok_and(|status| status.success());
    works && need.oldest.is_none_or(|oldest| version(program) >= Some(oldest))
}

/// Returns the major version that a program tells.
fn version(program: &Path) -> Option<u32> {
    major(&shell::read(shell::program(program).arg("--version")).ok()?)
}

/// Parses the major version in a line such as `Chromium 156.0.8078.114 built on Debian`.
fn major(said: &str) -> Option<u32> {
    said.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok())
}

fn missing(needs: &[Need], found: impl Fn(&Need) -> Option<PathBuf>) -> Vec<Need> {
    needs.iter().filter(|need| found(need).is_none()).copied().collect()
}

fn install(missing: &[Need]) -> Outcome {
    if shell::on_path("apt-get").is_none() {
        return Err(format!(
            "missing: {}. There is no apt-get here: install it yourself and put it on PATH",
            told(missing)
        ));
    }
    if shell::read(shell::program("id").arg("-u"))?.trim() != "0" {
        return Err(format!(
            "missing: {}. Only root can install it: sudo apt-get update && sudo {}",
            told(missing),
            spelled(missing)
        ));
    }
    eprintln!("xtask: installing {}", told(missing));
    shell::succeed(apt_get().args(["update", "-qq"]))?;
    shell::succeed(apt_get().args(INSTALL).args(missing.iter().map(|need| need.debian)))
}

const INSTALL: &[&str] = &["install", "-y", "-qq", "--no-install-recommends"];

fn apt_get() -> std::process::Command {
    let mut apt_get = shell::program("apt-get");
    // Wait for another apt process, in seconds.
    apt_get.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    // Send progress output to stderr: stdout is for results.
    apt_get.stdout(std::io::stderr());
    apt_get
}

fn told(needs: &[Need]) -> String {
    needs.iter().map(|need| need.what).collect::<Vec<_>>().join("; ")
}

fn spelled(needs: &[Need]) -> String {
    let packages: Vec<&str> = needs.iter().map(|need| need.debian).collect();
    format!("apt-get install --no-install-recommends {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{CHROMEDRIVER, CHROMIUM, CXX, Need, major, missing, spelled, told};

    #[test]
    fn only_missing_programs_are_installed() {
        let needs = [CHROMIUM, CHROMEDRIVER, CXX];
        let table: [(&str, &[&str], &str); 3] = [
            ("all there", &["chromium", "chromium-driver", "g++"], ""),
            ("one there", &["g++"], "chromium chromium-driver"),
            ("nothing there", &[], "chromium chromium-driver g++"),
        ];
        for (row, there, packages) in table {
            let missing = missing(&needs, |need: &Need| there.contains(&need.debian).then(|| "/usr/bin/it".into()));
            let expected = format!("apt-get install --no-install-recommends {packages}");
            assert_eq!(spelled(&missing), expected, "{row}");
        }
    }

    #[test]
    fn the_major_version_is_read() {
        for (said, expected) in [
            ("Chromium 156.0.8078.114 built on Debian GNU/Linux 12 (bookworm)", Some(156)),
            ("ChromeDriver 148.0.7778.167 (abc-refs/branch-heads/7778@{#1})", Some(148)),
            ("Google Chrome 156.0.8078.79 ", Some(156)),
            ("no version", None),
        ] {
            assert_eq!(major(said), expected, "{said}");
        }
    }

    #[test]
    fn missing_programs_are_named_with_their_purpose() {
        assert_eq!(
            told(&[CHROMEDRIVER, CXX]),
            "ChromeDriver 156 or newer, which controls Chromium; a C++ compiler, for libFuzzer"
        );
    }
}
