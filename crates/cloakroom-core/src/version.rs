//! Which version of a session a store has.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Which version of its record a session was opened at: counted by its store, from 1.
///
/// A store whose server compares what is there and not numbers gives the value along, as it found it, and gets it back with the number.
/// Two versions are the same if their numbers are.
///
/// # Security
/// `Debug` shows the number alone.
#[derive(Clone, Default)]
pub struct Version {
    number: u64,
    image: Option<Arc<Vec<u8>>>,
}

impl Version {
    /// The version of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self { number, image: None }
    }

    /// The same version, with what its store has there, byte for byte.
    #[must_use]
    pub fn with_image(mut self, image: Vec<u8>) -> Self {
        self.image = Some(Arc::new(image));
        self
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What its store had there, if it was loaded by one that wants to be told.
    #[must_use]
    pub fn image(&self) -> Option<&[u8]> {
        self.image.as_deref().map(Vec::as_slice)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Version").field(&self.number).finish()
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}
