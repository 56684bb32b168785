//! `cargo xtask release-check`: the checks before a release, with a table of results.
//!
//! A failed part doesn't stop the others. A part that could not be checked is reported as such and
//! never counts as passed.

mod advisories;
pub(crate) mod api;
mod copy;
mod licences;
mod minimal;
mod msrv;
mod pairs;
mod part;
mod rolling;
mod rustdoc;
mod sbom;
mod semver;
mod versions;

use std::time::{Duration, Instant};

use crate::outcome::Outcome;
use crate::{guide_book, neighbours, package};
use part::Verdict;

struct Part {
    name: &'static str,
    check: fn() -> Outcome<Verdict>,
}

/// The quick ones first.
const PARTS: &[Part] = &[
    Part { name: "versions", check: versions::check },
    Part { name: "guide", check: || passed(guide_book::run(&[])) },
    Part { name: "licences", check: licences::check },
    Part { name: "advisories", check: advisories::check },
    Part { name: "sbom", check: sbom::check },
    Part { name: "api", check: api::check },
    Part { name: "rolling", check: rolling::check },
    Part { name: "semver", check: semver::check },
    Part { name: "package", check: || passed(package::run(&[])) },
    Part { name: "msrv", check: msrv::check },
    Part { name: "minimal-versions", check: minimal::check },
    Part { name: "neighbours", check: || passed(neighbours::run(&["--compile".to_owned()])) },
    Part { name: "pairs", check: pairs::check },
];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let rows: Vec<Row> = chosen(arguments)?.into_iter().map(row).collect();
    print!("{}", table(&rows));
    let failed = rows.iter().filter(|row| row.outcome.is_err()).count();
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} parts failed", rows.len())) }
}

/// Returns the named parts, or all of them.
fn chosen(names: &[String]) -> Outcome<Vec<&'static Part>> {
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == *name)) {
        let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        return Err(format!("`release-check` has no part `{unknown}`; there are: {}", known.join(", ")));
    }
    Ok(PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|name| name == part.name)).collect())
}

struct Row {
    name: &'static str,
    outcome: Outcome<Verdict>,
    took: Duration,
}

#[expect(clippy::disallowed_methods, reason = "measures the duration of a part, for display")]
fn row(part: &Part) -> Row {
    eprintln!("\n== {}", part.name);
    let start = Instant::now();
    let outcome = (part.check)();
    if let Err(why) = &outcome {
        eprintln!("xtask: {}: {why}", part.name);
    }
    Row { name: part.name, outcome, took: start.elapsed() }
}

fn passed(outcome: Outcome) -> Outcome<Verdict> {
    outcome.map(|()| Verdict::Passed(String::new()))
}

/// Formats one line for each part, and one of counts.
fn table(rows: &[Row]) -> String {
    let mut table = String::from("\n");
    let (mut passed, mut failed, mut not_checked) = (0, 0, 0);
    for row in rows {
        let (word, count, note) = match &row.outcome {
            Ok(Verdict::Passed(note)) => ("passed", &mut passed, note),
            Ok(Verdict::NotChecked(why)) => ("not checked", &mut not_checked, why),
            Err(why) => ("FAILED", &mut failed, why),
        };
        *count += 1;
        // The rest of a longer reason was printed above, where the part ran.
        let first = note.lines().next().unwrap_or_default();
        let more = if note.lines().count() > 1 { " …" } else { "" };
        let line = format!("{:<18} {word:<12} {:>5} s  {first}{more}", row.name, row.took.as_secs());
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table.push_str(&format!("{passed} passed, {failed} failed, {not_checked} not checked\n"));
    table
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Row, Verdict, chosen, table};

    #[test]
    fn the_table_distinguishes_passed_failed_and_not_checked() {
        let row = |name, outcome, seconds| Row { name, outcome, took: Duration::from_secs(seconds) };
        let rows = [
            row("versions", Ok(Verdict::Passed(String::new())), 0),
            row("semver", Ok(Verdict::NotChecked("no tag yet".to_owned())), 1),
            row("package", Err("`cargo publish` failed\nfor a reason".to_owned()), 321),
        ];
        let expected = "\n\
            versions           passed           0 s\n\
            semver             not checked      1 s  no tag yet\n\
            package            FAILED         321 s  `cargo publish` failed …\n\
            1 passed, 1 failed, 1 not checked\n";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn parts_are_chosen_by_name_and_run_in_their_order() {
        let names = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            chosen(&asked).map(|parts| parts.iter().map(|part| part.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["semver", "versions"]), Ok(vec!["versions", "semver"]));
        assert!(names(&[]).is_ok_and(|all| all.len() > 10 && all.contains(&"msrv")));
        assert!(
            names(&["versoins"])
                .is_err_and(|why| why.starts_with("`release-check` has no part `versoins`; there are: "))
        );
    }
}
