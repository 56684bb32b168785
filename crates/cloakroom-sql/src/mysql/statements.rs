//! The statements of the store, with numbered parameters converted for a server that only knows
//! positional ones.

use std::sync::Arc;

use super::cluster;
use crate::TableName;
use crate::name;
use crate::query::Value;
use crate::statements::{self, mysql as own};
use crate::two_statements::TwoStatements;

/// The quote character for identifiers.
pub(super) const QUOTE: char = '`';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

pub(super) type Statements = name::Statements<Statement, TwoStatements<Statement>, Own>;

/// The statements that only MySQL has, and those that it has in common with SQLite.
pub(super) struct Own {
    pub(super) cluster: Statement,
    pub(super) newest_column: Statement,
    pub(super) present: Statement,
    pub(super) moved: Statement,
    pub(super) live_on: Statement,
    pub(super) before: Statement,
}

/// Builds the statements for a table.
pub(super) fn statements(table: TableName) -> Statements {
    let build = |template: &str| Statement::of(&table.compose(template, QUOTE));
    let write = |template, query: Option<&str>| TwoStatements { write: build(template), query: query.map(build) };
    Statements {
        load: build(statements::LOAD),
        create: build(own::CREATE),
        replace: write(own::REPLACE, Some(statements::LIVE)),
        touch: write(statements::TOUCH, Some(statements::LIVE)),
        forget: build(statements::FORGET),
        cycle: write(own::CYCLE, Some(statements::LIVE)),
        end: write(own::END, None),
        sweep: build(own::SWEEP),
        owned: build(own::OWNED),
        count_owned: build(own::COUNT_OWNED),
        end_owned: write(own::END_OWNED, Some(own::MORE_OWNED)),
        end_before: build(own::END_BEFORE),
        edge: build(statements::EDGE),
        scan: build(statements::SCAN),
        checkup: build(own::CHECKUP),
        own: Own {
            cluster: build(cluster::QUESTION),
            newest_column: build(own::NEWEST_COLUMN),
            present: build(statements::TABLE),
            moved: build(own::MOVED),
            live_on: build(own::LIVE_ON),
            before: build(statements::BEFORE),
        },
        table,
    }
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
