//! The text form of records: nothing is lost, and no input does harm.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    CommitId, Corrupt, CsrfToken, Duplicates, Json, Lifetimes, Record, SessionState, SessionTimes, Timestamp,
};
use proptest::prelude::*;

use crate::operations::{ID, NOW, any_operation, data, fresh, messages, outcome_at, several, stored, through_the_wire};

fn any_clockwork() -> impl Strategy<Value = SessionTimes> {
    let span = || prop_oneof![0..10_u64, 0..100_000_000_u64, Just(u64::from(u32::MAX) * 1000)];
    let created = prop_oneof![Just(0), 1_600_000_000_000..1_900_000_000_000_u64];
    let own_idle = prop::option::of(prop::option::of((1..10_000_000_u64).prop_map(Duration::from_millis)));
    (created, span(), prop::option::of(span()), prop::option::of(span()), own_idle, any::<bool>()).prop_map(
        |(created, touched, idle, absolute, own_idle, remembered)| {
            let created = Timestamp::from_unix_millis(created);
            let after = |span| created + Duration::from_millis(span);
            let (idle_deadline, absolute_deadline) = (idle.map(after), absolute.map(after));
            let mut times = SessionTimes::start(created, &Lifetimes::default());
            times.touched = after(touched);
            (times.idle_deadline, times.absolute_deadline) = (idle_deadline, absolute_deadline);
            (times.own_idle, times.remembered) = (own_idle, remembered);
            times
        },
    )
}

fn any_json() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|it| serde_json::to_string(&it).unwrap()),
        any::<i64>().prop_map(|it| it.to_string()),
        Just("null".to_owned())
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    let data = prop::collection::vec((any::<String>(), any_json()), 0..6);
    let flashes = prop::collection::vec((prop::sample::select(vec!["", "q", "очередь", "1:2;"]), any_json()), 0..6);
    let token = prop::option::of("[ -~ü]{1,60}");
    let commits = prop::collection::vec((any::<[u8; 6]>(), 0..200_000_u64), 0..12);
    (any_clockwork(), data, flashes, token, commits).prop_map(|(times, data, flashes, token, commits)| {
        let mut record = Record::with_times(times);
        for (key, json) in data {
            let json = Json::from_text(&key, json).unwrap();
            record.restore(key, json);
        }
        for (queue, json) in flashes {
            record.restore_flash(queue, Json::from_text(queue, json).unwrap());
        }
        if let Some(token) = token {
            record.restore_csrf(CsrfToken::from_text(token).unwrap());
        }
        for (id, after) in commits {
            record.mark(CommitId::from_random(id), times.created + Duration::from_millis(after));
        }
        record
    })
}

/// Fields of a newer release, as text. Letters repeat, and lengths may have leading zeros. This
/// release knows the alias (`A`) and the binding (`D`).
fn any_extensions() -> impl Strategy<Value = Vec<String>> {
    let letters = ('A'..='Z').filter(|letter| !['A', 'D'].contains(letter));
    let field = (
        prop::sample::select(letters.collect::<Vec<_>>()),
        prop::sample::select(vec!["", "0", "000"]),
        any::<String>(),
    )
        .prop_map(|(letter, zeros, text)| format!("{letter}{zeros}{}:{text}", text.len()));
    prop::collection::vec(field, 0..6)
}

proptest! {
    #[test]
    fn any_record_comes_back_as_it_was(record in any_record(), before in any::<String>()) {
        prop_assert_eq!(&through_the_wire(&record), &record);
        let mut text = before.clone();
        record.encode_into(&mut text);
        prop_assert_eq!(Record::decode(&Arc::from(text), before.len()), Ok(record));
    }

    #[test]
    fn extension_fields_survive_a_change_byte_for_byte(
        before in several(any_operation()),
        extensions in any_extensions(),
        at in any::<prop::sample::Index>(),
        operations in several(any_operation()),
    ) {
        // After the known fields, where they are written, and one of them before.
        let known = stored(&before).encode();
        let (front, back) = extensions.split_at(at.index(extensions.len() + 1).min(1));
        let text = format!("1{}{}{}", front.concat(), &known[1..], back.concat());
        let read = Record::decode(&Arc::from(text), 0).unwrap();
        prop_assert_eq!(read.encode(), format!("{known}{}", extensions.concat()));
        let now = read.times().touched;
        let change = |record: Record| {
            let mut session = SessionState::loaded(ID, record, now, Lifetimes::default());
            operations.iter().for_each(|operation| operation.run(&mut session));
            let mut record = outcome_at(&session, now);
            record.mark(CommitId::from_random([1; 6]), now);
            record
        };
        let (without, with) = (change(Record::decode(&Arc::from(known), 0).unwrap()), change(read));
        prop_assert!(with.encode().ends_with(&extensions.concat()));
        prop_assert_eq!(data(&with), data(&without));
        prop_assert_eq!(messages(&with), messages(&without));
        prop_assert!(with.room() >= extensions.concat().len());
        through_the_wire(&with);
    }

    #[test]
    fn records_of_requests_are_read_back_unchanged(operations in several(any_operation())) {
        let record = stored(&operations);
        prop_assert_eq!(through_the_wire(&record), record);
    }

    #[test]
    fn decoding_any_text_does_not_panic(text in any::<String>(), start in 0..40_usize) {
        let _ = Record::decode(&Arc::from(text), start);
    }

    #[test]
    fn decoding_text_that_looks_like_a_record_does_not_panic(text in "1(c[0-9]{1,4};)?([ctiaornmxkvqbzwyAZ][0-9]{0,21}[:;]?[a-zé]{0,3}){0,12}") {
        check_what_decodes(&text);
    }

    #[test]
    fn decoding_a_damaged_record_does_not_panic(
        record in any_record(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<char>()), 1..4),
    ) {
        let mut text: Vec<char> = record.encode().chars().collect();
        for (at, kind, new) in damage {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.insert(at, new),
                1 if at < text.len() => _ = text.remove(at),
                2 if at < text.len() => text[at] = char::from(b"0123456789;:ctiaornxkvqmbwyAZ"[new as usize % 29]),
                _ => text.truncate(at),
            }
            if text.is_empty() {
                break;
            }
        }
        check_what_decodes(&text.into_iter().collect::<String>());
    }
}

/// Checks that a text that decodes is a valid record, which can be changed, written and read back.
fn check_what_decodes(text: &str) {
    if let Ok(record) = Record::decode(&Arc::from(text), 0) {
        through_the_wire(&record);
        // If the clock ran backwards, deadlines would be before the creation, and be written as the
        // creation.
        let now = record.times().touched;
        let mut session = SessionState::loaded(ID, record, now, Lifetimes::default());
        session.flash("q", &1, fresh(), Duplicates::Allow).unwrap();
        let _ = session.pop_flash::<u8>("q");
        let _ = session.entries::<u32>();
        session.clear();
        through_the_wire(&outcome_at(&session, now));
    }
}

#[test]
fn a_record_cut_anywhere_is_corrupt_or_shorter() {
    let text = stored(&[]).encode() + "k4:cartv2:[]k1:kv4:\"é\"q0:m0;b1:1";
    let whole = Record::decode(&Arc::from(text.as_str()), 0).unwrap();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        if let Ok(shorter) = Record::decode(&Arc::from(&text[..end]), 0) {
            assert_ne!(shorter, whole, "cut at {end}");
            assert!(shorter.entries().len() <= whole.entries().len());
        }
    }
}

#[test]
fn text_that_is_not_a_record_is_corrupt() {
    let huge = format!("1c0;k{}:a", u64::MAX);
    let rows = [
        ("an empty text", ""),
        ("version 0", "0c0;"),
        ("version 2", "2c0;"),
        ("only a version", "1"),
        ("no creation", "1t0;"),
        ("an unknown field", "1c0;z0;"),
        ("an extension field in the form of a number", "1c0;C0;"),
        ("an extension field cut short", "1c0;C4:abc"),
        ("an extension field that splits a character", "1c0;C1:é"),
        ("a letter that isn't ASCII", "1c0;É1:a"),
        ("a commit of more than 48 bits", "1c0;w281474976710656;"),
        ("a number without its end", "1c0"),
        ("a number without digits", "1c;"),
        ("a negative number", "1c-1;"),
        ("a signed number", "1c+1;"),
        ("a number with a fraction", "1c1.5;"),
        ("a number with a wrong end", "1c0:"),
        ("a number too large", "1c18446744073709551616;"),
        ("a text without its length", "1c0;k:v1:1"),
        ("a text with a wrong end of its length", "1c0;k1;av1:1"),
        ("a text longer than the record", "1c0;k5:av1:1"),
        ("a text that splits a character", "1c0;k1:év1:1"),
        ("a text of a length that overflows", huge.as_str()),
        ("a key without a value", "1c0;k1:a"),
        ("a value without a key", "1c0;v1:1"),
        ("two keys", "1c0;k1:ak1:bv1:1"),
        ("a message without a queue", "1c0;m0;b1:1"),
        ("a message without a body", "1c0;q0:m0;"),
        ("a body without a message", "1c0;q0:b1:1"),
        ("an empty CSRF token", "1c0;x0:"),
        ("text after the end", "1c0; "),
        ("JSON", "{\"c\":0}"),
    ];
    for (name, text) in rows {
        assert_eq!(Record::decode(&Arc::from(text), 0), Err(Corrupt), "{name}");
    }
    assert_eq!(Record::decode(&Arc::from("1c0;"), 5), Err(Corrupt), "a start after the end");
    assert_eq!(Record::decode(&Arc::from("é1c0;"), 1), Err(Corrupt), "a start inside a character");
    let long = format!("1c0;x257:{}", "x".repeat(257));
    assert_eq!(Record::decode(&Arc::from(long), 0), Err(Corrupt), "a CSRF token that is too long");
}

#[test]
fn the_marks_of_commits_are_read_and_written() {
    let id = |number: u8| CommitId::from_random([0, 0, 0, 0, 0, number]);
    let now = NOW + Duration::from_secs(61);
    let mut record = Record::with_times(SessionTimes::start(NOW, &Lifetimes::default()));
    assert_eq!((record.last_commit(), record.has_commit(id(0))), (None, false));
    record.mark(id(1), NOW);
    assert!(record.encode().ends_with("a86400000;w1;"), "no time for a mark as old as the last touch");
    record.mark(id(2), now);
    assert!(record.encode().ends_with("w1;w2;y61000;"), "{}", record.encode());
    // Stores keep touches separate from the text. The record still knows the age of its marks.
    let mut read = through_the_wire(&record);
    read.restore_touch(NOW + Duration::from_secs(600), None);
    assert_eq!((read.last_commit(), read.has_commit(id(1)), read.has_commit(id(3))), (Some(id(2)), true, false));
    read.mark(id(3), NOW + Duration::from_secs(601));
    assert_eq!((read.has_commit(id(2)), read.last_commit()), (false, Some(id(3))));
    // A record of a release that keeps more marks than this one.
    let many: String = (1..=9).map(|number| format!("w{number};")).collect();
    let read = Record::decode(&Arc::from(format!("1c0;{many}")), 0).unwrap();
    assert_eq!((read.has_commit(id(1)), read.has_commit(id(2)), read.last_commit()), (false, true, Some(id(9))));
}

#[test]
fn extension_fields_are_named_where_a_session_is_too_large() {
    let record = Record::decode(&Arc::from("1c0;k1:av2:12E3:abcF0:"), 0).unwrap();
    assert_eq!(record.largest(2), [("extension fields".to_owned(), 9), ("a".to_owned(), 3)]);
}

#[test]
fn the_number_of_the_next_message_is_read_and_ignored() {
    for text in ["1c0;n0;q0:m5;b1:1", "1c0;q0:m5;b1:1n0;", "1c0;q0:m5;b1:1n6;"] {
        let record = Record::decode(&Arc::from(text), 0).unwrap();
        assert_eq!(record.encode(), "1c0;t0;q0:m5;b1:1", "{text}");
    }
}

#[test]
fn edges_of_time_survive() {
    let end = Timestamp::from_unix_millis(u64::MAX);
    let mut times = SessionTimes::start(NOW, &Lifetimes::default());
    (times.idle_deadline, times.absolute_deadline) = (Some(end), Some(end));
    times.own_idle = Some(Some(Duration::from_millis(u64::MAX)));
    times.remembered = true;
    assert_eq!(*through_the_wire(&Record::with_times(times)).times(), times);
    let overflowing = format!("1c{0};t{0};i{0};a{0};o{0};n{0};", u64::MAX);
    let record = Record::decode(&Arc::from(overflowing), 0).unwrap();
    assert_eq!(record.times().ends(), Some(end));
    // Numbers at their maximum: nothing overflows, and messages can still be added and removed.
    let mut session = SessionState::loaded(ID, record, NOW, Lifetimes::default());
    for message in [1, 2, 2] {
        session.flash("q", &message, fresh(), Duplicates::Allow).unwrap();
    }
    assert_eq!(session.pop_flash::<u8>("q").unwrap(), [1, 2, 2]);
}

#[test]
fn a_timeout_of_nothing_does_not_become_never() {
    for (name, timeout, expected) in [
        ("zero", Duration::ZERO, Duration::from_millis(1)),
        ("less than a millisecond", Duration::from_micros(1), Duration::from_millis(1)),
        ("a millisecond", Duration::from_millis(1), Duration::from_millis(1)),
    ] {
        let mut session = SessionState::fresh(NOW, Lifetimes::default());
        session.set_idle_timeout(Some(timeout), NOW);
        let read = Record::decode(&Arc::from(session.record().encode()), 0).unwrap();
        assert_eq!(read.times().own_idle, Some(Some(expected)), "{name}");
    }
}

/// Unchanged fields are written as they were read. The result must equal that of a new record.
#[test]
fn a_changed_record_is_written_as_one_made_anew() {
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    type Row<'a> = (&'a str, fn(&mut SessionState), Pairs<'a>);
    let of = |pairs: Pairs<'_>| {
        let mut record = Record::new(NOW, &Lifetimes::default());
        for (key, value) in pairs {
            record.restore(*key, Json::from_text(key, *value).unwrap());
        }
        record
    };
    let table: [Row<'_>; 6] = [
        ("no change", |_| {}, &[("a", "1"), ("ключ", "2"), ("c", "3"), ("d", "4")]),
        ("the first value", |it| it.insert("a", &9).unwrap(), &[("a", "9"), ("ключ", "2"), ("c", "3"), ("d", "4")]),
        ("a middle value", |it| it.insert("c", &9).unwrap(), &[("a", "1"), ("ключ", "2"), ("c", "9"), ("d", "4")]),
        ("one removed", |it| assert!(it.remove("ключ")), &[("a", "1"), ("c", "3"), ("d", "4")]),
        (
            "one added",
            |it| it.insert("e", &5).unwrap(),
            &[("a", "1"), ("ключ", "2"), ("c", "3"), ("d", "4"), ("e", "5")],
        ),
        ("all", SessionState::clear, &[]),
    ];
    for (row, change, expected) in table {
        let text: Arc<str> = of(&[("a", "1"), ("ключ", "2"), ("c", "3"), ("d", "4")]).encode().into();
        let record = Record::decode(&text, 0).unwrap();
        let mut session = SessionState::loaded(ID, record, NOW, Lifetimes::default());
        change(&mut session);
        assert_eq!(session.record().encode(), of(expected).encode(), "{row}");
    }
}
