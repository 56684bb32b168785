//! The printed table: one line for each cell.

use crate::cell::Cell;
use crate::fault::Fault;
use crate::known;
use crate::stores::Kind;

/// A line of the table.
pub(crate) fn line(kind: Kind, fault: Fault, cell: &Cell) -> String {
    let (store, name) = (kind.name(), fault.name());
    match cell {
        Cell::Senseless(why) => format!("| {store:15} | {name:11} | – | – | – | – | {why} |"),
        Cell::Ran(ran) => {
            let tally = &ran.tally;
            let recovery = ran.recovery.map_or_else(|| "–".to_owned(), |recovery| recovery.as_millis().to_string());
            let stranded = if tally.stranded > 0 { format!("{} moves lost; ", tally.stranded) } else { String::new() };
            let findings = match (ran.findings.is_empty(), known::reason(kind, fault)) {
                (true, _) => String::new(),
                (false, Some(why)) => format!(" KNOWN: {why}"),
                (false, None) => format!(" WRONG: {}; errors: {:?}", ran.findings.join("; "), tally.errors),
            };
            format!(
                "| {store:15} | {name:11} | {} | {} | {recovery} | {} / {} | {stranded}{}{findings} |",
                tally.requests, tally.failed, tally.acknowledged, tally.there, ran.note
            )
        }
    }
}

/// All cells, store by store.
pub(crate) fn of(cells: &[(Kind, Fault, Cell)]) -> String {
    let mut text = "\n| store | fault | requests | failed | ms to recovery | acknowledged / there | |\n".to_owned();
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (kind, fault, cell) in cells {
        text.push_str(&line(*kind, *fault, cell));
        text.push('\n');
    }
    text
}
