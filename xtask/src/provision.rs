//! Finds what the tests need beside Rust, or installs it.
//!
//! To add a need, add it here as the others are, and to the list of the command that has it. A need
//! that can't be met is an error that says how to meet it: nothing is skipped in silence.

pub(crate) mod newer;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::{Outcome, shell};

/// Something the tests use that cargo can't bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// What it is and what it is for, as a person is told.
    what: &'static str,
    /// The programs that meet it, the preferred one first; an absolute path is one that needn't be
    /// on `PATH`.
    programs: &'static [&'static str],
    /// Arguments with which a program succeeds if it has what is needed; none if being there is
    /// enough.
    proof: &'static [&'static str],
    /// The Debian package that brings the first of them.
    debian: &'static str,
    /// The variable that tells the tests where it is. Set by the caller, it is believed.
    variable: Option<&'static str>,
}

pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium, for the tests in a browser",
    programs: &["chromium", "chromium-browser", "google-chrome"],
    proof: &[],
    debian: "chromium",
    variable: Some("CHROMIUM"),
};

pub(crate) const CHROMEDRIVER: Need = Need {
    what: "ChromeDriver, which drives it",
    programs: &["chromedriver"],
    proof: &[],
    debian: "chromium-driver",
    variable: Some("CHROMEDRIVER"),
};

pub(crate) const CXX: Need =
    Need { what: "a C++ compiler, for libFuzzer", programs: &["c++"], proof: &[], debian: "g++", variable: None };

pub(crate) const POSTGRES: Need = Need {
    what: "PostgreSQL, for the tests of stores",
    // Debian keeps the server itself off PATH, and this beside it.
    programs: &["postgres", "pg_ctlcluster"],
    proof: &[],
    debian: "postgresql",
    variable: None,
};

pub(crate) const PGBOUNCER: Need = Need {
    what: "PgBouncer, for the tests of stores behind a pooler",
    // Debian keeps it in a folder that not every user has on PATH.
    programs: &["pgbouncer", "/usr/sbin/pgbouncer"],
    proof: &[],
    debian: "pgbouncer",
    variable: None,
};

pub(crate) const MARIADB: Need = Need {
    what: "MariaDB, for the tests of stores",
    programs: &["mariadbd", "mariadb-install-db"],
    proof: &[],
    debian: "mariadb-server",
    variable: None,
};

pub(crate) const REDIS: Need = Need {
    what: "Redis, for the tests of stores",
    // It is its own sentinel; its command line comes along in `redis-tools`.
    programs: &["redis-server"],
    proof: &[],
    debian: "redis-server",
    variable: None,
};

pub(crate) const PYTHON: Need = Need {
    what: "Python with its venv module, for the tests against Pyramid, Flask and Django",
    // A python3 of somebody's own may come first on PATH and lack what Debian's package brings.
    programs: &["python3", "/usr/bin/python3"],
    proof: &["-c", "import ensurepip, venv"],
    debian: "python3-venv",
    variable: Some("PYTHON"),
};

pub(crate) const NODE: Need = Need {
    what: "Node.js 18 or newer, for the tests against Express",
    programs: &["node", "/usr/bin/node"],
    proof: &["-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"],
    debian: "nodejs",
    variable: Some("NODE"),
};

pub(crate) const NPM: Need =
    Need { what: "npm, which brings Express", programs: &["npm"], proof: &[], debian: "npm", variable: None };

pub(crate) const RUBY: Need = Need {
    what: "Ruby with Rails' ActionPack, for the tests against Rails",
    programs: &["ruby", "/usr/bin/ruby"],
    proof: &["-e", "require 'action_controller'"],
    debian: "ruby-actionpack",
    variable: Some("RUBY"),
};

pub(crate) const VALGRIND: Need = Need {
    what: "valgrind, which counts instructions",
    programs: &["valgrind"],
    proof: &[],
    debian: "valgrind",
    variable: None,
};

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
        return Err(format!("installed, yet not to be found: {}", told(&still_missing)));
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
    need.proof.is_empty() || proof.status().is_ok_and(|status| status.success())
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
