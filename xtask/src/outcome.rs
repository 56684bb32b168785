//! The result of a command, and the check of its arguments.

/// The result of a command. An `Err` is printed as it is.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Rejects arguments to a command that takes none.
pub(crate) fn no_arguments(command: &str, arguments: &[String]) -> Outcome {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("`{command}` takes no `{argument}`")),
    }
}
