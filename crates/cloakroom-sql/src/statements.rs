//! All SQL statements: each one once, and again where a dialect needs a different form.
//!
//! `{table}` and similar placeholders stand for the name of the table, see `name`. `$1` is always
//! the key (or the owner, or the time) and `$2` always `now`. PostgreSQL takes the texts as they
//! are, SQLite spells parameters `?1`, and MySQL spells them `?`, in order of appearance.
//!
//! Versions are parameters and never computed here. Every statement names its columns, because a
//! newer release may have added some. A replacement and a touch leave such columns unchanged, and a
//! session that moves starts with their defaults.
//!
//! # Deadlines and sweeping
//! The deadline of a session moves with each touch, so it has no index: otherwise a touch would
//! have to write every index. The sweeper finds rows by `sweep_at`, which is indexed and which a
//! touch leaves unchanged. The invariant: `sweep_at` is never later than the deadline. When the
//! sweeper reaches a row, the row has either expired and is deleted, or its `sweep_at` is set to
//! its deadline:
//!
//! | step | `deadline` | `sweep_at` |
//! |---|---|---|
//! | created at 12:00 | 12:20 | 12:20 |
//! | touched at 12:10 | 12:30 | 12:20 |
//! | visited by the sweeper at 12:21 | 12:30 | 12:30 |
//! | visited by the sweeper at 12:31 | removed | |

/// A session that hasn't expired, not a tombstone.
macro_rules! live {
    () => {
        "moved_to IS NULL AND (deadline IS NULL OR deadline >= $2)"
    };
}

macro_rules! columns {
    () => {
        "version, record, created, touched, deadline, owner, moved_to"
    };
}

macro_rules! replace {
    () => {
        concat!(
            "UPDATE {table} SET version = $9, record = $3, created = $4, touched = $5, deadline = $6, owner = $7, ",
            // The index on `sweep_at` is written only if the session now ends sooner.
            "sweep_at = CASE WHEN sweep_at <= $6 THEN sweep_at ELSE $6 END ",
            "WHERE store_key = $1 AND version = $8 AND ",
            live!()
        )
    };
}

macro_rules! insert {
    () => {
        "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, sweep_at) "
    };
}

/// Fails unless the table exists and has its newest column.
#[cfg(any(feature = "_postgres", feature = "_mysql"))]
pub(crate) const TABLE: &str = "SELECT sweep_at FROM {table} LIMIT 0";

pub(crate) const LOAD: &str = concat!("SELECT ", columns!(), " FROM {table} WHERE store_key = $1");

/// Selects the version of a live session, to find out why nothing was replaced.
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
pub(crate) const LIVE: &str = concat!("SELECT version FROM {table} WHERE store_key = $1 AND ", live!());

/// `$3` is the new `touched`, `$4` the new deadline. Never shortens: a session without a deadline
/// keeps none.
///
/// Writes nothing if another request has just written almost the same: `$5` and `$6` are the latest
/// values that are still overwritten.
macro_rules! touch {
    () => {
        concat!(
            "UPDATE {table} SET touched = CASE WHEN touched < $3 THEN $3 ELSE touched END, ",
            "deadline = CASE WHEN deadline < $4 THEN $4 WHEN $4 IS NULL THEN NULL ELSE deadline END ",
            "WHERE store_key = $1 AND ",
            live!(),
            " AND (touched <= $5 OR deadline <= $6 OR ($6 IS NULL AND deadline IS NOT NULL))"
        )
    };
}

#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
pub(crate) const TOUCH: &str = touch!();

/// The live sessions of the owner `$1`. Only the first bytes of a long name are indexed.
#[cfg(feature = "_postgres")]
macro_rules! mine_postgres {
    () => {
        concat!("substr(owner, 1, 255) = substr(CAST($1 AS BYTEA), 1, 255) AND owner = $1 AND ", live!())
    };
}

#[cfg(feature = "_mysql")]
macro_rules! mine_mysql {
    () => {
        concat!("owner_start = LEFT(CAST($1 AS BINARY), 255) AND owner = $1 AND ", live!())
    };
}

#[cfg(feature = "_sqlite")]
macro_rules! mine_sqlite {
    () => {
        concat!("owner = $1 AND ", live!())
    };
}

/// A page of `$5` sessions after the one that was created at `$3` and has the key `$4`.
macro_rules! owned {
    ($mine:ident, $behind:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", store_key FROM {table} WHERE ",
            $mine!(),
            " AND ",
            $behind,
            " ORDER BY created, store_key LIMIT $5"
        )
    };
}

/// The number of an owner's sessions, at most `$3`.
macro_rules! count_owned {
    ($mine:ident) => {
        concat!("SELECT count(*) FROM (SELECT 1 FROM {table} WHERE ", $mine!(), " LIMIT $3) AS counted")
    };
}

/// The `$4` oldest sessions of an owner, except `$3`.
macro_rules! oldest_owned {
    ($mine:ident) => {
        concat!($mine!(), " AND store_key <> $3 ORDER BY created, store_key LIMIT $4")
    };
}

/// The first `$4` live sessions that were created before `$1` and not before `$3`.
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
macro_rules! before {
    () => {
        concat!("created < $1 AND created >= $3 AND ", live!(), " ORDER BY created LIMIT $4")
    };
}

/// Selects their number and the creation time of the last one.
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
pub(crate) const BEFORE: &str =
    concat!("SELECT count(*), max(created) FROM (SELECT created FROM {table} WHERE ", before!(), ") AS found");

/// Selects the creation time of the row that follows the first `$3` rows of a step, whether they
/// are live or not. The step ends there, so that it reads a bounded number of rows.
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
pub(crate) const EDGE: &str =
    "SELECT created FROM {table} WHERE created >= $2 AND created < $1 ORDER BY created LIMIT 1 OFFSET $3";

/// `$1` is the key after which the page begins, `$3` the size of the page. Keys of another length
/// are skipped: no request can refer to them.
pub(crate) const SCAN: &str = concat!(
    "SELECT ",
    columns!(),
    ", store_key FROM {table} WHERE store_key > $1 AND length(store_key) = 32 AND ",
    live!(),
    " ORDER BY store_key LIMIT $3"
);

/// Deletes an expired entry, which counts as absent, to make room under its key.
pub(crate) const FORGET: &str = "DELETE FROM {table} WHERE store_key = $1 AND deadline < $2";

/// An expired entry counts as absent and is overwritten.
#[cfg(any(feature = "_sqlite", feature = "_postgres"))]
pub(crate) const CREATE: &str = concat!(
    insert!(),
    "VALUES ($1, $8, $3, $4, $5, $6, $7, $6) ON CONFLICT (store_key) DO UPDATE SET version = excluded.version, record = excluded.record, ",
    "created = excluded.created, touched = excluded.touched, deadline = excluded.deadline, owner = excluded.owner, moved_to = NULL, ",
    "sweep_at = excluded.sweep_at ",
    "WHERE {table}.deadline < $2"
);

#[cfg(feature = "_sqlite")]
pub(crate) mod sqlite {
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
}

#[cfg(feature = "_postgres")]
pub(crate) mod postgres {
    /// Selects whether the newest column exists, and the number of indexes minus those of an
    /// earlier release.
    ///
    /// The schema's own statements would lock a table that is already up to date, and wait for all
    /// its readers.
    pub(crate) const STATE: &str = "SELECT \
        (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attname = 'sweep_at'), \
        (SELECT count(*) FILTER (WHERE relname IN ('{name}_sweep', '{name}_created', '{name}_owned')) \
          - count(*) FILTER (WHERE relname IN ('{name}_deadline', '{name}_owner')) \
          FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = to_regclass('{table}') AND indisvalid)";

    /// The second half of a conditional write. Returns the version written, and the number of other
    /// live versions.
    ///
    /// The write may have waited for another request that changed, moved or ended the session. The
    /// statement's own snapshot still shows the earlier state, so the row is locked, which reads
    /// its current state:
    ///
    /// | current row | answer | meaning |
    /// |---|---|---|
    /// | the version seen | its successor, 0 | written |
    /// | another version | NULL, 1 | conflict |
    /// | a tombstone, or nothing | NULL, 0 | gone |
    macro_rules! answer {
        () => {
            concat!(
                "other AS (SELECT 1 FROM {table} WHERE store_key = $1 AND NOT EXISTS (SELECT 1 FROM done) AND ",
                live!(),
                " FOR UPDATE) SELECT (SELECT version FROM done), (SELECT count(*) FROM other)"
            )
        };
    }

    pub(crate) const REPLACE: &str = concat!("WITH done AS (", replace!(), " RETURNING version), ", answer!());

    /// The column `{told}` of the statements that end and move sessions: announces their keys to
    /// all processes when the transaction commits.
    ///
    /// One notification per statement. The server's limit is 8,000 bytes, so more than a hundred
    /// keys are announced as `*`, which stands for all sessions. Nothing is sent if nothing ended:
    /// a notification takes a lock of the whole server at the commit.
    pub(crate) const TOLD: &str = ", (SELECT count(pg_notify('{channel}', keys)) FROM (SELECT CASE WHEN count(*) <= 100 \
        THEN string_agg(encode(store_key, 'hex'), ' ') ELSE '*' END AS keys FROM done HAVING count(*) > 0) AS told)";

    /// Begins to listen on a connection.
    #[cfg(feature = "postgres")]
    pub(crate) const LISTEN: &str = "LISTEN \"{channel}\"";

    /// Sends a notification, to test that it arrives where the store listens.
    #[cfg(feature = "postgres")]
    pub(crate) const PROBE: &str = "SELECT count(pg_notify('{channel}', convert_from($1, 'UTF8')))";

    /// Returns the number of rows written, and the number of rows that needed no write. If the
    /// session ends while the update waits for it, the touch counts as earlier than the end.
    pub(crate) const TOUCH: &str = concat!(
        "WITH done AS (",
        touch!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), ",
        "(SELECT count(*) FROM {table} WHERE store_key = $1 AND NOT EXISTS (SELECT 1 FROM done) AND ",
        live!(),
        ")"
    );

    /// Writes the tombstone and the new entry in one statement: `$6` to `$10` are the entry, `$11`
    /// its version. If the new key is taken, the whole statement fails.
    pub(crate) const CYCLE: &str = concat!(
        "WITH done AS (UPDATE {table} SET record = '', owner = NULL, moved_to = $4, deadline = $5, sweep_at = $5 ",
        "WHERE store_key = $1 AND version = $3 AND ",
        live!(),
        " RETURNING store_key, CAST($11 AS BIGINT) AS version), placed AS (",
        insert!(),
        "SELECT $4, CAST($11 AS BIGINT), $6, $7, $8, $9, $10, $9 FROM done), ",
        answer!(),
        "{told}"
    );

    /// Ends a session under its current key. Returns the number of sessions ended and the number
    /// that there were to end.
    ///
    /// `chain` is the path from the key over its tombstones, as the statement's snapshot shows it.
    /// The deletion waits until the last row of the path is unlocked, and then evaluates the row's
    /// current state and not the snapshot's (PostgreSQL's rule for READ COMMITTED). By then, a
    /// session that another request moved concurrently is a tombstone:
    ///
    /// | snapshot | at the deletion | answer | next step of the caller |
    /// |---|---|---|---|
    /// | `A` session | `A` session | 1, 1 | it has ended |
    /// | `A` tombstone to `B`, `B` session | `B` session | 1, 1 | it has ended |
    /// | `A` session | `A` tombstone to `B`, `B` session | 0, 1 | asks again, and finds `B` |
    /// | `A` session | nothing: another request ended it | 0, 1 | asks again, and finds nothing |
    /// | nothing | | 0, 0 | there was none |
    pub(crate) const END: &str = concat!(
        "WITH RECURSIVE chain AS (SELECT store_key, moved_to FROM {table} ",
        "WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2) ",
        "UNION SELECT next.store_key, next.moved_to FROM {table} next JOIN chain ON next.store_key = chain.moved_to ",
        "WHERE next.deadline IS NULL OR next.deadline >= $2), ",
        "done AS (DELETE FROM {table} WHERE store_key = (SELECT store_key FROM chain WHERE moved_to IS NULL) AND ",
        live!(),
        " RETURNING store_key) ",
        "SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM chain WHERE moved_to IS NULL){told}"
    );

    /// Returns the number of rows removed and the number visited. `$2` is the number to visit, `$3`
    /// the most to remove.
    ///
    /// The limits have another type than every number in `END_BEFORE`: if a pooler confuses the two
    /// prepared statements, the values of one are an error for the other.
    pub(crate) const SWEEP: &str = concat!(
        "WITH met AS (SELECT store_key, deadline FROM {table} ",
        "WHERE sweep_at < $1 ORDER BY sweep_at LIMIT CAST($2 AS INTEGER) FOR UPDATE SKIP LOCKED), ",
        "live_on AS (UPDATE {table} SET sweep_at = deadline WHERE store_key = ANY (ARRAY(",
        "SELECT store_key FROM met WHERE deadline IS NULL OR deadline >= $1))), ",
        "gone AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(",
        "SELECT store_key FROM met WHERE deadline < $1 LIMIT CAST($3 AS INTEGER))) RETURNING 1) ",
        "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM met)"
    );

    pub(crate) const OWNED: &str = owned!(mine_postgres, "(created, store_key) > ($3, $4)");

    pub(crate) const COUNT_OWNED: &str = count_owned!(mine_postgres);

    /// Returns the number of sessions ended and the number that there were to end. The first is
    /// lower if some moved concurrently.
    pub(crate) const END_OWNED: &str = concat!(
        "WITH found AS (SELECT store_key FROM {table} WHERE ",
        oldest_owned!(mine_postgres),
        "), done AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(SELECT store_key FROM found)) AND owner = $1 AND ",
        live!(),
        " RETURNING store_key) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM found){told}"
    );

    /// The same for a page of all sessions. Also returns the creation time of the last one.
    ///
    /// If the table has no statistics and a pooler refuses `enable_bitmapscan=off`, the planner
    /// expects `IS NULL` and a range with two bounds to match almost no rows. It would then read
    /// and sort the rest of the table for each page. For `coalesce` it assumes half of the rows,
    /// and for each of two separate bounds a third: with these it reads the page in index order.
    /// The pair is `created < $1` in a form that the planner doesn't combine with the other bound;
    /// without an upper bound the last page would pass all dead rows of newer sessions.
    pub(crate) const END_BEFORE: &str = concat!(
        "WITH found AS (SELECT store_key, created FROM {table} ",
        "WHERE created >= $3 AND (created, store_key) < ($1, '') ",
        "AND coalesce(moved_to IS NULL, FALSE) AND coalesce(deadline >= $2, TRUE) ORDER BY created LIMIT $4), ",
        "done AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(SELECT store_key FROM found)) AND created < $1 AND ",
        live!(),
        " RETURNING store_key) ",
        "SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM found), (SELECT max(created) FROM found){told}"
    );

    /// Selects the creation time of the row that follows the first `$3` rows of a step, whether
    /// they are live or not. The step ends there, so that it reads a bounded number of rows.
    pub(crate) const EDGE: &str = "SELECT created FROM {table} WHERE created >= $2 AND (created, store_key) < ($1, '') \
        ORDER BY created LIMIT 1 OFFSET $3";

    /// Selects one row; texts as bytes, like everything that this crate reads. Only an
    /// administrator sees details of replicas; other users only see that they exist.
    pub(crate) const CHECKUP: &str = "SELECT convert_to(current_setting('server_version'), 'UTF8'), \
        CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), \
        convert_to(current_setting('fsync'), 'UTF8'), convert_to(current_setting('full_page_writes'), 'UTF8'), \
        convert_to(current_setting('synchronous_commit'), 'UTF8'), \
        CASE WHEN pg_is_in_recovery() THEN 1::BIGINT ELSE 0 END, \
        (SELECT count(*) FROM pg_stat_replication), convert_to(current_setting('synchronous_standby_names'), 'UTF8'), \
        (SELECT convert_to(CAST(relpersistence AS TEXT), 'UTF8') FROM pg_class WHERE oid = to_regclass('{table}')), \
        CASE WHEN current_setting('transaction_read_only') = 'on' THEN 1::BIGINT ELSE 0 END, \
        CASE WHEN current_setting('enable_bitmapscan') = 'off' THEN 1::BIGINT ELSE 0 END, \
        convert_to(current_setting('statement_timeout'), 'UTF8'), convert_to(current_setting('lock_timeout'), 'UTF8')";
}

#[cfg(feature = "_mysql")]
pub(crate) mod mysql {
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
}
