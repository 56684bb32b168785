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

#[cfg(test)]
mod tests {
    use cloakroom::factory::Record;
    use cloakroom::store::{Entry, ScannedSession, StoreKey, Version};
    use cloakroom::{Lifetimes, Timestamp};

    use crate::describe::{Values, lines, rows, session, summary};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    /// Returns a session with this binding, as the record has it.
    fn scanned(binding: Option<&str>) -> ScannedSession {
        let field = binding.map_or_else(String::new, |binding| format!("D{}:{binding}", binding.len()));
        let text = Record::new(NOW, &Lifetimes::default()).encode() + &field;
        ScannedSession::new(StoreKey::from_bytes([0xab; 32]), Version::new(1), Entry::new(text.into(), NOW, NOW, None))
    }

    #[test]
    fn a_binding_is_shown_without_its_secrets() {
        let (challenge, key, secret) = ("C".repeat(32), "K".repeat(85) + "A", "S".repeat(42) + "A");
        let offer = format!("1.{}A.{challenge}.1700000000000", "I".repeat(21));
        let bound = format!("{offer}.{key}.{secret}.1700000000000.1700000060000.-.-.-");
        let (since, proof) = ("2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z");
        for (row, binding, word, sentence) in [
            ("not bound", None, "", String::new()),
            ("damaged", Some("1.2.3"), "", String::new()),
            ("an offer", Some(offer.as_str()), "offered", "a binding is offered".to_owned()),
            ("bound", Some(bound.as_str()), "bound", format!("bound to a device since {since}, last proof {proof}")),
        ] {
            let scanned = scanned(binding);
            let table = rows(std::slice::from_ref(&scanned), NOW);
            assert_eq!(table.contains("DEVICE"), !word.is_empty(), "{row}: {table}");
            assert!(table.lines().nth(1).unwrap().ends_with(word), "{row}: {table}");
            let (session, summary) = (session(&scanned, Values::Shown), summary(&scanned));
            assert_eq!(session.get("device"), summary.get("device"), "{row}");
            let text = lines(session.as_object().unwrap(), Values::Shown);
            let line = text.lines().find_map(|line| line.strip_prefix("device")).unwrap_or_default().trim();
            assert_eq!(line, sentence, "{row}: {text}");
            let all = table + &text + &session.to_string() + &serde_json::to_string(&summary).unwrap();
            for hidden in [&challenge, &key, &secret] {
                assert!(!all.contains(hidden), "{row}: {all}");
            }
        }
        let json = session(&scanned(Some(&bound)), Values::Hidden);
        assert_eq!(json["device"], serde_json::json!({ "bound_since": since, "last_proof": proof }));
    }

    #[test]
    fn a_table_has_a_word_for_each_session_if_one_has_a_binding() {
        let offer = format!("1.{}.{}.1700000000000", "A".repeat(22), "C".repeat(32));
        let table = rows(&[scanned(None), scanned(Some(&offer))], NOW);
        let words: Vec<_> = table.lines().map(|line| line.split_whitespace().next_back().unwrap()).collect();
        assert_eq!(words, ["DEVICE", "-", "offered"]);
    }
}
