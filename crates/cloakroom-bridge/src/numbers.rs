//! Times in Python's form: seconds since 1970, often with a fraction.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::Json;

/// The latest time accepted, in seconds: the year 9999.
const LATEST: f64 = 253_402_300_800.0;

/// Parses a number of seconds, or a string that contains one, like Python's `float()`.
///
/// A time before 1970 becomes 1970. Infinity and NaN are refused: such a session would never end.
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
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    let millis = (seconds.max(0.0) * 1000.0).round() as u64;
    Some(Timestamp::from_unix_millis(millis))
}

/// Formats seconds with the shortest exact fraction, in Python's form of a float.
pub(crate) fn float(at: Timestamp) -> String {
    let (seconds, millis) = (at.unix_secs(), at.unix_millis() % 1000);
    let text = format!("{seconds}.{millis:03}");
    let short = text.trim_end_matches('0');
    // A float keeps its decimal point.
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}
