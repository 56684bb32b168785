//! All operations of a handler, as data for property tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_core::{Commit, CsrfToken, Duplicates, FlashId, Lifetimes, Record, SessionId, SessionState, Timestamp};
use proptest::prelude::*;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const ID: SessionId = SessionId::from_random([7; 32]);

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Insert(String, i64),
    Extend(Vec<(String, i64)>),
    Remove(String),
    Take(String),
    PopItem,
    GetOrInsert(String, i64),
    /// Doubles the value and adds this number, so that the order of two updates matters.
    Update(String, i64),
    Clear,
    Flash(String, u8),
    FlashOnce(String, u8),
    PopFlash(String),
    SetCsrf(u8),
    Csrf(u8),
    Idle(Option<u32>),
    Absolute(Option<u32>),
    Remember(u32),
    Own(String),
    Label(String),
    Changed,
}

impl Operation {
    pub(crate) fn run(&self, session: &mut SessionState) {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        match self {
            Self::Insert(key, value) => session.insert(key, value).unwrap(),
            Self::Extend(entries) => session.extend(entries.iter().map(|(key, value)| (key, value))).unwrap(),
            Self::Remove(key) => _ = session.remove(key),
            Self::Take(key) => _ = session.take::<i64>(key).unwrap(),
            Self::PopItem => _ = session.pop_item::<i64>().unwrap(),
            Self::GetOrInsert(key, value) => _ = session.get_or_insert_with(key, || *value).unwrap(),
            Self::Update(key, by) => {
                let by = *by;
                session.update(key, move |it: &mut i64| *it = it.wrapping_mul(2).wrapping_add(by)).unwrap();
            }
            Self::Clear => session.clear(),
            Self::Flash(queue, message) => _ = session.flash(queue, message, fresh(), Duplicates::Allow).unwrap(),
            Self::FlashOnce(queue, message) => {
                _ = session.flash(queue, message, fresh(), Duplicates::Suppress).unwrap()
            }
            Self::PopFlash(queue) => _ = session.pop_flash::<u8>(queue).unwrap(),
            Self::SetCsrf(seed) => session.set_csrf_token(CsrfToken::from_random([*seed; 32])),
            Self::Csrf(seed) => _ = session.csrf_token(|| CsrfToken::from_random([*seed; 32])),
            Self::Idle(timeout) => session.set_idle_timeout(timeout.map(seconds), NOW),
            Self::Absolute(timeout) => session.set_absolute_timeout(timeout.map(seconds), NOW),
            Self::Remember(span) => session.remember(seconds(*span), NOW),
            Self::Own(owner) => session.set_owner(owner, CsrfToken::from_random([77; 32]), NOW),
            Self::Label(label) => session.set_label(label),
            Self::Changed => session.changed(),
        }
    }
}

/// Operations on values of these keys and on these queues.
pub(crate) fn local(keys: &'static [&'static str], queues: &'static [&'static str]) -> BoxedStrategy<Operation> {
    use Operation::{Flash, FlashOnce, GetOrInsert, Insert, PopFlash, Remove, Take, Update};
    let key = || prop::sample::select(keys).prop_map(str::to_owned);
    let queue = || prop::sample::select(queues).prop_map(str::to_owned);
    // Few values, so that equal ones are frequent.
    let value = || -2..3_i64;
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Insert(key, value)),
        key().prop_map(Remove),
        key().prop_map(Take),
        (key(), value()).prop_map(|(key, value)| GetOrInsert(key, value)),
        (key(), value()).prop_map(|(key, by)| Update(key, by)),
        (queue(), 0..3_u8).prop_map(|(queue, message)| Flash(queue, message)),
        (queue(), 0..3_u8).prop_map(|(queue, message)| FlashOnce(queue, message)),
        queue().prop_map(PopFlash),
    ]
    .boxed()
}

/// Any operation.
pub(crate) fn any_operation() -> BoxedStrategy<Operation> {
    use Operation::{Absolute, Changed, Clear, Csrf, Extend, Idle, Label, Own, PopItem, Remember, SetCsrf};
    const KEYS: &[&str] = &["a", "b", "c", "", "ключ"];
    let entry = (prop::sample::select(KEYS).prop_map(str::to_owned), -2..3_i64);
    // A timeout of zero is written as a millisecond, see
    // `a_timeout_of_nothing_does_not_become_never`.
    let seconds = || 1..100_000_u32;
    prop_oneof![
        10 => local(KEYS, &["", "q", "errors"]),
        1 => prop::collection::vec(entry, 0..3).prop_map(Extend),
        1 => Just(PopItem),
        1 => Just(Clear),
        1 => any::<u8>().prop_map(SetCsrf),
        1 => any::<u8>().prop_map(Csrf),
        1 => prop::option::of(seconds()).prop_map(Idle),
        1 => prop::option::of(seconds()).prop_map(Absolute),
        1 => seconds().prop_map(Remember),
        // Another owner would start another session, see `nothing_of_another_owner_is_kept`.
        1 => Just(Own("ü;:".to_owned())),
        1 => "[a-cü;:]{0,4}".prop_map(Label),
        1 => Just(Changed),
    ]
    .boxed()
}

pub(crate) fn several(of: BoxedStrategy<Operation>) -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(of, 0..12)
}

/// Returns the record of a session after these operations, as a store or a cookie returns it.
pub(crate) fn stored(operations: &[Operation]) -> Record {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    operations.iter().for_each(|operation| operation.run(&mut session));
    through_the_wire(&outcome(&session))
}

/// Returns a new id for each message.
pub(crate) fn fresh() -> FlashId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    FlashId::from_random(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Commits the session in its current state. All random bytes are 1.
pub(crate) fn commit(session: &mut SessionState, now: Timestamp) -> Commit {
    let ones = |bytes: &mut [u8]| {
        bytes.fill(1);
        Ok::<_, std::convert::Infallible>(())
    };
    session.begin_commit(now, ones).unwrap()
}

/// Returns the record that a commit of the session would store.
pub(crate) fn outcome(session: &SessionState) -> Record {
    outcome_at(session, NOW)
}

pub(crate) fn outcome_at(session: &SessionState, now: Timestamp) -> Record {
    Record::clone(&commit(&mut session.clone(), now).record())
}

pub(crate) fn through_the_wire(record: &Record) -> Record {
    let read = Record::decode(&Arc::from(record.encode()), 0).expect("an encoded record must decode");
    assert_eq!(read, *record, "decoding returns the same record");
    read
}

/// Returns the session of a request that opened this record and ran these operations.
pub(crate) fn request(base: &Record, operations: &[Operation]) -> SessionState {
    let mut session = SessionState::loaded(ID, base.clone(), NOW, Lifetimes::default());
    operations.iter().for_each(|operation| operation.run(&mut session));
    session
}

/// Returns the values, sorted by key.
pub(crate) fn data(record: &Record) -> Vec<(String, String)> {
    let mut data: Vec<_> = record.entries().map(|(key, value)| (key.to_owned(), value.as_str().to_owned())).collect();
    data.sort();
    data
}

/// Returns the messages, sorted by queue.
pub(crate) fn messages(record: &Record) -> Vec<(String, Vec<String>)> {
    let bodies = |waiting: Vec<&cloakroom_core::Json>| waiting.iter().map(|it| it.as_str().to_owned()).collect();
    let mut queues: Vec<_> = record.flashes().map(|(queue, waiting)| (queue.to_owned(), bodies(waiting))).collect();
    queues.sort();
    queues
}
