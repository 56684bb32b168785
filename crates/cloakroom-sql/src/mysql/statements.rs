//! The statements of the store, with numbered parameters converted for a server that only knows
//! positional ones.

use std::sync::Arc;

use super::cluster;
use crate::TableName;
use crate::name::composed;
use crate::query::Value;
use crate::statements::{self, mysql as own};

/// The quote character for identifiers.
pub(super) const QUOTE: char = '`';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

composed! {
    Statement, |table: &TableName, template| Statement::of(&table.compose(template, QUOTE));
    checkup = own::CHECKUP,
    cluster = cluster::QUESTION,
    newest_column = own::NEWEST_COLUMN,
    present = statements::TABLE,
    load = statements::LOAD,
    live = statements::LIVE,
    touch = statements::TOUCH,
    owned = own::OWNED,
    count_owned = own::COUNT_OWNED,
    end_owned = own::END_OWNED,
    before = statements::BEFORE,
    end_before = own::END_BEFORE,
    scan = statements::SCAN,
    create = own::CREATE,
    replace = own::REPLACE,
    cycle = own::CYCLE,
    forget = statements::FORGET,
    end = own::END,
    more_owned = own::MORE_OWNED,
    moved = own::MOVED,
    live_on = own::LIVE_ON,
    sweep = own::SWEEP,
}

/// A statement in MySQL's form, and the parameter at each of its places.
pub(super) struct Statement {
    text: Arc<str>,
    places: Vec<usize>,
}

impl Statement {
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
    use super::{Statement, Value};

    #[test]
    fn parameters_keep_their_places() {
        let statement = Statement::of("a = $2 AND b = $10 OR c = $1, $2)");
        assert_eq!(&*statement.text, "a = ? AND b = ? OR c = ?, ?)");
        assert_eq!(statement.places, [1, 9, 0, 1]);
        let values: Vec<Value> = (1..=10_u64).map(Value::from).collect();
        let places = statement.places(&values).map(|value| format!("{value:?}"));
        assert_eq!(places.collect::<Vec<_>>(), ["Some(2)", "Some(10)", "Some(1)", "Some(2)"]);
    }
}
