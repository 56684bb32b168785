//! A session as a table row, as text and as JSON. Values are shown only on request, and the CSRF
//! token never.

use cloakroom::Timestamp;
use cloakroom::factory::{Json, Record};
use cloakroom::store::{Entry, ScannedSession, StoreKey};
use serde_json::{Map, Value, json};

use crate::device::{device, listed, sentence, word};
use crate::output::plain;
use crate::table::{bytes, table};
use crate::time::{span, utc};

/// The name of the binding to a device.
const DEVICE: &str = "device";

/// The choice to show or hide the application's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Hidden,
    Shown,
}

/// Formats sessions as a table.
pub(crate) fn rows(sessions: &[ScannedSession], now: Timestamp) -> String {
    let devices: Vec<_> = sessions.iter().map(listed).collect();
    // Most applications bind no sessions.
    let has_devices = devices.iter().any(Option::is_some);
    let rows: Vec<Vec<String>> = sessions
        .iter()
        .zip(&devices)
        .map(|(ScannedSession { key, version, entry, .. }, device)| {
            let owner = match &entry.owner {
                _ if entry.is_encrypted() => "(encrypted)".to_owned(),
                Some(owner) => plain(owner),
                None => "-".to_owned(),
            };
            let ends = entry.deadline.map_or_else(|| "never".to_owned(), |deadline| span(deadline.since(now)));
            let mut row = vec![
                key.prefix(),
                owner,
                span(now.since(entry.created)),
                span(now.since(entry.touched)),
                ends,
                version.number().to_string(),
                bytes(entry.text().len() as u64),
            ];
            row.extend(has_devices.then(|| word(device.as_ref())));
            row
        })
        .collect();
    let mut names = vec!["KEY", "OWNER", "CREATED, AGO", "USED, AGO", "ENDS IN", "VERSION", "SIZE"];
    names.extend(has_devices.then_some("DEVICE"));
    table(&names, &["VERSION", "SIZE"], &rows)
}

/// Returns the store's data about a session in a list, and its binding to a device.
pub(crate) fn summary(scanned: &ScannedSession) -> Map<String, Value> {
    let mut summary = facts(scanned);
    summary.extend(listed(scanned).map(|device| (DEVICE.to_owned(), device)));
    summary
}

/// Returns the store's data about a session, without decoding the record.
fn facts(ScannedSession { key, version, entry, .. }: &ScannedSession) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("key".to_owned(), key.to_hex().into());
    // The index of an encrypted record has a hash of the owner.
    facts.insert("owner".to_owned(), json!(entry.owner.as_ref().filter(|_| !entry.is_encrypted())));
    if entry.is_encrypted() {
        facts.insert("is_encrypted".to_owned(), true.into());
    }
    facts.insert("created".to_owned(), utc(entry.created).into());
    facts.insert("touched".to_owned(), utc(entry.touched).into());
    facts.insert("deadline".to_owned(), json!(entry.deadline.map(utc)));
    facts.insert("version".to_owned(), version.number().into());
    facts.insert("bytes".to_owned(), entry.text().len().into());
    facts
}

/// Returns the contents of a record.
pub(crate) fn contents(record: &Record, values: Values) -> Map<String, Value> {
    let shown = |json: &Json| match values {
        Values::Hidden => json!({ "bytes": json.as_str().len() }),
        Values::Shown => serde_json::from_str(json.as_str()).unwrap_or(Value::Null),
    };
    let clock = record.times();
    let data: Map<String, Value> = record.entries().map(|(name, value)| (name.to_owned(), shown(&value))).collect();
    let flashes: Map<String, Value> = record
        .flashes()
        .map(|(queue, waiting)| (queue.to_owned(), waiting.iter().map(|body| shown(body)).collect()))
        .collect();
    let mut contents = Map::new();
    contents.insert("label".to_owned(), json!(record.label()));
    contents.insert("remembered".to_owned(), clock.remembered.into());
    contents.insert("idle_deadline".to_owned(), json!(clock.idle_deadline.map(utc)));
    contents.insert("absolute_deadline".to_owned(), json!(clock.absolute_deadline.map(utc)));
    contents.insert("has_csrf_token".to_owned(), record.csrf().is_some().into());
    if record.alias().is_some() {
        contents.insert("has_alias".to_owned(), true.into());
    }
    if let Some(device) = device(record) {
        contents.insert(DEVICE.to_owned(), device);
    }
    contents.insert("values".to_owned(), Value::Object(data));
    contents.insert("flash".to_owned(), Value::Object(flashes));
    contents
}

/// Returns a session as JSON, with its contents.
pub(crate) fn session(scanned: &ScannedSession, values: Values) -> Value {
    let mut session = facts(scanned);
    match scanned.entry.record(&scanned.key) {
        Ok(record) => session.extend(contents(&record, values)),
        Err(_) => {
            session.insert("is_damaged".to_owned(), true.into());
        }
    }
    Value::Object(session)
}

/// Formats the same for people: one name and value per line.
pub(crate) fn lines(object: &Map<String, Value>, values: Values) -> String {
    let shown = object.iter().filter(|(_, value)| !value.is_null());
    let width = shown.map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in object {
        let value = match value {
            Value::Null => continue,
            Value::String(value) => plain(value),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Object(device) if name == DEVICE => sentence(device),
            Value::Object(inner) if inner.is_empty() => "none".to_owned(),
            Value::Object(inner) => {
                text.push_str(&format!("{}\n", name.replace('_', " ")));
                inner
                    .iter()
                    .for_each(|(name, value)| text.push_str(&format!("  {}: {}\n", plain(name), short(value, values))));
                continue;
            }
            Value::Number(_) | Value::Array(_) => plain(&value.to_string()),
        };
        text.push_str(&format!("{:width$}  {value}\n", name.replace('_', " ")));
    }
    text
}

fn short(value: &Value, values: Values) -> String {
    match (values, value) {
        (Values::Shown, value) => plain(&value.to_string()),
        (Values::Hidden, Value::Array(waiting)) => format!("{} messages", waiting.len()),
        (Values::Hidden, value) => bytes(value.get("bytes").and_then(Value::as_u64).unwrap_or_default()),
    }
}

/// Describes a session that was looked up by its key.
pub(crate) const fn known(key: StoreKey, version: cloakroom::store::Version, entry: Entry) -> ScannedSession {
    ScannedSession::new(key, version, entry)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom::factory::Record;
    use cloakroom::store::{Entry, ScannedSession, StoreKey, Version};
    use cloakroom::{CsrfToken, Lifetimes, Timestamp};

    use super::{Values, lines, rows, session};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn scanned() -> ScannedSession {
        let mut record = Record::new(NOW, &Lifetimes::default());
        record.restore("card", cloakroom::factory::Json::from_text("card", "\"4711\"").unwrap());
        record.restore_flash("", cloakroom::factory::Json::from_text("", "\"hello\"").unwrap());
        record.restore_csrf(CsrfToken::from_random([7; 32]));
        let entry = Entry::of(record).owner(Some("ann\u{7}".to_owned()));
        ScannedSession::new(StoreKey::from_bytes([0xab; 32]), Version::new(3), entry)
    }

    #[test]
    fn a_row() {
        let text = rows(&[scanned()], NOW + Duration::from_secs(90));
        let row = text.lines().nth(1).unwrap();
        assert!(row.starts_with("abababab  ann\\u{7}  1 min 30 s    1 min 30 s  18 min 30 s        3  "), "{row}");
    }

    #[test]
    fn values_are_shown_on_request_and_tokens_never() {
        let token = CsrfToken::from_random([7; 32]);
        for (values, shown) in [(Values::Hidden, false), (Values::Shown, true)] {
            let session = session(&scanned(), values);
            let text = lines(session.as_object().unwrap(), values) + &session.to_string();
            assert_eq!(text.contains("4711"), shown, "{text}");
            assert_eq!(text.contains("hello"), shown, "{text}");
            assert!(text.contains("card") && text.contains("csrf token"), "{text}");
            assert!(!text.contains(token.expose()), "{text}");
        }
    }

    #[test]
    fn damaged_sessions_are_reported() {
        let entry = Entry::new("nonsense".into(), NOW, NOW, None);
        let damaged = ScannedSession::new(StoreKey::from_bytes([1; 32]), Version::new(1), entry);
        assert_eq!(session(&damaged, Values::Hidden)["is_damaged"], true);
    }
}
