//! The state of a session: `{"user":"\\"ann\\"","visits":"3"}`.

use cloakroom_session::factory::{Json, Record, Rejected};
use cloakroom_session::{Error, Lifetimes, Timestamp};

use super::keys::ActixKeys;
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, quoted, read, write};

pub(crate) const KEYS: ActixKeys = ActixKeys;

/// Reads a session from its state.
pub(crate) fn open(text: &str, now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
    let state = Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)?;
    let mut object = String::from("{");
    for (key, value) in state.members().ok_or(Rejected::Corrupt)? {
        let value: String = value.decode("session").map_err(|_| Rejected::Corrupt)?;
        // Text that isn't JSON is a value that no handler there can read. Here it is text.
        let value = match Json::from_text("session", value.as_str()) {
            Ok(value) => value.as_str().to_owned(),
            Err(_) => quoted(&value).map_err(|_| Rejected::Corrupt)?,
        };
        object.push_str(if object.len() > 1 { "," } else { "" });
        object.push_str(key.as_str());
        object.push(':');
        object.push_str(&value);
    }
    object.push('}');
    let object = Json::from_lenient("session", object).map_err(|_| Rejected::Corrupt)?;
    read(&KEYS, &object, Times::touched(now), lifetimes)
}

/// Writes a session as its state.
pub(crate) fn seal(record: &Record, lifetimes: &Lifetimes) -> Result<String, Error> {
    let extras = CloakroomExtras::of(record, lifetimes, Keeps::Nothing, KEYS.csrf_key());
    let object = Json::from_lenient("session", write(&KEYS, record, &extras, &[])?)?;
    let mut state = String::from("{");
    for (key, value) in object.members().unwrap_or_default() {
        state.push_str(if state.len() > 1 { "," } else { "" });
        state.push_str(key.as_str());
        state.push(':');
        state.push_str(&quoted(value.as_str())?);
    }
    state.push('}');
    Ok(state)
}
