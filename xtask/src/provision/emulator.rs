//! The emulator of DynamoDB for the tests of the store, built from crates.io.
//!
//! It is built without optimizations and without its import and agent features: that takes a
//! minute and a half on two cores, once for each target folder. Nothing else has the operations
//! that the store needs, atomic transactions among them, and can be had from a package registry.

use std::fs;
use std::path::PathBuf;

use super::Variables;
use crate::outcome::Outcome;
use crate::shell;

const PROGRAM: &str = "dynoxide";
const PACKAGE: &str = "dynoxide-rs@3.2.0";
const FEATURES: &str = "native-sqlite,http-server,cli";

/// The variable that tells the tests where it is. A value set by the caller is used unchecked.
const VARIABLE: &str = "DYNOXIDE";

/// Finds or builds the emulator.
pub(crate) fn provide() -> Outcome<Variables> {
    let told = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    Ok(vec![(VARIABLE, told.map_or_else(built, Ok)?)])
}

fn built() -> Outcome<PathBuf> {
    let folder = shell::target().join("tools/dynoxide");
    let program = folder.join("bin").join(PROGRAM);
    // Cargo's list of the programs it has installed there. The version is that of the constant.
    let list = fs::read_to_string(folder.join(".crates.toml")).unwrap_or_default();
    if program.is_file() && list.contains(&format!("\"{} ", PACKAGE.replace('@', " "))) {
        return Ok(program);
    }
    eprintln!("xtask: building {PACKAGE}, the emulator of DynamoDB");
    let build = shell::target().join("tools/build-dynoxide");
    let mut install = shell::cargo();
    install.args([
        "install",
        "--quiet",
        "--locked",
        "--force",
        PACKAGE,
        "--no-default-features",
        "--features",
        FEATURES,
    ]);
    install.args(["--profile", "dev", "--root"]).arg(&folder);
    install.env("CARGO_TARGET_DIR", &build).env("CARGO_PROFILE_DEV_DEBUG", "0");
    shell::succeed(&mut install)?;
    fs::remove_dir_all(&build).map_err(|why| format!("{}: {why}", build.display()))?;
    Ok(program)
}
