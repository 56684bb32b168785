//! Other toolchains: found, or installed by rustup.

use std::process::Command;

use crate::outcome::Outcome;
use crate::shell;

/// Returns the cargo of a toolchain, such as `1.89` or `nightly`.
pub(crate) fn cargo(name: &str) -> Outcome<Command> {
    if shell::on_path("rustup").is_none() {
        return Err(format!("Rust {name} is needed, but rustup is not installed"));
    }
    if !has(&shell::read(shell::program("rustup").args(["toolchain", "list"]))?, name) {
        let install = ["toolchain", "install", name, "--profile", "minimal", "--no-self-update"];
        shell::succeed(shell::program("rustup").args(install)).map_err(|why| {
            format!(
                "Rust {name} is needed and can't be installed: {why}. To install it: rustup toolchain install {name}"
            )
        })?;
    }
    let mut cargo = shell::program("rustup");
    cargo.args(["run", name, "cargo"]);
    // These variables point to the toolchain that runs us.
    for variable in ["CARGO", "RUSTC", "RUSTDOC"] {
        cargo.env_remove(variable);
    }
    Ok(cargo)
}

/// Returns whether rustup's list has a toolchain of this name for this machine.
fn has(list: &str, name: &str) -> bool {
    list.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', ' ']) || rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_toolchain_is_known_by_its_whole_name() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\nnightly-x86_64-unknown-linux-gnu\n\
            1.89.0-x86_64-unknown-linux-gnu\n1.95-x86_64-unknown-linux-gnu\nlocal\n";
        let table = [
            ("nightly", true),
            ("1.95", true),
            ("1.89.0", true),
            ("1.89", false),
            ("1.9", false),
            ("night", false),
            ("local", true),
        ];
        for (name, expected) in table {
            assert_eq!(has(list, name), expected, "{name}");
        }
    }
}
