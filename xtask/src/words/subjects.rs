//! The subjects of commits: `area: imperative verb and object`, at most 72 characters.

use crate::outcome::Outcome;
use crate::shell;

/// Subjects have their form since the commit after this one.
const SINCE: &str = "5982139";

const LONGEST: usize = 72;

/// Returns a line for each commit since the last tag whose subject breaks the rule.
pub(super) fn check() -> Outcome<Vec<String>> {
    let git = |arguments: &[&str]| shell::read(shell::program("git").current_dir(shell::root()).args(arguments));
    if git(&["rev-parse", "--git-dir"]).is_err() {
        println!("subjects of commits: not checked, there is no history here");
        return Ok(Vec::new());
    }
    let tags = git(&["tag", "--merged", "HEAD", "--sort=-creatordate"])?;
    let since = tags.lines().next().unwrap_or(SINCE);
    // A shallow clone has fewer commits: all of those that it has are checked.
    let range = format!("{since}..HEAD");
    let range = if git(&["rev-parse", "--verify", "--quiet", &format!("{since}^{{commit}}")]).is_ok() {
        &range
    } else {
        "HEAD"
    };
    let subjects = git(&["log", "--no-merges", "--format=%h %s", range])?;
    let (mut checked, mut broken) = (0, Vec::new());
    for line in subjects.lines() {
        let (commit, subject) = line.split_once(' ').unwrap_or((line, ""));
        checked += 1;
        if let Some(why) = fault(subject) {
            broken.push(format!("commit {commit}: {why}: {subject}"));
        }
    }
    println!("subjects of commits: {checked} checked");
    Ok(broken)
}

/// The rule that a subject breaks.
fn fault(subject: &str) -> Option<&'static str> {
    let is_area = |area: &str| {
        !area.is_empty() && area.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ", -_./".contains(c))
    };
    match subject.split_once(": ") {
        _ if subject.chars().count() > LONGEST => Some("longer than 72 characters"),
        Some((area, text)) if is_area(area) && !text.trim().is_empty() => {
            subject.ends_with('.').then_some("ends with a full stop")
        }
        _ => Some("not `area: imperative verb and object`"),
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn subjects_have_an_area_and_a_length() {
        let table = [
            ("plain", "redis: retry the script when the server forgot it", true),
            ("two areas", "core, session: move a type", true),
            ("no area", "Format", false),
            ("an area in upper case", "Core: move a type", false),
            ("no text", "core: ", false),
            ("a full stop", "core: move a type.", false),
            ("too long", "core: move a type that has a name of so many words that nobody reads it to the end", false),
        ];
        for (row, subject, expected) in table {
            assert_eq!(fault(subject).is_none(), expected, "{row}");
        }
    }
}
