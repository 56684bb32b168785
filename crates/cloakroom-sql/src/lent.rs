//! A pool that the application lends to a store, independent of its library.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_store::store::StoreError;

use crate::query::{Cells, Failure, Value};

/// The future of one statement.
pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Reads one row.
pub(crate) type Reader<'a> = &'a mut (dyn FnMut(&dyn Cells) -> Result<(), StoreError> + Send);

/// Runs statements on connections of the application's pool.
pub(crate) trait LentPool: fmt::Debug + Send + Sync {
    /// Runs a query, and passes each row to `read`.
    fn rows<'a>(&'a self, text: &'a Arc<str>, values: Vec<&'a Value>, read: Reader<'a>) -> Asked<'a, ()>;

    /// Runs a write. Returns the number of rows written.
    fn changed<'a>(&'a self, text: &'a Arc<str>, values: Vec<&'a Value>) -> Asked<'a, u64>;

    /// Runs the statements of a migration.
    fn migrate<'a>(&'a self, schema: &'a str) -> Asked<'a, ()>;

    /// Returns the number of connections.
    #[cfg(feature = "_postgres")]
    fn connections(&self) -> usize;
}

/// The application's pool.
///
/// Only this crate can create one, so only this crate implements [`SqlxPool`].
#[derive(Clone, Debug)]
pub struct Lent(Arc<dyn LentPool>);

impl Lent {
    #[cfg(feature = "_sqlx")]
    pub(crate) fn new(pool: impl LentPool + 'static) -> Self {
        Self(Arc::new(pool))
    }

    /// Runs a query and reads its rows.
    pub(crate) async fn rows<'a, T: Send>(
        &self,
        text: &Arc<str>,
        values: impl Iterator<Item = &'a Value>,
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<Vec<T>, Failure> {
        let mut rows = Vec::new();
        let mut each = |cells: &dyn Cells| {
            rows.push(read(cells)?);
            Ok(())
        };
        self.0.rows(text, values.collect(), &mut each).await?;
        Ok(rows)
    }

    /// Runs a write. Returns the number of rows written.
    pub(crate) async fn changed<'a>(
        &self,
        text: &Arc<str>,
        values: impl Iterator<Item = &'a Value>,
    ) -> Result<u64, Failure> {
        self.0.changed(text, values.collect()).await
    }

    /// Runs the statements of a migration.
    pub(crate) async fn migrate(&self, schema: &str) -> Result<(), Failure> {
        self.0.migrate(schema).await
    }

    #[cfg(feature = "_postgres")]
    pub(crate) fn connections(&self) -> usize {
        self.0.connections()
    }
}

/// A pool of sqlx that a store accepts: the argument of `from_sqlx`.
///
/// | pool | features |
/// |---|---|
/// | of sqlx 0.9 | `sqlx-sqlite`, `sqlx-postgres`, `sqlx-mysql`; they need Rust 1.94 |
/// | of sqlx 0.8 | `sqlx08-sqlite`, `sqlx08-postgres`, `sqlx08-mysql` |
///
/// None of these features brings another driver along.
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't a pool that `{Store}` accepts",
    label = "not a pool of this database, or its feature is missing",
    note = "for a pool of sqlx 0.9, enable the feature `sqlx-sqlite`, `sqlx-postgres` or `sqlx-mysql` of `cloakroom`",
    note = "for a pool of sqlx 0.8, enable `sqlx08-sqlite`, `sqlx08-postgres` or `sqlx08-mysql`"
)]
pub trait SqlxPool<Store> {
    #[doc(hidden)]
    fn lent(self) -> Lent;
}
