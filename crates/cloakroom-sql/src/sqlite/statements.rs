//! The statements of the store.

use std::sync::Arc;

use crate::TableName;
use crate::name::composed;
use crate::statements::{self, sqlite as own};

/// The quote character for identifiers.
pub(super) const QUOTE: char = '"';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

composed! {
    Arc<str>, |table: &TableName, template: &str| table.compose(&template.replace('$', "?"), QUOTE);
    schema = SCHEMA,
    state = own::STATE,
    add_column = own::ADD_COLUMN,
    checkup = own::CHECKUP,
    load = statements::LOAD,
    live = statements::LIVE,
    create = statements::CREATE,
    replace = own::REPLACE,
    touch = statements::TOUCH,
    forget = statements::FORGET,
    cycle = own::CYCLE,
    end = own::END,
    live_on = own::LIVE_ON,
    sweep = own::SWEEP,
    owned = own::OWNED,
    count_owned = own::COUNT_OWNED,
    end_owned = own::END_OWNED,
    before = statements::BEFORE,
    end_before = own::END_BEFORE,
    scan = statements::SCAN,
}
