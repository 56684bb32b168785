//! `cargo xtask package`: packages every crate as for publishing, and builds each from its package
//! alone.
//!
//! `cargo publish --dry-run` would rebuild most dependencies for every crate, with debug
//! information. Instead, the packages are unpacked next to each other and checked one after the
//! other, with the project's locked dependencies.

use std::fs;
use std::path::Path;

use crate::manifest::{self, Crate, Manifest};
use crate::outcome::{Outcome, no_arguments};
use crate::shell;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("package", arguments)?;
    let crates = manifest::published(&shell::root())?;
    let mut package = shell::cargo();
    package.args(["package", "--no-verify", "--allow-dirty", "--quiet", "--target-dir"]).arg(shell::target());
    for it in &crates {
        package.args(["--package", &it.name]);
    }
    shell::succeed(&mut package)?;

    let workspace = Manifest::of_workspace()?;
    let version = workspace.string("workspace.package", "version").ok_or("[workspace.package] has no version")?;
    let folder = shell::target().join("packages");
    unpack(&folder, &crates, version)?;

    let mut failed = Vec::new();
    for it in &crates {
        let mut check = shell::cargo();
        check.args(["check", "--quiet", "--all-features", "--package", &it.name]).current_dir(&folder);
        if let Err(why) = shell::succeed(check.env("CARGO_TARGET_DIR", shell::target())) {
            eprintln!("xtask: {why}");
            failed.push(it.name.as_str());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("packages that don't build: {}", failed.join(", "))) }
}

/// Unpacks all packages into a separate workspace, in which they find each other.
fn unpack(folder: &Path, crates: &[Crate], version: &str) -> Outcome {
    let failed = |why| format!("{}: {why}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)?;
    for it in crates {
        let package = shell::target().join("package").join(format!("{}-{version}.crate", it.name));
        shell::succeed(shell::program("tar").arg("-xzf").arg(&package).arg("-C").arg(folder))?;
    }
    let names: Vec<&str> = crates.iter().map(|it| it.name.as_str()).collect();
    fs::write(folder.join("Cargo.toml"), workspace(&names, version)).map_err(failed)?;
    fs::copy(shell::root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
    Ok(())
}

fn workspace(names: &[&str], version: &str) -> String {
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}-{version}\"")).collect();
    let mut manifest =
        format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n", members.join(", "));
    for name in names {
        manifest.push_str(&format!("{name} = {{ path = \"{name}-{version}\" }}\n"));
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::workspace;

    #[test]
    fn packages_find_each_other() {
        let expected = "[workspace]\nresolver = \"3\"\nmembers = [\"a-1.2.0\", \"b-1.2.0\"]\n\n[patch.crates-io]\n\
            a = { path = \"a-1.2.0\" }\nb = { path = \"b-1.2.0\" }\n";
        assert_eq!(workspace(&["a", "b"], "1.2.0"), expected);
    }
}
