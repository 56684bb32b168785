//! The statements of the store.

use std::sync::Arc;

use crate::TableName;
use crate::name;
use crate::statements::{self, postgres as own};

/// The quote character for identifiers.
pub(super) const QUOTE: char = '"';

/// The table and its indexes.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

pub(super) type Statements = name::Statements<Arc<str>, Arc<str>, Own>;

/// The statements that only PostgreSQL has.
pub(super) struct Own {
    pub(super) state: Arc<str>,
    pub(super) present: Arc<str>,
    #[cfg(feature = "postgres")]
    pub(super) listen: Arc<str>,
    #[cfg(feature = "postgres")]
    pub(super) probe: Arc<str>,
}

/// Builds the statements for a table. With `notifies`, they announce ended sessions.
pub(super) fn statements(table: TableName, notifies: bool) -> Statements {
    let told = if notifies { own::TOLD } else { "" };
    let build = |template: &str| table.compose(&template.replace("{told}", told), QUOTE);
    Statements {
        load: build(statements::LOAD),
        create: build(statements::CREATE),
        replace: build(own::REPLACE),
        touch: build(own::TOUCH),
        forget: build(statements::FORGET),
        cycle: build(own::CYCLE),
        end: build(own::END),
        sweep: build(own::SWEEP),
        owned: build(own::OWNED),
        count_owned: build(own::COUNT_OWNED),
        end_owned: build(own::END_OWNED),
        end_before: build(own::END_BEFORE),
        edge: build(own::EDGE),
        scan: build(statements::SCAN),
        checkup: build(own::CHECKUP),
        own: Own {
            state: build(own::STATE),
            present: build(statements::TABLE),
            #[cfg(feature = "postgres")]
            listen: build(own::LISTEN),
            #[cfg(feature = "postgres")]
            probe: build(own::PROBE),
        },
        table,
    }
}
