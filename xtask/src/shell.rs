//! Runs programs: the project's folders, the search for programs, and messages for failures.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::outcome::Outcome;

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    // Prefer the value at run time: a moved checkout still has the binary that was built at the old
    // location.
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The target folder, which also holds everything else that can be regenerated.
pub(crate) fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Returns the cargo that runs us, in the project's folder.
pub(crate) fn cargo() -> Command {
    program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns a program in the project's folder, without interactive input.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a command to completion. Its output goes to ours.
pub(crate) fn succeed(command: &mut Command) -> Outcome {
    eprintln!("$ {}", spelled(command));
    let status = command.status().map_err(|why| not_started(command, &why))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", spelled(command))) }
}

/// Runs a command to completion and returns its output.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|why| not_started(command, &why))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{}` failed: {}", spelled(command), output.status))
    }
}

/// Describes a command that could not be started.
pub(crate) fn not_started(command: &Command, why: &std::io::Error) -> String {
    format!("`{}` could not be started: {why}", spelled(command))
}

/// Searches `PATH` for a program.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Formats a command for display.
fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
