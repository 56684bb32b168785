//! The outcome of a command, and its exit code.

use std::fmt;
use std::process::ExitCode;

/// The outcome of a command that could answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// A check failed.
    Failed,
    /// The answer is no: nothing was found, a cookie was refused, or a result needs attention.
    No,
}

impl Outcome {
    pub(crate) const fn no_if(no: bool) -> Self {
        if no { Self::No } else { Self::Done }
    }
}

/// An error in the command line that clap can't detect, such as an unknown store.
#[derive(Debug)]
pub(crate) struct WrongUse(String);

impl WrongUse {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// Returns 0 for done, 1 for failed, 2 for wrong use and 3 for a negative answer. clap also exits
/// with 2 on a mistake in the command line.
pub(crate) fn exit_code(answer: &anyhow::Result<Outcome>) -> ExitCode {
    ExitCode::from(match answer {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Failed) => 1,
        Ok(Outcome::No) => 3,
        Err(error) if is_wrong_use(error) => 2,
        Err(_) => 1,
    })
}

fn is_wrong_use(error: &anyhow::Error) -> bool {
    error.is::<WrongUse>() || error.downcast_ref::<cloakroom::ConnectError>().is_some_and(|error| error.is_config())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{Outcome, WrongUse, exit_code};

    #[tokio::test]
    async fn codes() {
        let url = cloakroom::connect("nothing://").await.unwrap_err();
        for (row, answer, expected) in [
            ("done", Ok(Outcome::Done), 0_u8),
            ("a check failed", Ok(Outcome::Failed), 1),
            ("no", Ok(Outcome::No), 3),
            ("failed", Err(anyhow!("no disk")), 1),
            ("wrong", Err(WrongUse::new("no").into()), 2),
            ("wrong, and where", Err(anyhow::Error::from(WrongUse::new("no")).context("here")), 2),
            ("a URL that nobody knows", Err(url.into()), 2),
        ] {
            assert_eq!(
                format!("{:?}", exit_code(&answer)),
                format!("{:?}", std::process::ExitCode::from(expected)),
                "{row}"
            );
        }
    }
}
