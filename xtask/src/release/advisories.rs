//! The dependencies have no known security advisories, as of today.

use super::part::Verdict;
use crate::deny;
use crate::outcome::Outcome;

pub(super) fn check() -> Outcome<Verdict> {
    deny::program()?;
    if let Err(why) = deny::fetch_advisories() {
        return Ok(Verdict::NotChecked(format!("the list of advisories can't be reached: {why}")));
    }
    deny::advisories()?;
    Ok(Verdict::Passed(String::new()))
}
