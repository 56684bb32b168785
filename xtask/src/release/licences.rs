//! Licences, bans and sources of every dependency, as in `cargo xtask lint`; here, not to be able
//! to check is to fail.

use super::Verdict;
use crate::{Outcome, deny};

pub(super) fn check() -> Outcome<Verdict> {
    deny::policies()?;
    Ok(Verdict::Passed(String::new()))
}
