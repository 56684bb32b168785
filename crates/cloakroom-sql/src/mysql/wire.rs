//! Statements on borrowed connections.

use std::sync::Arc;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Pool, Row};

use super::failure::to_failure;
use super::lease::Lender;
use super::statements::Statement;
use crate::query::{Cells, Failure, Value};

/// The number of callers that request a connection from the application's pool at once: the pool
/// queues them itself.
const GIVEN: usize = 1024;

/// Connections, and the way in which statements are sent on them.
#[derive(Clone)]
pub(super) struct Wire(pub(super) Arc<Lender>);

impl Wire {
    /// Uses the application's own pool.
    pub(super) fn from_pool(pool: Pool) -> Self {
        Self(Arc::new(Lender::given(pool, GIVEN)))
    }

    /// Runs statements without values.
    pub(super) async fn execute(&self, text: &str) -> Result<(), Failure> {
        let mut lease = self.0.lend().await?;
        let done = lease.owing()?.query_drop(text).await;
        lease.answered();
        done.map_err(to_failure)
    }

    pub(super) async fn rows(&self, statement: &Statement, values: &[Value]) -> Result<Vec<Row>, Failure> {
        let mut lease = self.0.lend().await?;
        let rows = lease.owing()?.exec(&**statement.text(), parameters(statement, values)).await;
        lease.answered();
        rows.map_err(to_failure)
    }

    pub(super) async fn changed(&self, statement: &Statement, values: &[Value]) -> Result<u64, Failure> {
        let mut lease = self.0.lend().await?;
        let connection = lease.owing()?;
        let done = connection.exec_drop(&**statement.text(), parameters(statement, values)).await;
        let changed = connection.affected_rows();
        lease.answered();
        done.map(|()| changed).map_err(to_failure)
    }
}

fn parameters(statement: &Statement, values: &[Value]) -> Vec<mysql_async::Value> {
    let parameter = |value: &Value| match value {
        Value::Key(key) => key.as_bytes().as_slice().into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_deref().map(str::as_bytes).into(),
    };
    statement.places(values).map(parameter).collect()
}

impl Cells for Row {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        let value = self.as_ref(column)?;
        if let mysql_async::Value::Int(number) = value {
            Some(Some(*number))
        } else {
            (*value == mysql_async::Value::NULL).then_some(None)
        }
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        let value = self.as_ref(column)?;
        if let mysql_async::Value::Bytes(bytes) = value {
            Some(Some(bytes))
        } else {
            (*value == mysql_async::Value::NULL).then_some(None)
        }
    }
}
