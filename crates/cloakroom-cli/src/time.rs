//! Times and durations in the form that people write and read.

use std::time::Duration;

use cloakroom::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Formats a time in UTC, as in RFC 3339.
pub(crate) fn utc(point: Timestamp) -> String {
    let seconds = point.unix_secs();
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns year, month and day for a number of days since 1970 (Howard Hinnant's `civil_from_days`,
/// without earlier days).
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

/// The inverse of `date`.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let known = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let year = if month <= 2 { year - 1 } else { year };
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era, day_of_year) = (year / 400, year % 400, (153 * shifted + 2) / 5 + day - 1);
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    known.then(|| days.checked_sub(719_468))?
}

/// Formats a duration in at most its two largest units.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |large: u64, name: &str, small: u64, unit: u64, small_name: &str| match small / unit {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {small_name}"),
    };
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => two(seconds / MINUTE, "min", seconds % MINUTE, 1, "s"),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR, MINUTE, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY, HOUR, "h"),
    }
}

/// Parses a number and its unit: `90s`, `15m`, `2h`, `7d`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} isn't a duration: write 90s, 15m, 2h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return Err(wrong()),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = is_number.then(|| number.parse::<u64>().ok()?.checked_mul(unit)).flatten();
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// A time given as an age, a day, or a second of a day, both in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Ago(Duration),
    At(Timestamp),
}

impl When {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(span) = parse_span(text) {
            return Ok(Self::Ago(span));
        }
        parse_utc(text).map(Self::At).ok_or_else(|| {
            format!("{text:?} isn't a point in time: write 7d for a week ago, 2026-05-01, or 2026-05-01T12:30:00Z")
        })
    }

    pub(crate) fn point(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => before(now, span),
            Self::At(point) => point,
        }
    }
}

/// Returns the time that is this long before `now`, but not before 1970.
pub(crate) fn before(now: Timestamp, span: Duration) -> Timestamp {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_unix_millis(now.unix_millis().saturating_sub(millis))
}

fn parse_utc(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let numbers = |text: &str, sign| -> Option<[u64; 3]> {
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?;
        text.split(sign).map(digits).collect::<Option<Vec<u64>>>()?.try_into().ok()
    };
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time.strip_suffix('Z')?, ':')?;
    let day = days(year, month, day).filter(|_| hour < 24 && minute < 60 && second < 60)?;
    Some(Timestamp::from_unix_secs(day * DAY + hour * HOUR + minute * MINUTE + second))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom::Timestamp;

    use super::{When, date, days, parse_span, span, utc};

    #[test]
    fn dates_come_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let point = Timestamp::from_unix_secs(seconds);
            assert_eq!(utc(point), text);
            assert_eq!(When::parse(text), Ok(When::At(point)), "{text}");
        }
        for day in 0..60_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }

    #[test]
    fn spans() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (7_260, "2 h 1 min"),
            (259_200, "3 d"),
            (270_000, "3 d 3 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        for (text, seconds) in [
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("2h", Some(7_200)),
            ("7d", Some(604_800)),
            ("7", None),
            ("d", None),
            ("", None),
            ("+1s", None),
            ("1w", None),
            ("é", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(parse_span(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn points() {
        let now = Timestamp::from_unix_secs(1_700_000_000);
        assert_eq!(When::parse("1h").unwrap().point(now), Timestamp::from_unix_secs(1_699_996_400));
        assert_eq!(When::parse("99999d").unwrap().point(now), Timestamp::from_unix_secs(0));
        assert_eq!(When::parse("2023-11-14").unwrap().point(now), Timestamp::from_unix_secs(1_699_920_000));
        for wrong in [
            "",
            "yesterday",
            "2023-13-01",
            "2023-00-01",
            "1969-12-31",
            "2023-11-14T25:00:00Z",
            "2023-11-14T22:13:20",
            "2023-11",
        ] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }
}
