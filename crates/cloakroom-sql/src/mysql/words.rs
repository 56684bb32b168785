//! Conversion of numbered parameters for a server that only knows positional ones.

use std::sync::Arc;

use crate::link::Value;

/// A statement in MySQL's form, and the parameter at each of its places.
pub(super) struct Words {
    text: Arc<str>,
    places: Vec<usize>,
}

impl Words {
    pub(super) fn of(template: &str) -> Self {
        let (mut text, mut places) = (String::new(), Vec::new());
        let mut parts = template.split('$');
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            let place = part.strip_suffix(rest).and_then(|digits| digits.parse::<usize>().ok());
            places.push(place.unwrap_or_default().saturating_sub(1));
            text.push('?');
            text.push_str(rest);
        }
        Self { text: text.into(), places }
    }

    pub(super) const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns the parameters in order of appearance.
    pub(super) fn places<'a>(&'a self, values: &'a [Value]) -> impl Iterator<Item = &'a Value> {
        self.places.iter().filter_map(|place| values.get(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, Words};

    #[test]
    fn parameters_keep_their_places() {
        let words = Words::of("a = $2 AND b = $10 OR c = $1, $2)");
        assert_eq!(&*words.text, "a = ? AND b = ? OR c = ?, ?)");
        assert_eq!(words.places, [1, 9, 0, 1]);
        let values: Vec<Value> = (1..=10_u64).map(Value::from).collect();
        let places = words.places(&values).map(|value| format!("{value:?}"));
        assert_eq!(places.collect::<Vec<_>>(), ["Some(2)", "Some(10)", "Some(1)", "Some(2)"]);
    }
}
