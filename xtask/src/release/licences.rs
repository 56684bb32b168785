//! Licences, bans and sources of every dependency, as in `cargo xtask lint`. Here it is a failure
//! if they cannot be checked.

use super::part::Verdict;
use crate::deny;
use crate::outcome::Outcome;

pub(super) fn check() -> Outcome<Verdict> {
    deny::policies()?;
    Ok(Verdict::Passed(String::new()))
}
