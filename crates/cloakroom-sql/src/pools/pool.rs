//! A pool of one version of sqlx and one database.

use std::fmt;
use std::sync::Arc;

use crate::lent::Reader;
use crate::query::{Failure, Value};

/// A pool of one version of sqlx and one database.
pub(super) trait Pool: Clone + fmt::Debug + Send + Sync + 'static {
    type Connection: Send + 'static;

    /// The name of the store in metrics.
    const STORE: &'static str;
    /// False for a file, whose connections are always able to answer.
    const IS_NETWORK: bool;

    fn acquire(&self) -> impl Future<Output = Result<Self::Connection, Failure>> + Send;

    /// Returns the number of connections, and how many of them are idle.
    fn connections(&self) -> (usize, usize);

    fn ping(connection: &mut Self::Connection) -> impl Future<Output = bool> + Send;

    /// Closes the connection instead of returning it to the pool.
    fn close(connection: Self::Connection);

    fn rows(
        connection: &mut Self::Connection,
        text: &Arc<str>,
        values: Vec<&Value>,
        read: Reader<'_>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    fn changed(
        connection: &mut Self::Connection,
        text: &Arc<str>,
        values: Vec<&Value>,
    ) -> impl Future<Output = Result<u64, Failure>> + Send;

    fn migrate(&self, schema: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}
