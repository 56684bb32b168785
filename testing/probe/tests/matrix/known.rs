//! Cells that are known to fail, each with its reason. A cell that passes again fails the run, so
//! that its line is removed.

use crate::cell::Cell;
use crate::fault::Fault;
use crate::stores::Kind;

/// The way in which a cell is known to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "no cell is known to fail at the moment")]
enum Fails {
    Always,
    /// The outcome depends on the order of events, which the test can't choose.
    Sometimes,
}

/// Stores, fault, the way it fails, and the reason.
type Known = (&'static [Kind], Fault, Fails, &'static str);

const KNOWN: &[Known] = &[];

fn known(kind: Kind, fault: Fault) -> Option<&'static Known> {
    KNOWN.iter().find(|(stores, known, ..)| stores.contains(&kind) && *known == fault)
}

/// The known reason for a failure of a cell.
pub(crate) fn reason(kind: Kind, fault: Fault) -> Option<&'static str> {
    known(kind, fault).map(|(.., why)| *why)
}

/// Returns a line for each cell with an unexpected result.
pub(crate) fn unexpected(cells: &[(Kind, Fault, Cell)]) -> Vec<String> {
    let unexpected = cells.iter().filter_map(|(kind, fault, cell)| {
        let Cell::Ran(ran) = cell else { return None };
        let place = format!("{} under {}", kind.name(), fault.name());
        if !ran.findings.is_empty() {
            let unknown = reason(*kind, *fault).is_none();
            let findings = ran.findings.join("; ");
            return unknown.then(|| format!("{place}: {findings}; errors: {:?}", ran.tally.errors));
        }
        match known(*kind, *fault) {
            Some((_, _, Fails::Always, why)) => Some(format!("{place} passes: remove it from KNOWN ({why})")),
            Some((_, _, Fails::Sometimes, _)) | None => None,
        }
    });
    unexpected.collect()
}

/// Returns a line for each cell that failed unexpectedly.
pub(crate) fn wrong(cells: &[(Kind, Fault, Cell)]) -> Vec<String> {
    let unexpected = unexpected(cells);
    unexpected.into_iter().filter(|told| !told.contains("passes: remove it")).collect()
}
