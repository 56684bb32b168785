//! Times in the form of JavaScript and Rails: `2100-01-01T00:00:00.000Z`.

use cloakroom_session::Timestamp;

const DAY: u64 = 24 * 60 * 60;

/// Returns the number of days from 1970 to a date, for years from 1970 on.
///
/// Counts years from March, so that the leap day is the last day of a year.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leap_days = (year / 4).checked_sub(year / 100)? + year / 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    // From 1 March of year 0 to 1970.
    (365 * year + leap_days + of_year).checked_sub(719_468)
}

/// Parses UTC with or without a fraction.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let sane = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sane || hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    let seconds = days(year, month, day)? * DAY + hour * 3600 + minute * 60 + second;
    Some(Timestamp::from_unix_millis(seconds * 1000 + millis))
}

/// Parses a date of Python's `isoformat` with an offset from UTC:
/// `2100-01-01T01:00:00.123456+01:00`.
#[cfg(feature = "django")]
pub(crate) fn parse_with_offset(text: &str) -> Option<Timestamp> {
    if text.ends_with('Z') {
        return parse(text);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let number = |text: &str| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
        is_two_digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let offset_millis = (number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?) * 60_000;
    let local = parse(&std::format!("{local}Z"))?.unix_millis();
    let millis = match offset.as_bytes().first()? {
        b'+' => local.checked_sub(offset_millis)?,
        b'-' => local.checked_add(offset_millis)?,
        _ => return None,
    };
    Some(Timestamp::from_unix_millis(millis))
}

/// Returns the year and the day of the year, counted from 1.
#[cfg(feature = "tower-sessions")]
pub(crate) fn year_and_day(at: Timestamp) -> Option<(u64, u64)> {
    let year = format(at).split('-').next()?.parse().ok()?;
    Some((year, at.unix_secs() / DAY + 1 - days(year, 1, 1)?))
}

/// Returns midnight of a day of a year, in seconds since 1970. The inverse of [`year_and_day`].
#[cfg(feature = "tower-sessions")]
pub(crate) fn midnight(year: u64, day: u64) -> Option<u64> {
    let sane = (1970..=9999).contains(&year) && (1..=366).contains(&day);
    if sane { Some((days(year, 1, 1)? + day - 1) * DAY) } else { None }
}

fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|it| it.len() == length && it.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Formats with milliseconds.
pub(crate) fn format(at: Timestamp) -> String {
    let (seconds, millis) = (at.unix_secs(), at.unix_millis() % 1000);
    let (day, second) = (seconds / DAY + 719_468, seconds % DAY);
    // The inverse: from the day to its 400-year era, to the year of the era, to the day of the
    // year.
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + later;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    std::format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn dates() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-03-01T00:00:00.001Z", 5_097_600_001),
            ("2000-02-29T12:30:59.999Z", 951_827_459_999),
            ("2023-11-14T22:13:20.250Z", 1_700_000_000_250),
            ("2024-12-31T23:59:59.000Z", 1_735_689_599_000),
            ("2100-01-01T00:00:00.000Z", 4_102_444_800_000),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59.000Z", 253_402_300_799_000),
        ] {
            let at = parse(text).unwrap();
            assert_eq!(at.unix_millis(), millis, "{text}");
            assert_eq!(format(at), text);
        }
        assert_eq!(parse("2023-11-14T22:13:20Z").map(|at| at.unix_millis()), Some(1_700_000_000_000));
    }

    #[cfg(feature = "django")]
    #[test]
    fn dates_with_an_offset() {
        for (text, millis) in [
            ("2023-11-14T22:13:20.250999+00:00", Some(1_700_000_000_250)),
            ("2023-11-14T23:43:20+01:30", Some(1_700_000_000_000)),
            ("2023-11-14T12:13:20-10:00", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20.250999", None),
            ("2023-11-14T22:13:20", None),
            ("2023-11-14T22:13:20+1:30", None),
            ("2023-11-14T22:13:20+01:60", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("+00:00", None),
            ("é+00:00", None),
            ("", None),
        ] {
            assert_eq!(super::parse_with_offset(text).map(|at| at.unix_millis()), millis, "{text}");
        }
    }

    #[test]
    fn invalid_dates_are_refused() {
        for text in [
            "",
            "Z",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20+01:00",
            "2023-13-14T22:13:20Z",
            "2023-11-00T22:13:20Z",
            "2023-11-14T24:13:20Z",
            "1969-12-31T23:59:59Z",
            "2023-11-14T22:13:20.0000000001Z",
            "2023-11-14T22:13:20.xZ",
            "+023-11-14T22:13:20Z",
            "20231114T221320Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
