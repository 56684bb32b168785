//! Statements of SQLite alone.

/// Returns a row if the table has the form of an earlier release.
pub(crate) const STATE: &str = "SELECT 1 FROM {schema}sqlite_schema WHERE type = 'table' AND name = '{name}' \
    AND NOT EXISTS (SELECT 1 FROM pragma_table_info('{name}') WHERE name = 'sweep_at')";

/// The first sweeps visit its rows, a few at a time.
pub(crate) const ADD_COLUMN: &str = "ALTER TABLE {table} ADD COLUMN sweep_at INTEGER DEFAULT 0";

pub(crate) const REPLACE: &str = replace!();

/// Moves a session in one statement: inserts two rows, and `ON CONFLICT` turns the old row into
/// a tombstone.
///
/// `$3` is the version seen, `$4` the new key, `$5` the tombstone's deadline, `$6` to `$10` the
/// entry, `$11` its version.
///
/// | row | before | inserted | conflict | after |
/// |---|---|---|---|---|
/// | old key | session, version `$3` | tombstone that leads to the new key | yes: updated | tombstone |
/// | new key | nothing | session, version `$11` | no | session |
///
/// If the new key is taken, the whole statement must fail, and `ON CONFLICT` must not overwrite
/// that row. So the update also sets the key to the old one. This changes nothing for the old
/// row, and is a duplicate key for any other row:
///
/// | row | before | inserted | conflict | after |
/// |---|---|---|---|---|
/// | old key | session | tombstone | yes: updated | undone: session |
/// | new key | another session | session | yes: its key would become the old one, which is taken: error | another session |
///
/// If the row doesn't have the version seen, the `SELECT` returns no rows and nothing is
/// inserted.
pub(crate) const CYCLE: &str = concat!(
    "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, moved_to, sweep_at) ",
    "SELECT * FROM (SELECT $1, $3, '', $7, $8, $5, NULL, $4, $5 UNION ALL SELECT $4, $11, $6, $7, $8, $9, $10, NULL, $9) ",
    "WHERE EXISTS (SELECT 1 FROM {table} WHERE store_key = $1 AND version = $3 AND ",
    live!(),
    ") ON CONFLICT (store_key) DO UPDATE SET store_key = $1, record = excluded.record, deadline = excluded.deadline, ",
    "owner = excluded.owner, moved_to = excluded.moved_to, sweep_at = excluded.sweep_at"
);

/// Follows the tombstones to the session's current key. `UNION` visits each key only once, so
/// that a ring of tombstones terminates.
pub(crate) const END: &str = concat!(
    "WITH RECURSIVE chain (store_key) AS (SELECT $1 UNION SELECT mark.moved_to FROM {table} mark ",
    "JOIN chain ON mark.store_key = chain.store_key WHERE mark.moved_to IS NOT NULL AND mark.deadline >= $2) ",
    "DELETE FROM {table} WHERE store_key IN (SELECT store_key FROM chain) AND ",
    live!()
);

pub(crate) const OWNED: &str = owned!(mine_sqlite, "(created, store_key) > ($3, $4)");

pub(crate) const COUNT_OWNED: &str = count_owned!(mine_sqlite);

pub(crate) const END_OWNED: &str = concat!(
    "DELETE FROM {table} WHERE store_key IN (SELECT store_key FROM {table} WHERE ",
    oldest_owned!(mine_sqlite),
    ")"
);

pub(crate) const END_BEFORE: &str =
    concat!("DELETE FROM {table} WHERE store_key IN (SELECT store_key FROM {table} WHERE ", before!(), ")");

/// The rows that a sweep visits: `$1` is now, `$2` their number.
macro_rules! met {
    () => {
        "store_key IN (SELECT store_key FROM {table} WHERE sweep_at < $1 ORDER BY sweep_at LIMIT $2)"
    };
}

pub(crate) const LIVE_ON: &str =
    concat!("UPDATE {table} SET sweep_at = deadline WHERE (deadline IS NULL OR deadline >= $1) AND ", met!());

pub(crate) const SWEEP: &str = concat!("DELETE FROM {table} WHERE deadline < $1 AND ", met!());

/// Selects the journal mode, the synchronous setting, the version, the clock in milliseconds,
/// and the path of the file.
pub(crate) const CHECKUP: &str = "SELECT (SELECT CAST(journal_mode AS BLOB) FROM pragma_journal_mode), \
    (SELECT synchronous FROM pragma_synchronous), CAST(sqlite_version() AS BLOB), \
    CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), \
    (SELECT CAST(file AS BLOB) FROM pragma_database_list WHERE seq = 0)";
