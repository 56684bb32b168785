//! How a command ended, and what the exit code says of it.

use std::fmt;
use std::process::ExitCode;

/// How a command ended that could answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// What was to be checked isn't right.
    Failed,
    /// The answer is no: nothing was found, a cookie was refused, something is to be looked at.
    No,
}

impl Outcome {
    pub(crate) const fn no_if(no: bool) -> Self {
        if no { Self::No } else { Self::Done }
    }
}

/// The command line asks for something that there isn't.
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

/// 0 done, 1 failed, 2 wrong use, 3 the answer is no. A mistake in the command line is clap's, and
/// 2 too.
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
