//! Points in time as Python writes them: seconds since 1970, often with a fraction.

use cloakroom_session::{Json, Timestamp};

/// The latest that is believed, in seconds: the year 9999.
const LATEST: f64 = 253_402_300_800.0;

/// Reads a number of seconds, or a string that holds one, as Python's `float()` does.
///
/// A time before 1970 is 1970. Infinity and NaN are no times: a session dated so would never end.
pub(crate) fn seconds(json: &Json) -> Option<Timestamp> {
    let text = match json.as_str() {
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        text if text.starts_with('"') => json.decode::<String>("time").ok()?.trim().to_owned(),
        text => text.to_owned(),
    };
    let seconds: f64 = text.parse().ok()?;
    if !seconds.is_finite() || seconds > LATEST {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just checked to fit")]
    let millis = (seconds.max(0.0) * 1000.0).round() as u64;
    Some(Timestamp::from_unix_millis(millis))
}

/// Seconds with as much of a fraction as there is, as Python spells a float.
pub(crate) fn float(at: Timestamp) -> String {
    let (seconds, millis) = (at.unix_secs(), at.unix_millis() % 1000);
    let text = format!("{seconds}.{millis:03}");
    let short = text.trim_end_matches('0');
    // A float keeps its point.
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}
