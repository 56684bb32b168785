//! The build cost of a library: its smallest application, with and without sessions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::fallible::Fallible;
use crate::table::{Best, Table};

/// The packages in `bench/smallest`, by contender.
const PACKAGES: [(&str, &str); 6] = [
    ("cloakroom", "cloakroom"),
    ("tower-sessions", "tower-sessions"),
    ("axum_session", "axum-session"),
    ("actix-session", "actix-session"),
    ("poem", "poem"),
    ("salvo", "salvo"),
];

/// Measures the number of packages and the seconds of a first release build, for the application
/// with and without sessions.
pub fn table(bench: &Path) -> Fallible<Table> {
    let columns = ["packages", "packages without sessions", "seconds to build", "seconds without sessions"];
    let mut table = Table::new("Building the smallest application", "library", &columns, Best::None);
    for (name, package) in PACKAGES {
        let application = Application { manifest: &bench.join("smallest").join(package).join("Cargo.toml") };
        let with = (application.packages(&[])?, application.seconds(&[])?);
        let without = ["--no-default-features"];
        let without = (application.packages(&without)?, application.seconds(&without)?);
        let cells = [with.0, without.0, with.1, without.1].map(|figure| vec![figure]);
        table.push(name, cells.to_vec());
    }
    Ok(table)
}

struct Application<'a> {
    manifest: &'a Path,
}

impl Application<'_> {
    fn cargo(&self, command: &str, features: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args([command, "--manifest-path"]).arg(self.manifest).args(features);
        cargo
    }

    fn packages(&self, features: &[&str]) -> Fallible<f64> {
        let output =
            self.cargo("tree", features).args(["--edges=normal,build", "--prefix=none", "--format={p}"]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let text = String::from_utf8(output.stdout)?;
        // Skip the first line, which is the application. An asterisk marks repeated packages.
        let packages: BTreeSet<&str> = text.lines().skip(1).map(|line| line.trim_end_matches(" (*)")).collect();
        Ok(packages.len() as f64)
    }

    /// Builds in an empty target folder.
    fn seconds(&self, features: &[&str]) -> Fallible<f64> {
        let folder = tempfile::tempdir()?;
        // Downloads must not count as build time.
        run(self.cargo("fetch", &[]))?;
        let mut build = self.cargo("build", features);
        build.args(["--release", "--target-dir"]).arg(folder.path());
        let start = Instant::now();
        run(build)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

fn run(mut command: Command) -> Fallible<()> {
    let output = command.stdout(Stdio::null()).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}
