//! `cargo xtask features`: each feature of the crate that users depend on compiles alone, and none as well.

use std::fs;

use crate::{Outcome, no_arguments, shell};

const FACADE: &str = "crates/cloakroom/Cargo.toml";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("features", arguments)?;
    let manifest = fs::read_to_string(shell::root().join(FACADE)).map_err(|why| format!("{FACADE}: {why}"))?;
    let features = features(&manifest);
    if features.is_empty() {
        return Err(format!("{FACADE} has no features: has its form changed?"));
    }
    let mut failed = Vec::new();
    for feature in std::iter::once("").chain(features.iter().copied()) {
        let check = ["check", "--quiet", "--package", "cloakroom", "--no-default-features", "--features", feature];
        if let Err(why) = shell::succeed(shell::cargo().args(check)) {
            eprintln!("xtask: {why}");
            failed.push(if feature.is_empty() { "none" } else { feature });
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("features that don't compile alone: {}", failed.join(", "))) }
}

/// The names in the section `[features]` of a manifest.
fn features(manifest: &str) -> Vec<&str> {
    let section = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('#') && *name != "default")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::features;

    #[test]
    fn features_are_found_in_a_manifest() {
        let manifest = "[package]\nname = \"it\"\n\n[features]\ndefault = []\n# What a = b is.\nstore = [\"dep:x\"]\n\
            tls = []\n\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(features(manifest), ["store", "tls"]);
        assert!(features("[package]\nname = \"it\"\n").is_empty());
    }
}
