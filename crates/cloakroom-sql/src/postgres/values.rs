//! The parameters and rows of the driver.

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::wire::Typed;
use crate::query::{Cells, Value};

pub(super) fn typed(values: &[Value]) -> Vec<Typed<'_>> {
    values.iter().map(|value| (value as _, value.kind())).collect()
}

impl Cells for Row {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        self.try_get(column).ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        self.try_get(column).ok()
    }
}

impl Value {
    /// Returns the type to send if the statement doesn't imply one.
    fn kind(&self) -> Type {
        match self {
            Self::Key(_) | Self::Text(_) => Type::BYTEA,
            Self::Number(_) => Type::INT8,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Key(key) => key.as_bytes().as_slice().to_sql_checked(kind, out),
            // A limit: values beyond the range of the type are clamped.
            Self::Number(Some(number)) if *kind == Type::INT4 => {
                i32::try_from(*number).unwrap_or(i32::MAX).to_sql_checked(kind, out)
            }
            Self::Number(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.as_deref().map(str::as_bytes).to_sql_checked(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::INT4, Type::INT8].contains(kind)
    }

    to_sql_checked!();
}
