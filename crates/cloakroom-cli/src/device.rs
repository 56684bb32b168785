//! The binding of a session to a device, as a word, as text and as JSON. Its secrets, the key and
//! the challenges are never shown.

use cloakroom::factory::Record;
use cloakroom::store::ScannedSession;
use serde_json::{Map, Value, json};

use crate::time::utc;

/// The names of the JSON fields.
const SINCE: &str = "bound_since";
const PROOF: &str = "last_proof";

/// Returns the binding in a record, or the offer of one.
pub(crate) fn device(record: &Record) -> Option<Value> {
    let binding = record.binding()?;
    Some(match binding.bound_at() {
        Some(bound) => json!({ SINCE: utc(bound), PROOF: binding.proven_at().map(utc) }),
        None => json!({ "is_offered": true }),
    })
}

/// Returns the same for a session in a list. A record that is encrypted or damaged has none.
pub(crate) fn listed(ScannedSession { key, entry, .. }: &ScannedSession) -> Option<Value> {
    device(entry.record(key).ok()?.as_ref())
}

/// Formats a binding as the word of a table.
pub(crate) fn word(device: Option<&Value>) -> String {
    let word = match device {
        Some(device) if device.get(SINCE).is_some() => "bound",
        Some(_) => "offered",
        None => "-",
    };
    word.to_owned()
}

/// Formats a binding as a sentence.
pub(crate) fn sentence(device: &Map<String, Value>) -> String {
    let text = |name| device.get(name).and_then(Value::as_str);
    match (text(SINCE), text(PROOF)) {
        (Some(since), Some(proof)) => format!("bound to a device since {since}, last proof {proof}"),
        (Some(since), None) => format!("bound to a device since {since}"),
        (None, _) => "a binding is offered".to_owned(),
    }
}
