//! Finds what the tests need beside Rust, or installs it.
//!
//! To add a need, add it here as the others are, and to the list of the command that has it. A need
//! that can't be met is an error that says how to meet it: nothing is skipped in silence.

use std::path::PathBuf;

use crate::{Outcome, shell};

/// Something the tests use that cargo can't bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// What it is and what it is for, as a person is told.
    what: &'static str,
    /// The programs that meet it, the preferred one first.
    programs: &'static [&'static str],
    /// The Debian package that brings the first of them.
    debian: &'static str,
    /// The variable that tells the tests where it is. Set by the caller, it is believed.
    variable: Option<&'static str>,
}

pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium, for the tests in a browser",
    programs: &["chromium", "chromium-browser", "google-chrome"],
    debian: "chromium",
    variable: Some("CHROMIUM"),
};

pub(crate) const CHROMEDRIVER: Need = Need {
    what: "ChromeDriver, which drives it",
    programs: &["chromedriver"],
    debian: "chromium-driver",
    variable: Some("CHROMEDRIVER"),
};

pub(crate) const CXX: Need =
    Need { what: "a C++ compiler, for libFuzzer", programs: &["c++"], debian: "g++", variable: None };

pub(crate) const POSTGRES: Need = Need {
    what: "PostgreSQL, for the tests of stores",
    // Debian keeps the server itself off PATH, and this beside it.
    programs: &["postgres", "pg_ctlcluster"],
    debian: "postgresql",
    variable: None,
};

pub(crate) const MARIADB: Need = Need {
    what: "MariaDB, for the tests of stores",
    programs: &["mariadbd", "mariadb-install-db"],
    debian: "mariadb-server",
    variable: None,
};

pub(crate) const REDIS: Need = Need {
    what: "Redis, for the tests of stores",
    // It is its own sentinel; its command line comes along in `redis-tools`.
    programs: &["redis-server"],
    debian: "redis-server",
    variable: None,
};

pub(crate) const VALGRIND: Need =
    Need { what: "valgrind, which counts instructions", programs: &["valgrind"], debian: "valgrind", variable: None };

/// Variables to hand to the tests, and what each is set to.
pub(crate) type Variables = Vec<(&'static str, PathBuf)>;

/// Finds every need, installing at most once.
pub(crate) fn provide(needs: &[Need]) -> Outcome<Variables> {
    let missing = missing(needs, found);
    if !missing.is_empty() {
        install(&missing)?;
    }
    let still_missing = self::missing(needs, found);
    if !still_missing.is_empty() {
        return Err(format!("installed, yet not on PATH: {}", told(&still_missing)));
    }
    Ok(needs.iter().filter_map(|need| Some((need.variable?, found(need)?))).collect())
}

fn found(need: &Need) -> Option<PathBuf> {
    let told = need.variable.and_then(std::env::var_os).filter(|value| !value.is_empty()).map(PathBuf::from);
    told.or_else(|| need.programs.iter().find_map(|name| shell::on_path(name)))
}

fn missing(needs: &[Need], found: impl Fn(&Need) -> Option<PathBuf>) -> Vec<Need> {
    needs.iter().filter(|need| found(need).is_none()).copied().collect()
}

fn install(missing: &[Need]) -> Outcome {
    if shell::on_path("apt-get").is_none() {
        return Err(format!(
            "missing: {}. There is no apt-get here to install it with: install it yourself and put it on PATH",
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
    // Another apt on this machine is waited for, in seconds.
    apt_get.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    // Its progress is for people: stdout is kept for the results.
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
    use super::{CHROMEDRIVER, CHROMIUM, CXX, Need, missing, spelled, told};

    #[test]
    fn only_what_is_missing_is_installed() {
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
    fn a_need_is_told_in_words() {
        assert_eq!(told(&[CHROMEDRIVER, CXX]), "ChromeDriver, which drives it; a C++ compiler, for libFuzzer");
    }
}
