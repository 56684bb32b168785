//! The versions of what is written into cookies and stores, in one place.
//!
//! A format has one list of versions that are read and one version that is written. A new version
//! is added to the enum and to `READABLE` in one release, and becomes the written one when the
//! application says so, from the next release on: `docs/design/0021-formats-that-grow.md`. The
//! compiler then names each `match` that has to know it.

/// A version of the record's text form: the digit that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordVersion {
    V1,
}

impl RecordVersion {
    pub(crate) const READABLE: &[Self] = &[Self::V1];
    pub(crate) const WRITTEN: Self = Self::V1;

    pub(crate) const fn digit(self) -> u8 {
        match self {
            Self::V1 => b'1',
        }
    }

    /// The version that a text begins with, if it is one that is read.
    pub(crate) fn read(digit: u8) -> Option<Self> {
        Self::READABLE.iter().copied().find(|version| version.digit() == digit)
    }
}

/// A version of the sealed forms: the digit behind the letter that names the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealVersion {
    V1,
}

impl SealVersion {
    pub(crate) const READABLE: &[Self] = &[Self::V1];
    pub(crate) const WRITTEN: Self = Self::V1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Seal;

    #[test]
    fn what_is_written_is_read() {
        assert!(RecordVersion::READABLE.contains(&RecordVersion::WRITTEN));
        assert!(SealVersion::READABLE.contains(&SealVersion::WRITTEN));
        for version in RecordVersion::READABLE {
            assert_eq!(RecordVersion::read(version.digit()), Some(*version));
        }
        assert_eq!(RecordVersion::read(b'2'), None);
    }

    #[test]
    fn every_version_that_is_read_has_vectors() {
        let has_vectors = |digit: char| {
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/v{digit}.json")).exists()
        };
        for version in RecordVersion::READABLE {
            assert!(has_vectors(version.digit().into()), "{version:?}");
        }
        for version in SealVersion::READABLE {
            for seal in [Seal::Signed, Seal::Encrypted] {
                let digit = seal.prefix(*version).chars().nth(1).unwrap();
                assert!(has_vectors(digit), "{version:?}");
            }
        }
    }
}
