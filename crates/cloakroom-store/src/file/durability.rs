//! The failures that a write to the folder survives.

/// The failures that an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A power failure: a write is acknowledged once it is on the disk. Costs one or two flushes
    /// per write.
    #[default]
    PowerFailure,
    /// The end of the process, including `kill -9`, but not of the machine. Many times faster.
    ///
    /// A power failure may lose the last seconds' writes. A file damaged by it causes an error that
    /// names its key.
    ProcessEnd,
}
