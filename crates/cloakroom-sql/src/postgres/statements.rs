//! The statements of the store.

use std::sync::Arc;

use crate::TableName;
use crate::name::composed;
use crate::statements::{self, postgres as own};

/// The quote character for identifiers.
pub(super) const QUOTE: char = '"';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

composed! {
    Arc<str>, |table: &TableName, template| table.compose(template, QUOTE);
    state = own::STATE,
    present = statements::TABLE,
    checkup = own::CHECKUP,
    load = statements::LOAD,
    create = statements::CREATE,
    replace = own::REPLACE,
    touch = own::TOUCH,
    forget = statements::FORGET,
    cycle = own::CYCLE,
    end = own::END,
    sweep = own::SWEEP,
    owned = own::OWNED,
    count_owned = own::COUNT_OWNED,
    end_owned = own::END_OWNED,
    end_before = own::END_BEFORE,
    scan = statements::SCAN,
}
