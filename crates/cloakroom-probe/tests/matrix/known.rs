//! The cells that fail, each with the reason. One that begins to pass fails the run, so that its
//! line is removed.

use crate::cell::Cell;
use crate::fault::Fault;
use crate::stores::Kind;

/// How a cell is known to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "no cell is known to fail at the moment")]
enum Fails {
    Always,
    /// By the order of events that a test can't choose. Whether it still does has to be looked up
    /// when the cause is worked on.
    Sometimes,
}

/// Stores, fault, how it fails and why.
type Known = (&'static [Kind], Fault, Fails, &'static str);

const KNOWN: &[Known] = &[];

fn known(kind: Kind, fault: Fault) -> Option<&'static Known> {
    KNOWN.iter().find(|(stores, known, ..)| stores.contains(&kind) && *known == fault)
}

/// Why a cell may have failed.
pub(crate) fn reason(kind: Kind, fault: Fault) -> Option<&'static str> {
    known(kind, fault).map(|(.., why)| *why)
}

/// The cells that aren't as they are expected to be.
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

/// The cells that failed, and aren't known to.
pub(crate) fn wrong(cells: &[(Kind, Fault, Cell)]) -> Vec<String> {
    let unexpected = unexpected(cells);
    unexpected.into_iter().filter(|told| !told.contains("passes: remove it")).collect()
}
