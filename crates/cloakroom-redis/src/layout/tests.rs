use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Entry, Loaded};
use redis::Value;

use super::{Argument, HEAD_LEN, listed, loaded, number, parse, parse_key};
use crate::argument::{HEAD_SIZE, Live};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const TARGET: &str = "0123456789abcdef0123456789abcdef";

fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(NOW + Duration::from_secs(60)))
}

fn for_ever(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, None)
}

fn written(version: u64, entry: &Entry, call: &str, listed: Argument<'_>) -> String {
    Live { version, entry, call, listed, more: "" }.to_string()
}

#[test]
fn keys_are_parsed() {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number * 7 + 3);
    let key = StoreKey::from_bytes(bytes);
    assert_eq!(parse_key(key.as_bytes()), Some(key));
    for (row, bytes) in [("none", &[][..]), ("short", &[0; 31]), ("long", &[0; 33])] {
        assert_eq!(parse_key(bytes), None, "{row}");
    }
}

/// `LISTED` of the stored session, if a commit need not update the index.
#[test]
fn the_index_is_updated_only_if_its_entry_is_too_short() {
    let at = |seconds: u64| NOW + Duration::from_secs(seconds);
    let of =
        |owner: Option<&str>, deadline| Entry::new("text".into(), NOW, NOW, deadline).owner(owner.map(str::to_owned));
    let (user, nobody) = (Some("user"), None);
    let until = |seconds| Argument::time(at(seconds));
    for (row, owner, place, next, expected) in [
        ("no owner", nobody, Argument::Nothing, of(nobody, Some(at(100))), true),
        ("signed in", nobody, Argument::Nothing, of(user, Some(at(100))), false),
        ("signed out", user, until(200), of(nobody, Some(at(100))), false),
        ("another's", user, until(200), of(Some("else"), Some(at(100))), false),
        ("a longer name", user, until(200), of(Some("usertext and more"), Some(at(100))), false),
        ("long enough", user, until(150), of(user, Some(at(100))), true),
        ("less than half of the time left", user, until(149), of(user, Some(at(100))), false),
        ("too short", user, until(99), of(user, Some(at(100))), false),
        ("for ever", user, Argument::Text("ever"), of(user, None), true),
        ("now for ever", user, until(200), of(user, None), false),
        ("never listed", user, Argument::Nothing, of(user, Some(at(100))), false),
        ("not a time", user, Argument::Text("soon"), of(user, Some(at(100))), false),
    ] {
        let image = written(1, &of(owner, Some(at(100))), "-", place);
        let found = listed(image.as_bytes(), &next, NOW).map(|(listed, _)| listed.to_string());
        assert_eq!(found, expected.then(|| place.to_string()), "{row}");
        assert_eq!(listed(image.as_bytes(), &next, at(101)).map(|(it, _)| it.to_string()), None, "{row}, and expired");
    }
    for image in ["", "1", "> 1 - ab", "1 1 1 1 - - -\n", "1 1 1 1 - - - -", "1 1 1 1 - - - 9\nuser"] {
        assert!(listed(image.as_bytes(), &of(user, None), NOW).is_none(), "{image:?}");
    }
}

#[test]
fn fields_of_a_newer_release_are_ignored_and_kept() {
    for owner in [None, Some("ann".to_owned())] {
        let entry = entry("te\nxt").owner(owner);
        let listed_at = Argument::time(NOW + Duration::from_secs(600));
        let live = Live { version: 7, entry: &entry, call: "-", listed: listed_at, more: "" };
        let newer = Live { more: " sub=9 x", ..live };
        let [plain, newer] = [live.to_string(), newer.to_string()];
        assert!(newer.split('\n').next().unwrap().ends_with(" sub=9 x"), "{newer}");
        let expected = Some(Loaded::Live(Version::new(7), entry.clone()));
        assert_eq!(parse(newer.as_bytes(), NOW), expected);
        assert_eq!(parse(plain.as_bytes(), NOW), expected);
        for (image, more) in [(&plain, ""), (&newer, " sub=9 x")] {
            assert_eq!(listed(image.as_bytes(), &entry, NOW).map(|(_, more)| more), Some(more));
        }
    }
    let mark = format!("> 1700000000000 - {TARGET} sub=9");
    assert_eq!(parse(mark.as_bytes(), NOW), Some(Loaded::Moved));
    // A target may contain any bytes.
    let mark = [b"> 1700000000000 - ".as_slice(), b" \n\xff\0".repeat(8).as_slice(), b" sub=9"].concat();
    assert_eq!(parse(&mark, NOW), Some(Loaded::Moved));
}

#[test]
fn only_canonical_numbers_are_parsed() {
    for (row, text, expected) in [
        ("zero", "0", Some(0)),
        ("the largest", "18446744073709551615", Some(u64::MAX)),
        ("larger", "18446744073709551616", None),
        ("nothing", "", None),
        ("a plus sign", "+1", None),
        ("a fraction", "1.5", None),
        ("a leading zero", "01", None),
    ] {
        assert_eq!(number(text), expected, "{row}");
    }
}

/// The format of this release must be readable by every later version.
#[test]
fn a_session_is_a_line_its_owner_and_its_text() {
    let for_ever = for_ever("te\nxt").owner(Some("a \n é".to_owned()));
    for (row, value, expected) in [
        (
            "short",
            written(7, &entry("text"), "-", Argument::Nothing),
            "1 7 1700000000000 1700000000000 1700000060000 - - -\ntext",
        ),
        (
            "with everything but an end",
            written(1, &for_ever, "00ff", Argument::Text("ever")),
            "1 1 1700000000000 1700000000000 - 00ff ever 6\na \n éte\nxt",
        ),
    ] {
        assert_eq!(value, expected, "{row}");
    }
}

#[test]
fn values_are_parsed_as_written() {
    let [first, last] = [0, u64::MAX].map(Timestamp::from_unix_millis);
    for (row, version, entry) in [
        ("a text", 1, entry("text")),
        ("no text", 2, entry("")),
        ("lines", 3, entry("\n1 2 3\n\n")),
        ("for ever", 4, for_ever("text")),
        ("an owner", 5, entry("text").owner(Some("user".to_owned()))),
        ("an empty owner", 6, entry("text").owner(Some(String::new()))),
        ("an owner with special characters", 7, entry("-").owner(Some("a - \n 1 é\0日".to_owned()))),
        ("a long owner", 8, entry("text").owner(Some("x".repeat(1_000)))),
        ("a dash", 9, entry("text").owner(Some("-".to_owned()))),
        ("the largest numbers", u64::MAX, Entry::new("text".into(), last, last, Some(last))),
        ("the smallest numbers", 1, Entry::new("text".into(), first, first, None)),
    ] {
        for (call, listed) in
            [("-", Argument::Nothing), ("0123456789abcdefffffffffffffffff", Argument::Number(u64::MAX))]
        {
            let value = written(version, &entry, call, listed);
            let head = value.find('\n').unwrap_or(usize::MAX);
            assert!(head < HEAD_SIZE, "{row}: a head of {head} bytes");
            let expected = Some(Loaded::Live(Version::new(version), entry.clone()));
            assert_eq!(parse(value.as_bytes(), NOW), expected, "{row}: {value:?}");
        }
    }
}

#[test]
fn expired_and_moved_sessions_are_not_live() {
    let key = StoreKey::from_bytes([7; 32]);
    let get = |text: &str| loaded(&key, Value::BulkString(text.as_bytes().to_vec()), NOW).ok();
    assert_eq!(loaded(&key, Value::Nil, NOW).ok(), Some(Loaded::Absent));
    assert!(loaded(&key, Value::Int(1), NOW).is_err());
    for (row, value, expected) in [
        ("expired", "1 1 0 0 1699999999999 - - -\n".to_owned(), Loaded::Absent),
        ("moved", format!("> 1700000000000 - {TARGET}"), Loaded::Moved),
        ("moved by a call", format!("> 1700000000000 00ff {TARGET}"), Loaded::Moved),
        ("moved long ago", format!("> 1699999999999 - {TARGET}"), Loaded::Absent),
    ] {
        assert_eq!(get(&value), Some(expected), "{row}");
    }
}

#[test]
fn damaged_values_are_detected() {
    let short = TARGET.get(1..).unwrap_or_default();
    for (row, value) in [
        ("empty", String::new()),
        ("foreign", "value".to_owned()),
        ("an unknown kind", "2 1 0 0 - - - -\n".to_owned()),
        ("a kind without fields", "1".to_owned()),
        ("no line feed", "1 1 0 0 - - - -".to_owned()),
        ("a missing field", "1 1 0 0 - - -\n".to_owned()),
        ("a trailing space", "1 1 0 0 - - - - \n".to_owned()),
        ("two spaces before a newer field", "1 1 0 0 - - - -  x\n".to_owned()),
        ("an empty field", "1 1 0 0 -  - -\n".to_owned()),
        ("no version", "1 - 0 0 - - - -\n".to_owned()),
        ("a version before the first", "1 0 0 0 - - - -\n".to_owned()),
        ("a negative time", "1 1 -1 0 - - - -\n".to_owned()),
        ("a huge time", "1 1 0 18446744073709551616 - - - -\n".to_owned()),
        ("a deadline that is not a number", "1 1 0 0 soon - - -\n".to_owned()),
        ("an owner longer than the value", "1 1 0 0 - - - 5\nuser".to_owned()),
        ("an owner of maximum length", "1 1 0 0 - - - 18446744073709551615\nuser".to_owned()),
        ("an owner that ends within a character", "1 1 0 0 - - - 1\né".to_owned()),
        ("an owner's length that is not a number", "1 1 0 0 - - - user\nuser".to_owned()),
        ("a head longer than the limit", format!("1 1 0 0 - {} - -\n", "f".repeat(HEAD_LEN))),
        ("a tombstone without a target", "> 1700000000000 -".to_owned()),
        ("a tombstone with a short target", format!("> 1700000000000 - {short}")),
        ("a tombstone with a long target", format!("> 1700000000000 - {TARGET}0")),
        ("a tombstone without expiry", format!("> - - {TARGET}")),
        ("a tombstone with a trailing space", format!("> 1700000000000 - {TARGET} ")),
        ("a tombstone with a line feed", format!("> 1700000000000 - {TARGET}\n")),
        ("a tombstone with two spaces", format!("> 1700000000000  {TARGET}")),
    ] {
        assert_eq!(parse(value.as_bytes(), NOW), None, "{row}");
    }
    for (row, value) in [("text", &b"1 1 0 0 - - - -\n\xff\xfe"[..]), ("owner", b"1 1 0 0 - - - 2\n\xff\xfe")] {
        assert_eq!(parse(value, NOW), None, "invalid UTF-8: {row}");
    }
}
