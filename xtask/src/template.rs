//! `cargo xtask template`: makes an application from `template/` in an empty folder, as `cargo
//! generate` does, and runs its tests.
//!
//! The copy has the versions and build profiles of this workspace and shares its target folder, so
//! that crates that are built already aren't built again.

use std::fs;
use std::path::Path;

use crate::outcome::{Outcome, no_arguments};
use crate::shell;

/// The placeholders of `cargo-generate.toml`, and their values here.
const NAME: (&str, &str) = ("{{project-name}}", "cloakroom-template");
const CLOAKROOM: &str = "{{cloakroom}}";

/// The files that have placeholders. `cargo-generate.toml` lists them, too.
const PROCESSED: [&str; 2] = ["Cargo.toml", "README.md"];

const CONFIGURATION: &str = "cargo-generate.toml";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("template", arguments)?;
    let folder = std::env::temp_dir().join(format!("cloakroom-template-{}", std::process::id()));
    let outcome = generate(&folder).and_then(|()| test(&folder));
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn generate(folder: &Path) -> Outcome {
    let root = shell::root();
    let template = root.join("template");
    let configuration = read(&template.join(CONFIGURATION))?;
    let include = format!("include = {PROCESSED:?}");
    if !configuration.contains(&include) {
        return Err(format!("template/{CONFIGURATION} has no line `{include}`"));
    }
    copy(&template, folder)?;
    fs::remove_file(folder.join(CONFIGURATION)).map_err(|why| format!("{CONFIGURATION}: {why}"))?;
    for name in PROCESSED {
        let path = folder.join(name);
        let text = read(&path)?.replace(NAME.0, NAME.1);
        let text = text.replace(CLOAKROOM, &root.join("crates/cloakroom").display().to_string());
        if text.contains("{{") {
            return Err(format!("template/{name} has an unknown placeholder"));
        }
        write(&path, &text)?;
    }
    let workspace = read(&root.join("Cargo.toml"))?;
    let (_, profiles) = workspace.split_once("[profile.dev]").ok_or("Cargo.toml has no [profile.dev]")?;
    let manifest = read(&folder.join("Cargo.toml"))?;
    write(&folder.join("Cargo.toml"), &format!("{manifest}\n[profile.dev]{profiles}"))?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).map_err(|why| format!("Cargo.lock: {why}"))?;
    Ok(())
}

fn test(folder: &Path) -> Outcome {
    for arguments in [&["fmt", "--check"][..], &["test"]] {
        let mut cargo = shell::cargo();
        shell::succeed(cargo.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", shell::target()))?;
    }
    Ok(())
}

/// Copies a folder, without databases and target folders of earlier trials.
fn copy(from: &Path, to: &Path) -> Outcome {
    let failed = |why| format!("{}: {why}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" {
                copy(&path, &to.join(name))?;
            }
        } else if path.extension().is_none_or(|extension| extension != "db") {
            fs::copy(&path, to.join(name)).map_err(|why| format!("{}: {why}", path.display()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))
}
