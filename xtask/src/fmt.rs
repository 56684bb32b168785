//! `cargo xtask fmt`: formats every workspace of the project.

use crate::outcome::Outcome;
use crate::shell;

/// The other workspaces, which `cargo fmt --all` doesn't reach.
const OTHER_WORKSPACES: &[&str] = &["fuzz", "bench", "bench/contenders/tower-sessions-stores"];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        [first, ..] => return Err(format!("`fmt` takes `--check` or nothing, not `{first}`")),
    };
    let mut manifests = vec![shell::root().join("Cargo.toml")];
    let others = OTHER_WORKSPACES.iter().map(|folder| shell::root().join(folder).join("Cargo.toml"));
    manifests.extend(others.filter(|manifest| manifest.is_file()));
    for manifest in manifests {
        let mut format = shell::cargo();
        format.args(["fmt", "--all", "--manifest-path"]).arg(manifest);
        if check {
            format.arg("--check");
        }
        shell::succeed(&mut format)?;
    }
    Ok(())
}
