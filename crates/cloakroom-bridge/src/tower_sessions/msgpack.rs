//! The MessagePack record of tower-sessions: `[id, data, expiry]`.
//!
//! The id is 16 bytes, the data a map of JSON values, and the expiry an array of year, day of the
//! year, hour, minute, second, nanosecond, and the offset from UTC in hours, minutes and seconds.

#![expect(clippy::wildcard_enum_match_arm, reason = "each function names the markers that it reads")]

use cloakroom_session::factory::{Json, Rejected};
use cloakroom_session::{Error, Timestamp};
use rmp::decode::{RmpRead as _, read_marker};
use rmp::{Marker, encode};

use crate::iso;
use crate::msgpack::{integer, read_value, take, write_value};

/// A decoded record.
pub(crate) struct Parts {
    pub(crate) data: Json,
    pub(crate) expires: Timestamp,
}

/// Decodes a record.
pub(crate) fn open(mut stored: &[u8]) -> Result<Parts, Rejected> {
    parts(&mut stored).filter(|_| stored.is_empty()).ok_or(Rejected::Corrupt)
}

fn parts(bytes: &mut &[u8]) -> Option<Parts> {
    (length_of_array(bytes)? == 3).then_some(())?;
    id(bytes)?;
    let mut text = String::with_capacity(bytes.len());
    // Only an object has members.
    read_value(bytes, 1, &mut text)?;
    let data = Json::from_lenient("session", text).ok().filter(|data| data.as_str().starts_with('{'))?;
    Some(Parts { data, expires: time(bytes)? })
}

/// Skips the id: the session was found under it.
fn id(bytes: &mut &[u8]) -> Option<()> {
    match read_marker(bytes).ok()? {
        Marker::Bin8 => {
            let length = usize::from(bytes.read_data_u8().ok()?);
            (take(bytes, length)?.len() == 16).then_some(())
        }
        marker => integer(bytes, marker).map(|_| ()),
    }
}

fn length_of_array(bytes: &mut &[u8]) -> Option<u32> {
    match read_marker(bytes).ok()? {
        Marker::FixArray(length) => Some(u32::from(length)),
        Marker::Array16 => bytes.read_data_u16().ok().map(u32::from),
        Marker::Array32 => bytes.read_data_u32().ok(),
        _ => None,
    }
}

/// Returns the end of the session in UTC. A time before 1970 becomes 1970, and one after 9999 the
/// last of that year.
fn time(bytes: &mut &[u8]) -> Option<Timestamp> {
    (length_of_array(bytes)? == 9).then_some(())?;
    let mut numbers = [0_i64; 9];
    for number in &mut numbers {
        let marker = read_marker(bytes).ok()?;
        *number = i64::try_from(integer(bytes, marker)?).ok()?;
    }
    let [year, day, hour, minute, second, nanosecond, offset_hours, offset_minutes, offset_seconds] = numbers;
    // These can't overflow, whatever the numbers are.
    let in_range = |number: i64, limit: i64| (0..limit).contains(&number);
    let within = |number: i64, limit: u64| number.unsigned_abs() < limit;
    let clock_is_sane =
        in_range(hour, 24) && in_range(minute, 60) && in_range(second, 60) && in_range(nanosecond, 1_000_000_000);
    let offset_is_sane = within(offset_hours, 26) && within(offset_minutes, 60) && within(offset_seconds, 60);
    let day_is_sane = (1..=366).contains(&day);
    (clock_is_sane && offset_is_sane && day_is_sane).then_some(())?;
    if year < 1970 {
        return Some(Timestamp::from_unix_secs(0));
    }
    let (year, day) = if year > 9999 { (9999, 365) } else { (year, day) };
    let midnight = iso::midnight(u64::try_from(year).ok()?, u64::try_from(day).ok()?)?;
    let local = i64::try_from(midnight).ok()? + hour * 3600 + minute * 60 + second;
    let seconds = local - (offset_hours * 3600 + offset_minutes * 60 + offset_seconds);
    let seconds = u64::try_from(seconds.max(0)).ok()?;
    let millis = u64::try_from(nanosecond / 1_000_000).ok()?;
    Some(Timestamp::from_unix_millis(seconds * 1000 + millis))
}

/// Encodes a record. `id` is in the order in which the cookie has it.
pub(crate) fn seal(id: [u8; 16], data: &Json, expires: Timestamp) -> Result<Vec<u8>, Error> {
    let mut id = id;
    // The cookie's order is that of little-endian numbers, the record's that of big-endian ones.
    id.reverse();
    let mut out = Vec::with_capacity(data.as_str().len() + 64);
    let length = |length: usize| u32::try_from(length).map_err(|_| Error::unavailable("the session is too large"));
    let members = data.members().unwrap_or_default();
    // Writing to memory doesn't fail.
    encode::write_array_len(&mut out, 3).map_err(Error::unavailable)?;
    encode::write_bin(&mut out, &id).map_err(Error::unavailable)?;
    encode::write_map_len(&mut out, length(members.len())?).map_err(Error::unavailable)?;
    for (key, value) in &members {
        let key: String = key.decode("key")?;
        encode::write_str(&mut out, &key).map_err(Error::unavailable)?;
        write_value(value, 2, &mut out).map_err(|reason| Error::inexact(&key, reason))?;
    }
    let (year, day) = iso::year_and_day(expires).ok_or_else(|| Error::unavailable("the expiry has no year"))?;
    let second = expires.unix_secs() % (24 * 60 * 60);
    let nanosecond = expires.unix_millis() % 1000 * 1_000_000;
    let time = [year, day, second / 3600, second / 60 % 60, second % 60, nanosecond, 0, 0, 0];
    encode::write_array_len(&mut out, 9).map_err(Error::unavailable)?;
    for number in time {
        encode::write_uint(&mut out, number).map_err(Error::unavailable)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::Json;

    use super::{open, seal};
    use crate::msgpack::{DEEPEST, check};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_250);

    fn sealed(data: &str) -> Vec<u8> {
        seal([7; 16], &Json::from_lenient("session", data).unwrap(), NOW).unwrap()
    }

    #[test]
    fn sealed_records_open() {
        for data in [
            "{}",
            r#"{"a":1,"b":-1,"c":255,"d":65536,"e":18446744073709551615,"f":-9223372036854775808}"#,
            r#"{"a":1.5,"b":1e300,"c":-0.0,"d":0.1,"e":1.0,"f":5e-324,"g":1e16}"#,
            r#"{"":null,"é ☃":"\u0000\"\\ ☃","list":[1,[2,{"three":[true,false]}]],"empty":{}}"#,
        ] {
            let parts = open(&sealed(data)).ok().unwrap();
            assert_eq!(parts.data.as_str(), data);
            assert_eq!(parts.expires, NOW);
        }
        for at in [0, 951_782_400_000, 1_735_689_599_999, 253_402_300_799_000] {
            let at = Timestamp::from_unix_millis(at);
            let stored = seal([0; 16], &Json::from_lenient("session", "{}").unwrap(), at).unwrap();
            assert_eq!(open(&stored).ok().unwrap().expires, at);
        }
    }

    #[test]
    fn no_prefix_and_no_change_of_a_byte_panics() {
        let stored = sealed(r#"{"a":[1,{"b":"c"}],"n":-1.5,"long":"0123456789012345678901234567890123456789"}"#);
        for length in 0..stored.len() {
            assert!(open(&stored[..length]).is_err(), "{length}");
            for byte in 0..=255 {
                let mut changed = stored.clone();
                changed[length] = byte;
                let _any_answer = open(&changed);
            }
        }
        assert!(open(&[&stored[..], &[0]].concat()).is_err());
    }

    /// Every number of the time, at the edges of what MessagePack holds: no arithmetic overflows.
    #[test]
    fn numbers_at_the_edges_do_not_panic() {
        let usual = [2026, 60, 12, 30, 30, 0, 0, 0, 0];
        let stored = |time: [i128; 9]| {
            let mut stored = [&[0x93, 0xc4, 16][..], &[0; 16], &[0x80, 0x99]].concat();
            for number in time {
                if let Ok(number) = i64::try_from(number) {
                    rmp::encode::write_i64(&mut stored, number).unwrap();
                } else {
                    rmp::encode::write_u64(&mut stored, number.try_into().unwrap()).unwrap();
                }
            }
            stored
        };
        assert!(open(&stored(usual)).is_ok());
        let edges =
            [i64::MIN.into(), i128::from(i64::MIN) + 1, -1, 0, 1, 365, 366, 367, i64::MAX.into(), u64::MAX.into()];
        for (first, second) in (0..9).flat_map(|first| (0..9).map(move |second| (first, second))) {
            for (at_first, at_second) in
                edges.iter().flat_map(|first| edges.iter().map(move |second| (*first, *second)))
            {
                let mut time = usual;
                (time[first], time[second]) = (at_first, at_second);
                if let Ok(parts) = open(&stored(time)) {
                    assert!(parts.expires.unix_secs() <= 253_402_300_799 + 3 * 24 * 60 * 60, "{time:?}");
                }
            }
        }
    }

    #[test]
    fn lengths_in_the_input_allocate_nothing() {
        let head = [&[0x93, 0xc4, 16][..], &[0; 16]].concat();
        for claim in [
            &[0xdf, 0xff, 0xff, 0xff, 0xff][..],
            &[0x81, 0xa1, b'a', 0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0x81, 0xa1, b'a', 0xdb, 0xff, 0xff, 0xff, 0xff],
            &[0x81, 0xa1, b'a', 0xc6, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(open(&[&head[..], claim].concat()).is_err(), "{claim:x?}");
        }
        // Deep nesting ends before the stack does.
        let deep = [&head[..], &[0x81, 0xa1, b'a'], &[0x91; 1_000_000]].concat();
        assert!(open(&deep).is_err());
    }

    #[test]
    fn values_that_messagepack_cannot_hold_are_refused() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        for (text, fits) in [
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("-9223372036854775809", false),
            ("0.1", true),
            ("0.12345678901234567", true),
            ("0.1234567890123456789", false),
            ("1000000000000000000000.0", true),
            ("1e999", false),
            ("NaN", false),
            ("-Infinity", false),
            (r#""\ud800""#, false),
            (r#"{"\udc00":1}"#, false),
            (&nested(DEEPEST - 1), true),
            (&nested(DEEPEST), false),
        ] {
            let checked = check("basket", &Json::from_lenient("it", text).unwrap());
            assert_eq!(checked.is_ok(), fits, "{text}");
            if let Err(error) = checked {
                assert_eq!(error.key(), Some("basket"));
            }
        }
    }
}
