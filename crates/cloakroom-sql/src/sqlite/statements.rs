//! The statements of the store.

use std::sync::Arc;

use crate::TableName;
use crate::name;
use crate::statements::{self, sqlite as own};
use crate::two_statements::TwoStatements;

/// The quote character for identifiers.
pub(super) const QUOTE: char = '"';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

pub(super) type Statements = name::Statements<Arc<str>, TwoStatements<Arc<str>>, Own>;

/// The statements that only SQLite has, and those that it has in common with MySQL.
pub(super) struct Own {
    pub(super) schema: Arc<str>,
    pub(super) state: Arc<str>,
    pub(super) add_column: Arc<str>,
    pub(super) live_on: Arc<str>,
    pub(super) before: Arc<str>,
}

/// Builds the statements for a table.
pub(super) fn statements(table: TableName) -> Statements {
    let build = |template: &str| table.compose(&template.replace('$', "?"), QUOTE);
    let write = |template, query: Option<&str>| TwoStatements { write: build(template), query: query.map(build) };
    Statements {
        load: build(statements::LOAD),
        create: build(statements::CREATE),
        replace: write(own::REPLACE, Some(statements::LIVE)),
        touch: write(statements::TOUCH, Some(statements::LIVE)),
        forget: build(statements::FORGET),
        cycle: write(own::CYCLE, Some(statements::LIVE)),
        end: write(own::END, None),
        sweep: build(own::SWEEP),
        owned: build(own::OWNED),
        count_owned: build(own::COUNT_OWNED),
        end_owned: write(own::END_OWNED, None),
        end_before: build(own::END_BEFORE),
        edge: build(statements::EDGE),
        scan: build(statements::SCAN),
        checkup: build(own::CHECKUP),
        own: Own {
            schema: build(SCHEMA),
            state: build(own::STATE),
            add_column: build(own::ADD_COLUMN),
            live_on: build(own::LIVE_ON),
            before: build(statements::BEFORE),
        },
        table,
    }
}
