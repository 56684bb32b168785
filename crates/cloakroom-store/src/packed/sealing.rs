//! The choice whether new records are encrypted.

/// The policy for encrypting new records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealing {
    Seal,
    OpenOnly,
}
