//! The versions of the formats in cookies and stores.
//!
//! A format has a list of versions that are read and one version that is written. A release adds a
//! new version to the enum and to `READABLE`; from the next release on, an application can choose
//! it as the written version: `docs/design/0021-formats-that-grow.md`. The compiler then reports
//! each `match` that must handle the new version.

/// A version of the record's text form: its first digit.
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

    /// Returns the version with this digit, if it is readable.
    pub(crate) fn read(digit: u8) -> Option<Self> {
        Self::READABLE.iter().copied().find(|version| version.digit() == digit)
    }
}

/// A version of the sealed forms: the digit after the letter of the form.
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
    fn the_written_version_is_readable() {
        assert!(RecordVersion::READABLE.contains(&RecordVersion::WRITTEN));
        assert!(SealVersion::READABLE.contains(&SealVersion::WRITTEN));
        for version in RecordVersion::READABLE {
            assert_eq!(RecordVersion::read(version.digit()), Some(*version));
        }
        assert_eq!(RecordVersion::read(b'2'), None);
    }

    #[test]
    fn every_readable_version_has_vectors() {
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
