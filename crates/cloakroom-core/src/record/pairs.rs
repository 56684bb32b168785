//! The keys and values of a record, which share the text that they were read from until they are
//! set.

use std::ops::Range;
use std::sync::Arc;

use crate::json::{Json, Text};

/// Keys and their JSON values, in the order of insertion.
///
/// A record is opened at every request but written at few, and most of its pairs are neither read
/// nor changed. A pair that was read is therefore stored as five offsets into the record's text.
/// Opening, cloning and dropping it involves no reference counts, and it is written back as it was
/// read.
#[derive(Clone, Default)]
pub(crate) struct Pairs {
    /// The text that the record was read from, if any.
    buffer: Option<Arc<str>>,
    pairs: Vec<Pair>,
}

#[derive(Clone)]
enum Pair {
    Read(Places),
    Set { key: Arc<str>, value: Arc<str> },
}

/// The offsets of a pair in the text that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The start of its first field. The pair ends with the value.
    start: u32,
    key: (u32, u32),
    value: (u32, u32),
}

impl Places {
    /// Returns `None` beyond 4 GiB, which no record reaches.
    pub(crate) fn new(start: usize, key: &Range<usize>, value: &Range<usize>) -> Option<Self> {
        let place = |at: usize| u32::try_from(at).ok();
        Some(Self {
            start: place(start)?,
            key: (place(key.start)?, place(key.end)?),
            value: (place(value.start)?, place(value.end)?),
        })
    }
}

const fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

/// A part of the encoded pairs.
pub(crate) enum Stretch<'a> {
    /// Fields that are written as they were read.
    Fields(&'a str),
    /// A pair that was set.
    Pair(&'a str, &'a str),
}

impl Pairs {
    pub(crate) const fn new() -> Self {
        Self { buffer: None, pairs: Vec::new() }
    }

    /// Creates an empty list for pairs of this text, with a capacity.
    pub(crate) fn reading(buffer: &Arc<str>, room: usize) -> Self {
        Self { buffer: Some(Arc::clone(buffer)), pairs: Vec::with_capacity(room) }
    }

    /// Appends a pair that was read from the text.
    pub(crate) fn push_read(&mut self, places: Places) {
        self.pairs.push(Pair::Read(places));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Returns keys and values.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Json)> {
        self.pairs.iter().map(|pair| (self.key(pair), self.json(pair)))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Json> {
        self.find(key).map(|pair| self.json(pair))
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Sets a value. Returns `true` if it differs from the previous one.
    pub(crate) fn set(&mut self, key: &Text, value: &Json) -> bool {
        let place = self.pairs.iter().position(|pair| is(self.buffer.as_ref(), pair, key.as_str()));
        let there = place.and_then(|place| self.pairs.get_mut(place));
        let same = |pair: &Pair| match pair {
            Pair::Read(places) => bytes(self.buffer.as_ref(), places.value) == value.as_str().as_bytes(),
            Pair::Set { value: it, .. } => **it == *value.as_str(),
        };
        match there {
            Some(pair) if same(pair) => return false,
            Some(Pair::Set { value: it, .. }) => *it = value.share(),
            Some(pair) => *pair = Pair::Set { key: key.share(), value: value.share() },
            None => self.pairs.push(Pair::Set { key: key.share(), value: value.share() }),
        }
        true
    }

    /// Removes a key. Returns `true` if it was present.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Self { buffer, pairs } = self;
        let before = pairs.len();
        pairs.retain(|pair| !is(buffer.as_ref(), pair, key));
        pairs.len() != before
    }

    /// Removes all pairs. Returns `true` if there were any.
    pub(crate) fn clear(&mut self) -> bool {
        let any = !self.is_empty();
        self.pairs.clear();
        any
    }

    /// Returns the parts to write, in order. Pairs that are adjacent in the text are one part.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let mut rest = self.pairs.as_slice();
        std::iter::from_fn(move || {
            let (first, behind) = rest.split_first()?;
            rest = behind;
            let (start, mut end) = match first {
                Pair::Set { key, value } => return Some(Stretch::Pair(key, value)),
                Pair::Read(places) => (places.start, places.value.1),
            };
            while let Some((Pair::Read(next), behind)) = rest.split_first()
                && next.start == end
            {
                (end, rest) = (next.value.1, behind);
            }
            Some(Stretch::Fields(self.text((start, end))))
        })
    }

    /// Returns `true` if many values are stored outside the text that was read, or if most of that
    /// text is no longer used.
    ///
    /// A pair that was set has two separate buffers. A value that was replaced stays in the text as
    /// long as any other pair uses that text.
    pub(crate) fn are_scattered(&self) -> bool {
        const FEW: usize = 4;
        const LITTLE: usize = 1024;
        let (mut set, mut read) = (0, 0);
        for pair in &self.pairs {
            match pair {
                Pair::Set { .. } => set += 1,
                Pair::Read(places) => read += (places.value.1 - places.start) as usize,
            }
        }
        let buffer = self.buffer.as_ref().map_or(0, |it| it.len());
        (set > FEW && set > self.pairs.len() / 4) || buffer > 2 * read + LITTLE
    }

    /// Returns each key with the size in bytes of the key and its value.
    pub(crate) fn sizes(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        self.pairs.iter().map(|pair| match pair {
            Pair::Read(places) => (self.text(places.key), range(places.key).len() + range(places.value).len()),
            Pair::Set { key, value } => (&**key, key.len() + value.len()),
        })
    }

    fn find(&self, key: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| is(self.buffer.as_ref(), pair, key))
    }

    fn text(&self, place: (u32, u32)) -> &str {
        self.buffer.as_ref().and_then(|it| it.get(range(place))).unwrap_or_default()
    }

    fn key<'a>(&'a self, pair: &'a Pair) -> &'a str {
        match pair {
            Pair::Read(places) => self.text(places.key),
            Pair::Set { key, .. } => key,
        }
    }

    fn json(&self, pair: &Pair) -> Json {
        let cut = |places: &Places| self.buffer.as_ref().and_then(|it| Text::slice(it, range(places.value)));
        Json::trusted(match pair {
            Pair::Read(places) => cut(places).unwrap_or_else(|| "".into()),
            Pair::Set { value, .. } => Arc::clone(value).into(),
        })
    }
}

/// Compares a pair's key by bytes, without checking character boundaries.
fn is(buffer: Option<&Arc<str>>, pair: &Pair, key: &str) -> bool {
    match pair {
        Pair::Read(places) => bytes(buffer, places.key) == key.as_bytes(),
        Pair::Set { key: it, .. } => **it == *key,
    }
}

fn bytes(buffer: Option<&Arc<str>>, place: (u32, u32)) -> &[u8] {
    buffer.and_then(|it| it.as_bytes().get(range(place))).unwrap_or_default()
}

impl PartialEq for Pairs {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Pairs {}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;
    use crate::json::{Json, Text};
    use crate::record::Record;

    fn read(record: &Record) -> Pairs {
        Record::decode(&record.encode().into(), 0).unwrap().data
    }

    fn record(sizes: &[usize]) -> Record {
        let mut record =
            Record::with_times(crate::SessionTimes::start(crate::Timestamp::default(), &crate::Lifetimes::default()));
        for (number, size) in sizes.iter().enumerate() {
            record.data.set(&Text::from(number.to_string()), &json(*size));
        }
        record
    }

    fn json(size: usize) -> Json {
        Json::trusted("1".repeat(size).into())
    }

    #[test]
    fn pairs_are_scattered_once_much_of_them_is_outside_the_text() {
        let twenty = vec![20; 20];
        for (row, sizes, set, expected) in [
            ("empty", &[][..], &[][..], false),
            ("all as it was read", &twenty, &[], false),
            ("a quarter was set", &twenty, &[(0, 20), (1, 20), (2, 20), (3, 20), (4, 20)], false),
            ("more than a quarter was set", &twenty, &[(0, 20), (1, 20), (2, 20), (3, 20), (4, 20), (5, 20)], true),
            ("a small record", &[9, 9], &[(0, 1), (1, 1), (2, 1), (3, 1)], false),
            ("a large value replaced by a small one", &[9, 65_536], &[(1, 1)], true),
            ("a value replaced by one of the same size", &[9, 900], &[(1, 900)], false),
        ] {
            let mut pairs = read(&record(sizes));
            for (number, size) in set {
                // Without the extra byte, the value would be equal to the previous one.
                pairs.set(&Text::from(number.to_string()), &json(size + 1));
            }
            assert_eq!(pairs.are_scattered(), expected, "{row}");
        }
    }
}
