//! The position of a walk through all shards, as text.

use std::fmt::Write as _;

use crate::error::StoreError;
use crate::scan::Cursor;

/// A walk that visits one shard after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// The position of the shard.
    pub(super) shard: usize,
    /// The cursor within the shard.
    pub(super) within: Option<Cursor>,
}

impl Visit {
    /// Reads the cursor of a walk; `None` is the beginning.
    pub(super) fn read(after: Option<&Cursor>, shards: usize) -> Result<Self, StoreError> {
        let Some(cursor) = after else { return Ok(Self { shard: 0, within: None }) };
        let read = || {
            let (shard, within) = cursor.as_str().split_once('.')?;
            let shard = shard.parse().ok().filter(|shard| *shard < shards)?;
            Some(Self { shard, within: Step::read(within)?.into_within()? })
        };
        read().ok_or_else(StoreError::foreign_cursor)
    }

    /// Returns the cursor after a step in this shard.
    pub(super) fn next(self, within: Option<Cursor>, shards: usize) -> Option<Cursor> {
        let next = match within {
            Some(within) => Self { within: Some(within), ..self },
            None => Self { shard: self.shard + 1, within: None },
        };
        (next.shard < shards).then(|| Cursor::new(format!("{}.{}", next.shard, Step::at(next.within.as_ref()))))
    }
}

/// The progress of a walk within one shard, spelled without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Beginning,
    After(Cursor),
    Done,
}

impl Step {
    pub(super) fn at(within: Option<&Cursor>) -> Self {
        within.cloned().map_or(Self::Beginning, Self::After)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "-" => Some(Self::Beginning),
            "x" => Some(Self::Done),
            hex => Some(Self::After(Cursor::new(from_hex(hex)?))),
        }
    }

    fn into_within(self) -> Option<Option<Cursor>> {
        match self {
            Self::Beginning => Some(None),
            Self::After(cursor) => Some(Some(cursor)),
            Self::Done => None,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Beginning => f.write_char('-'),
            Self::Done => f.write_char('x'),
            // The cursors of stores may have any characters.
            Self::After(cursor) => cursor.as_str().bytes().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

fn from_hex(text: &str) -> Option<String> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = if is_hex { text.as_bytes().chunks(2).map(pair).collect() } else { None };
    String::from_utf8(bytes?).ok()
}
