//! Statements of MySQL and MariaDB alone.

/// Selects whether the newest column has the form that this release needs; no rows if it is
/// missing.
pub(crate) const NEWEST_COLUMN: &str = "SELECT CAST(extra LIKE '%STORED%' AS SIGNED) FROM information_schema.columns \
    WHERE table_schema = {database} AND table_name = '{name}' AND column_name = 'owner_start'";

/// Upgrades a table of an earlier release. The first sweeps visit its rows, a few at a time.
///
/// `owner_start` is stored: after a crash on a full disk, MariaDB 10.11 has reported the index
/// of a virtual column as corrupt.
pub(crate) const ADD_COLUMN: &str = "ALTER TABLE {table} ADD COLUMN sweep_at BIGINT DEFAULT 0, \
    ADD COLUMN owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, ADD KEY `{name}_sweep` (sweep_at), \
    ADD KEY `{name}_created` (created), ADD KEY `{name}_owned` (owner_start, created, store_key), \
    DROP KEY `{name}_deadline`, DROP KEY `{name}_owner`";

/// Converts the virtual column of a table to a stored one.
pub(crate) const STORE_COLUMN: &str = "ALTER TABLE {table} DROP KEY `{name}_owned`, DROP COLUMN owner_start, \
    ADD COLUMN owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, \
    ADD KEY `{name}_owned` (owner_start, created, store_key)";

pub(crate) const REPLACE: &str = replace!();

/// Fails if the key exists.
pub(crate) const CREATE: &str = concat!(insert!(), "VALUES ($1, $8, $3, $4, $5, $6, $7, $6)");

/// Moves a session in one statement, like SQLite's `CYCLE`, which has tables of the rows before
/// and after.
///
/// `$3` is the version seen, `$4` the new key, `$5` the tombstone's deadline, `$6` to `$10` the
/// entry, `$11` its version. The `CAST`s give the columns of the two `UNION` rows a common
/// type, which parameters don't have. `FOR UPDATE` reads the newest version of the old row; a
/// plain read would use an older snapshot. A duplicate key is an error under every `sql_mode`
/// of the server.
///
/// The new row comes first, so that it is the one that fails on a full disk. The tombstone is
/// smaller than the session. Rolling it back needs disk space, and without any InnoDB aborts
/// the whole server (`Out of disk space in rollback`).
pub(crate) const CYCLE: &str = concat!(
    "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, moved_to, sweep_at) ",
    "SELECT rows_in.* FROM (SELECT CAST($4 AS BINARY(32)) AS store_key, CAST($11 AS SIGNED) AS version, ",
    "CAST($6 AS BINARY) AS record, CAST($7 AS SIGNED) AS created, CAST($8 AS SIGNED) AS touched, CAST($9 AS SIGNED) AS deadline, ",
    "CAST($10 AS BINARY) AS owner, CAST(NULL AS BINARY(32)) AS moved_to, CAST($9 AS SIGNED) AS sweep_at ",
    "UNION ALL SELECT CAST($1 AS BINARY(32)), CAST($3 AS SIGNED), CAST('' AS BINARY), CAST($7 AS SIGNED), CAST($8 AS SIGNED), CAST($5 AS SIGNED), ",
    "NULL, CAST($4 AS BINARY(32)), CAST($5 AS SIGNED)) AS rows_in ",
    "JOIN {table} there ON there.store_key = $1 AND there.version = $3 AND there.moved_to IS NULL ",
    "AND (there.deadline IS NULL OR there.deadline >= $2) FOR UPDATE ",
    "ON DUPLICATE KEY UPDATE store_key = $1, record = VALUES(record), ",
    "deadline = VALUES(deadline), owner = VALUES(owner), moved_to = VALUES(moved_to), ",
    "sweep_at = VALUES(sweep_at)"
);

pub(crate) const END: &str = concat!("DELETE FROM {table} WHERE store_key = $1 AND ", live!());

/// A row comparison of two columns would not use the index as a range.
pub(crate) const OWNED: &str = owned!(mine_mysql, "created >= $3 AND (created > $3 OR store_key > $4)");

pub(crate) const COUNT_OWNED: &str = count_owned!(mine_mysql);

pub(crate) const END_OWNED: &str = concat!("DELETE FROM {table} WHERE ", oldest_owned!(mine_mysql));

/// Returns a row if there is another session to end.
pub(crate) const MORE_OWNED: &str =
    concat!("SELECT version FROM {table} WHERE ", mine_mysql!(), " AND store_key <> $3 LIMIT 1");

pub(crate) const END_BEFORE: &str = concat!("DELETE FROM {table} WHERE ", before!());

/// Selects the key that a session has moved to; NULL if it hasn't moved.
pub(crate) const MOVED: &str =
    "SELECT moved_to FROM {table} WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2)";

/// The rows that a sweep visits: `$1` is now, `$2` their number. A derived table, which the
/// server materializes first.
macro_rules! met {
    () => {
        "JOIN (SELECT store_key FROM {table} WHERE sweep_at < $1 ORDER BY sweep_at LIMIT $2) AS met USING (store_key) "
    };
}

pub(crate) const LIVE_ON: &str =
    concat!("UPDATE {table} ", met!(), "SET sweep_at = deadline WHERE deadline IS NULL OR deadline >= $1");

pub(crate) const SWEEP: &str = concat!("DELETE there FROM {table} AS there ", met!(), "WHERE deadline < $1");

/// Selects one row that every user may read.
pub(crate) const CHECKUP: &str = "SELECT CAST(VERSION() AS BINARY), CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED), \
    CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@read_only AS SIGNED), CAST(@@sync_binlog AS SIGNED), \
    CAST(@@log_bin AS SIGNED), (SELECT CAST(engine AS BINARY) FROM information_schema.tables \
    WHERE table_schema = {database} AND table_name = '{name}'), CAST(@@innodb_read_only AS SIGNED)";
