//! The difference between the entries that were loaded and those that are saved.

use std::collections::HashMap;

use serde_json::Value;

/// The entries of a record of tower-sessions.
pub(crate) type Entries = HashMap<String, Value>;

/// The changes that lead from one set of entries to another.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference<'a> {
    pub(crate) removed: Vec<&'a str>,
    pub(crate) set: Vec<(&'a str, &'a Value)>,
}

impl<'a> Difference<'a> {
    pub(crate) fn new(loaded: &'a Entries, saved: &'a Entries) -> Self {
        let removed = loaded.keys().filter(|key| !saved.contains_key(*key)).map(String::as_str).collect();
        let changed = |(key, value): &(&String, &Value)| loaded.get(*key) != Some(*value);
        let set = saved.iter().filter(changed).map(|(key, value)| (key.as_str(), value)).collect();
        Self { removed, set }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(value: Value) -> Entries {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_keys_that_differ_are_written() {
        let one = json!(1);
        type Keys<'a> = &'a [&'a str];
        #[rustfmt::skip] // one row, one line
        let rows: [(&str, Value, Value, Keys<'_>, Keys<'_>); 7] = [
            ("nothing", json!({}), json!({}), &[], &[]),
            ("unchanged", json!({"a": 1}), json!({"a": 1}), &[], &[]),
            ("a new key", json!({"b": 1}), json!({"a": 1, "b": 1}), &[], &["a"]),
            ("another value", json!({"a": 2}), json!({"a": 1}), &[], &["a"]),
            ("another type", json!({"a": "1"}), json!({"a": 1}), &[], &["a"]),
            ("a key less", json!({"a": 1, "b": 2}), json!({"a": 1}), &["b"], &[]),
            ("cleared, then a new key", json!({"b": 2}), json!({"a": 1}), &["b"], &["a"]),
        ];
        for (name, loaded, saved, removed, set) in rows {
            let (loaded, saved) = (entries(loaded), entries(saved));
            let set: Vec<_> = set.iter().map(|key| (*key, &one)).collect();
            assert_eq!(Difference::new(&loaded, &saved), Difference { removed: removed.to_vec(), set }, "{name}");
        }
    }
}
