//! The cells that fail, each with the reason. One that begins to pass fails the run, so that its line is removed.

use crate::cell::Cell;
use crate::fault::Fault;
use crate::stores::Kind;

/// Store, fault and reason.
const KNOWN: &[(Kind, Fault, &str)] = &[];

pub(crate) fn reason(kind: Kind, fault: Fault) -> Option<&'static str> {
    KNOWN.iter().find(|(store, known, _)| (*store, *known) == (kind, fault)).map(|(_, _, why)| *why)
}

/// The cells that aren't as they are expected to be.
pub(crate) fn unexpected(cells: &[(Kind, Fault, Cell)]) -> Vec<String> {
    let unexpected = cells.iter().filter_map(|(kind, fault, cell)| {
        let Cell::Ran(ran) = cell else { return None };
        let place = format!("{} under {}", kind.name(), fault.name());
        match (ran.findings.is_empty(), reason(*kind, *fault)) {
            (true, None) | (false, Some(_)) => None,
            (false, None) => Some(format!("{place}: {}", ran.findings.join("; "))),
            (true, Some(why)) => Some(format!("{place} passes: remove it from KNOWN ({why})")),
        }
    });
    unexpected.collect()
}
