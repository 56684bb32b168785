//! The format of an item, and its decoding. Other programs may have changed the table, so its
//! contents are untrusted.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Entry, Loaded, StoreError};

/// The attributes of an item.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The sort key of sessions and tombstones.
pub(crate) const SESSION: &str = "session";

/// The time for which an expired item stays, in seconds: a day.
const GRACE: u64 = 24 * 60 * 60;

/// The mark of a call, different for each write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call(u64);

impl Call {
    pub(crate) fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::unavailable(error.to_string()))?;
        Ok(Self(u64::from_le_bytes(bytes)))
    }

    pub(crate) fn value(self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0.to_le_bytes()))
    }
}

/// A stored session.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) version: Version,
    pub(crate) entry: Entry,
    pub(crate) call: Call,
    /// Its place in the index of its owner.
    pub(crate) place: Option<String>,
    /// Until when the index lists it; `None` means forever.
    pub(crate) listed: Option<Timestamp>,
}

/// The content of an item under the key of a session.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Session(Kept),
    Tombstone { to: StoreKey, until: Timestamp, call: Call },
}

impl Item {
    /// Decodes an item.
    pub(crate) fn read(key: &StoreKey, attributes: &Attributes) -> Result<Self, StoreError> {
        Self::of(attributes).ok_or_else(|| StoreError::corrupt(*key))
    }

    fn of(attributes: &Attributes) -> Option<Self> {
        let call = call(attributes)?;
        if let Some(moved) = attributes.get("moved") {
            return Some(Self::Tombstone { to: key_of(moved)?, until: time(attributes, "deadline")??, call });
        }
        let record: Arc<str> = text(attributes, "record")??.into();
        let (created, touched) = (time(attributes, "created")??, time(attributes, "touched")??);
        let owner = text(attributes, "owner")?.map(str::to_owned);
        let place = text(attributes, "place")?.map(str::to_owned);
        if owner.is_some() != place.is_some() {
            return None;
        }
        let version = number(attributes, "version")?.filter(|version| (1..=i64::MAX as u64).contains(version))?;
        Some(Self::Session(Kept {
            version: Version::new(version),
            entry: Entry::new(record, created, touched, time(attributes, "deadline")?).owner(owner),
            call,
            place,
            listed: time(attributes, "listed")?,
        }))
    }

    /// Returns the item unless it has expired.
    pub(crate) fn unexpired(self, now: Timestamp) -> Option<Self> {
        let expired = match &self {
            Self::Session(kept) => kept.entry.is_expired(now),
            Self::Tombstone { until, .. } => now > *until,
        };
        (!expired).then_some(self)
    }

    pub(crate) const fn call(&self) -> Call {
        match self {
            Self::Session(kept) => kept.call,
            Self::Tombstone { call, .. } => *call,
        }
    }

    pub(crate) fn loaded(self) -> Loaded {
        match self {
            Self::Session(kept) => Loaded::Live(kept.version, kept.entry),
            Self::Tombstone { .. } => Loaded::Moved,
        }
    }
}

/// Returns the time to live of an item with this deadline, in seconds.
pub(crate) fn expires(deadline: Timestamp) -> AttributeValue {
    AttributeValue::N((deadline.unix_millis() / 1000).saturating_add(GRACE).to_string())
}

pub(crate) fn millis(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.unix_millis().to_string())
}

pub(crate) fn number_of(version: &Version) -> AttributeValue {
    AttributeValue::N(version.number().to_string())
}

pub(crate) fn bytes_of(key: &StoreKey) -> AttributeValue {
    AttributeValue::B(Blob::new(*key.as_bytes()))
}

/// Reads a store key.
pub(crate) fn key_of(value: &AttributeValue) -> Option<StoreKey> {
    let bytes = value.as_b().ok()?.as_ref();
    Some(StoreKey::from_bytes(bytes.try_into().ok()?))
}

fn call(attributes: &Attributes) -> Option<Call> {
    let bytes = attributes.get("call")?.as_b().ok()?.as_ref();
    Some(Call(u64::from_le_bytes(bytes.try_into().ok()?)))
}

/// Reads an optional text. The outer `None` means that the attribute has another type.
fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<Option<&'a str>> {
    attributes.get(name).map_or(Some(None), |value| Some(Some(value.as_s().ok()?.as_str())))
}

/// Reads an optional number, in the same way.
fn number(attributes: &Attributes, name: &str) -> Option<Option<u64>> {
    attributes.get(name).map_or(Some(None), |value| Some(Some(value.as_n().ok()?.parse().ok()?)))
}

fn time(attributes: &Attributes, name: &str) -> Option<Option<Timestamp>> {
    Some(number(attributes, name)?.map(Timestamp::from_unix_millis))
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Item};
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue;
    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::StoreKey;

    fn whole() -> Attributes {
        let number = |value: u64| AttributeValue::N(value.to_string());
        let attributes = [
            ("record", AttributeValue::S("{}".to_owned())),
            ("version", number(1)),
            ("created", number(1_000)),
            ("touched", number(1_000)),
            ("deadline", number(2_000)),
            ("owner", AttributeValue::S("ann".to_owned())),
            ("place", AttributeValue::S("place".to_owned())),
            ("call", AttributeValue::B(Blob::new([7; 8]))),
        ];
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn items_are_checked() {
        let key = StoreKey::from_bytes([7; 32]);
        assert!(matches!(Item::read(&key, &whole()), Ok(Item::Session(_))));
        let number = |value: &str| Some(AttributeValue::N(value.to_owned()));
        let text = Some(AttributeValue::S("text".to_owned()));
        let table = [
            ("no record", "record", None),
            ("a record that is a number", "record", number("1")),
            ("no version", "version", None),
            ("version zero", "version", number("0")),
            ("a version of 64 bits", "version", number("9223372036854775808")),
            ("created before the epoch", "created", number("-1")),
            ("touched at a fraction", "touched", number("1.5")),
            ("a deadline that is a text", "deadline", text.clone()),
            ("an owner that is a number", "owner", number("1")),
            ("an owner without a place", "place", None),
            ("a place without an owner", "owner", None),
            ("no call", "call", None),
            ("a call of another length", "call", Some(AttributeValue::B(Blob::new([7; 9])))),
            ("a tombstone that leads nowhere", "moved", text),
        ];
        for (row, name, value) in table {
            let mut attributes = whole();
            match value {
                Some(value) => attributes.insert(name.to_owned(), value),
                None => attributes.remove(name),
            };
            assert!(Item::read(&key, &attributes).unwrap_err().is_corrupt(), "{row}");
        }
    }

    #[test]
    fn items_are_valid_at_their_deadline_and_not_after() {
        let key = StoreKey::from_bytes([7; 32]);
        let mut tombstone = whole();
        tombstone.insert("moved".to_owned(), AttributeValue::B(Blob::new([8; 32])));
        for attributes in [whole(), tombstone] {
            let at = |millis| Item::read(&key, &attributes).unwrap().unexpired(Timestamp::from_unix_millis(millis));
            assert!(at(2_000).is_some());
            assert!(at(2_001).is_none());
        }
    }
}
