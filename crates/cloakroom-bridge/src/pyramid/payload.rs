//! The text in Pyramid's cookies: `[accessed, created, state]`.

use cloakroom_session::factory::{FrameworkData, Json, Record, Rejected, Text};
use cloakroom_session::{Error, Lifetimes, Timestamp};

use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::numbers::{float, seconds};
use crate::pyramid_keys::PyramidKeys;

/// Pickle protocols 2 and later begin with this byte.
const PICKLE: u8 = 0x80;

/// Reads the sealed text of a cookie.
pub(crate) fn open(keys: &PyramidKeys, payload: &[u8], lifetimes: &Lifetimes) -> Result<Record, Rejected> {
    // In pickle protocols 0 and 1, a tuple begins with its mark.
    if matches!(payload.first(), Some(&(PICKLE | b'('))) {
        return Err(Rejected::UnsafeSerializer);
    }
    let text = std::str::from_utf8(payload).map_err(|_| Rejected::Corrupt)?;
    let triple = Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)?;
    let triple = triple.elements().ok_or(Rejected::Corrupt)?;
    let [accessed, created, state] = triple.as_slice() else { return Err(Rejected::Corrupt) };
    let times = Times {
        created: Some(seconds(created).ok_or(Rejected::Corrupt)?),
        spelled: Some(Text::from(created.as_str())),
        touched: seconds(accessed).ok_or(Rejected::Corrupt)?,
        expires: None,
        idle: None,
        remembered: false,
    };
    read(keys, state, times, lifetimes)
}

/// Writes the text to seal in a cookie.
pub(crate) fn seal(
    keys: &PyramidKeys,
    record: &Record,
    now: Timestamp,
    lifetimes: &Lifetimes,
) -> Result<String, Error> {
    let extras = CloakroomExtras::of(record, lifetimes, Keeps::Created, keys.csrf_key());
    let state = write(keys, record, &extras, &[])?;
    Ok(format!("[{}, {}, {state}]", now.unix_secs(), created(keys, record)))
}

/// Returns the original text of the creation time if it hasn't changed.
fn created(keys: &PyramidKeys, record: &Record) -> String {
    let created = record.times().created;
    let spelled = record.foreign(keys.framework()).and_then(FrameworkData::note);
    let same = |text: &&str| Json::from_lenient("created", *text).is_ok_and(|json| seconds(&json) == Some(created));
    spelled.filter(same).map_or_else(|| float(created), str::to_owned)
}
