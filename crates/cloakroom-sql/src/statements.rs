//! What is said to a database, in one place: each statement once, and once more where a dialect
//! needs its own words.
//!
//! `{table}` and its like stand for the name of the table, see `name`. `$1` is always the key (or
//! the owner, or the point) and `$2` always `now`. PostgreSQL takes the texts as they are, SQLite
//! spells the parameters `?1`, MySQL `?`, in the order in which they stand.
//!
//! Versions are parameters, and never counted here. Every statement names its columns: a newer
//! release may have added some, which a replacement and a touch leave as they are, and which a
//! session that moves begins without.
//!
//! # Deadlines and sweeping
//! The deadline of a session moves with each touch, so it has no index: a touch would write every
//! index anew. The sweeper finds rows by `sweep_at`, which has one, and which a touch leaves alone.
//! Its rule: `sweep_at` is never later than the deadline. A row that the sweeper meets is over and
//! removed, or lives on and gets its deadline there:
//!
//! | step | `deadline` | `sweep_at` |
//! |---|---|---|
//! | created at 12:00 | 12:20 | 12:20 |
//! | touched at 12:10 | 12:30 | 12:20 |
//! | met by the sweeper at 12:21 | 12:30 | 12:30 |
//! | met by the sweeper at 12:31 | removed | |

/// A session, not a mark, and not over.
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
            // Its index is written only where the session ends sooner than before.
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

/// An error unless the table is there, with its newest column.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) const TABLE: &str = "SELECT sweep_at FROM {table} LIMIT 0";

pub(crate) const LOAD: &str = concat!("SELECT ", columns!(), " FROM {table} WHERE store_key = $1");

/// The version under a key, if it is live: why a replacement found nothing to replace.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) const LIVE: &str = concat!("SELECT version FROM {table} WHERE store_key = $1 AND ", live!());

/// `$3` touched, `$4` the deadline. Never shortens: what lasts for ever goes on lasting for ever.
///
/// Writes nothing where another request has written almost the same: `$5` and `$6` are what is
/// early enough to be written again.
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

#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) const TOUCH: &str = touch!();

/// The live sessions of an owner: `$1`. Only the beginning of a long name is in an index.
#[cfg(feature = "postgres")]
macro_rules! mine_postgres {
    () => {
        concat!("substr(owner, 1, 255) = substr(CAST($1 AS BYTEA), 1, 255) AND owner = $1 AND ", live!())
    };
}

#[cfg(feature = "mysql")]
macro_rules! mine_mysql {
    () => {
        concat!("owner_start = LEFT(CAST($1 AS BINARY), 255) AND owner = $1 AND ", live!())
    };
}

#[cfg(feature = "sqlite")]
macro_rules! mine_sqlite {
    () => {
        concat!("owner = $1 AND ", live!())
    };
}

/// A page: behind the session that was created at `$3` and has the key `$4`, `$5` of them.
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

macro_rules! count_owned {
    ($mine:ident) => {
        concat!("SELECT count(*) FROM {table} WHERE ", $mine!())
    };
}

/// The oldest sessions of an owner but for `$3`, `$4` of them.
macro_rules! oldest_owned {
    ($mine:ident) => {
        concat!($mine!(), " AND store_key <> $3 ORDER BY created, store_key LIMIT $4")
    };
}

/// Live sessions that were created before `$1`, and not before `$3`: the first `$4` of them.
macro_rules! before {
    () => {
        concat!("created < $1 AND created >= $3 AND ", live!(), " ORDER BY created LIMIT $4")
    };
}

/// How many of these there are, and when the last of them was created.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) const BEFORE: &str =
    concat!("SELECT count(*), max(created) FROM (SELECT created FROM {table} WHERE ", before!(), ") AS found");

/// `$1` the key behind which the page begins, `$3` how many. A key of another length leads nowhere:
/// nobody can ask for it.
pub(crate) const SCAN: &str = concat!(
    "SELECT ",
    columns!(),
    ", store_key FROM {table} WHERE store_key > $1 AND length(store_key) = 32 AND ",
    live!(),
    " ORDER BY store_key LIMIT $3"
);

/// Makes room under a key: what is over is as good as not there.
pub(crate) const FORGET: &str = "DELETE FROM {table} WHERE store_key = $1 AND deadline < $2";

/// What is over is as good as not there.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const CREATE: &str = concat!(
    insert!(),
    "VALUES ($1, $8, $3, $4, $5, $6, $7, $6) ON CONFLICT (store_key) DO UPDATE SET version = excluded.version, record = excluded.record, ",
    "created = excluded.created, touched = excluded.touched, deadline = excluded.deadline, owner = excluded.owner, moved_to = NULL, ",
    "sweep_at = excluded.sweep_at ",
    "WHERE {table}.deadline < $2"
);

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite {
    pub(crate) const REPLACE: &str = replace!();

    /// Moves a session in one statement: two rows are inserted, and `ON CONFLICT` makes a mark of
    /// the old one.
    ///
    /// `$3` is the version seen, `$4` the new key, `$5` the mark's deadline, `$6` to `$10` the
    /// entry, `$11` its version.
    ///
    /// | row | before | inserted | conflict | after |
    /// |---|---|---|---|---|
    /// | old key | session, version `$3` | mark that leads to the new key | yes: updated | mark |
    /// | new key | nothing | session, version `$11` | no | session |
    ///
    /// A new key that is taken must fail the whole statement, and `ON CONFLICT` would overwrite it.
    /// So the update also sets the key to the old one. That changes nothing for the old row, and is
    /// a duplicate key for any other:
    ///
    /// | row | before | inserted | conflict | after |
    /// |---|---|---|---|---|
    /// | old key | session | mark | yes: updated | undone: session |
    /// | new key | another session | session | yes: its key would become the old one, which is taken: error | another session |
    ///
    /// Where the version seen isn't there, the `SELECT` gives no row, and nothing is inserted.
    pub(crate) const CYCLE: &str = concat!(
        "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, moved_to, sweep_at) ",
        "SELECT * FROM (SELECT $1, $3, '', $7, $8, $5, NULL, $4, $5 UNION ALL SELECT $4, $11, $6, $7, $8, $9, $10, NULL, $9) ",
        "WHERE EXISTS (SELECT 1 FROM {table} WHERE store_key = $1 AND version = $3 AND ",
        live!(),
        ") ON CONFLICT (store_key) DO UPDATE SET store_key = $1, record = excluded.record, deadline = excluded.deadline, ",
        "owner = excluded.owner, moved_to = excluded.moved_to, sweep_at = excluded.sweep_at"
    );

    /// Follows the marks to where the session is now. `UNION` takes each key once, so that marks in
    /// a ring end too.
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

    /// The rows that a sweep meets: `$1` now, `$2` how many.
    macro_rules! met {
        () => {
            "store_key IN (SELECT store_key FROM {table} WHERE sweep_at < $1 ORDER BY sweep_at LIMIT $2)"
        };
    }

    pub(crate) const LIVE_ON: &str =
        concat!("UPDATE {table} SET sweep_at = deadline WHERE (deadline IS NULL OR deadline >= $1) AND ", met!());

    pub(crate) const SWEEP: &str = concat!("DELETE FROM {table} WHERE deadline < $1 AND ", met!());
}

#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    /// The second half of a write under a version that was seen: the version written, and how many
    /// others are there.
    ///
    /// The write may have waited for another request that changed, moved or ended the session. The
    /// statement's own snapshot still shows what was there before, so the row is locked, which
    /// reads it as it is now:
    ///
    /// | now under the key | answer | meaning |
    /// |---|---|---|
    /// | the version seen | its successor, 0 | written |
    /// | another version | NULL, 1 | conflict |
    /// | a mark, or nothing | NULL, 0 | gone |
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

    /// Whether something was written, and whether there was nothing to write. Where the session
    /// ends while the update waits for it, the touch came before the end.
    pub(crate) const TOUCH: &str = concat!(
        "WITH done AS (",
        touch!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), ",
        "(SELECT count(*) FROM {table} WHERE store_key = $1 AND NOT EXISTS (SELECT 1 FROM done) AND ",
        live!(),
        ")"
    );

    /// Mark and new entry in one statement: `$6` to `$10` are the entry, `$11` its version. A new
    /// key that is taken fails the whole of it.
    pub(crate) const CYCLE: &str = concat!(
        "WITH done AS (UPDATE {table} SET record = '', owner = NULL, moved_to = $4, deadline = $5, sweep_at = $5 ",
        "WHERE store_key = $1 AND version = $3 AND ",
        live!(),
        " RETURNING CAST($11 AS BIGINT) AS version), placed AS (",
        insert!(),
        "SELECT $4, CAST($11 AS BIGINT), $6, $7, $8, $9, $10, $9 FROM done), ",
        answer!()
    );

    /// Ends a session where it is now: how many were ended, and how many there were to end.
    ///
    /// `chain` is what the statement's snapshot shows of the way from the key over its marks. The
    /// deletion waits for whoever has locked the row at its end, and then looks at the row again as
    /// it is now, not at the snapshot's (PostgreSQL's rule for READ COMMITTED). A session that
    /// another request has moved in that moment is a mark by then:
    ///
    /// | snapshot | at the deletion | answer | what the caller does |
    /// |---|---|---|---|
    /// | `A` session | `A` session | 1, 1 | it has ended |
    /// | `A` mark to `B`, `B` session | `B` session | 1, 1 | it has ended |
    /// | `A` session | `A` mark to `B`, `B` session | 0, 1 | asks again, and finds `B` |
    /// | `A` session | nothing: another request ended it | 0, 1 | asks again, and finds nothing |
    /// | nothing | | 0, 0 | there was none |
    pub(crate) const END: &str = concat!(
        "WITH RECURSIVE chain AS (SELECT store_key, moved_to FROM {table} ",
        "WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2) ",
        "UNION SELECT next.store_key, next.moved_to FROM {table} next JOIN chain ON next.store_key = chain.moved_to ",
        "WHERE next.deadline IS NULL OR next.deadline >= $2), ",
        "done AS (DELETE FROM {table} WHERE store_key = (SELECT store_key FROM chain WHERE moved_to IS NULL) AND ",
        live!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM chain WHERE moved_to IS NULL)"
    );

    /// How many were removed, and how many were met. `$2` is how many to meet, `$3` how many to
    /// remove at most.
    ///
    /// The limits are of another type than any number of `END_BEFORE`: where a pooler mixes up what
    /// was prepared, values of the one are an error of the other.
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

    /// How many were ended, and how many there were to end: fewer where some have moved on in this
    /// very moment.
    pub(crate) const END_OWNED: &str = concat!(
        "WITH found AS (SELECT store_key FROM {table} WHERE ",
        oldest_owned!(mine_postgres),
        "), done AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(SELECT store_key FROM found)) AND owner = $1 AND ",
        live!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM found)"
    );

    /// The same for a page of all sessions, and when the last of them was created.
    ///
    /// Without statistics, as behind a pooler that refuses `enable_bitmapscan=off`, the planner
    /// believes that `IS NULL` and a range with two ends leave almost no rows. It would then read
    /// and sort the rest of the table for each page. It takes `coalesce` for a coin toss and a range
    /// with one end for a third of the table: the page is read in the order of the index.
    pub(crate) const END_BEFORE: &str = concat!(
        "WITH found AS (SELECT store_key, created FROM (SELECT store_key, created FROM {table} ",
        "WHERE created >= $3 AND coalesce(moved_to IS NULL, FALSE) AND coalesce(deadline >= $2, TRUE) ",
        "ORDER BY created LIMIT $4) AS oldest WHERE created < $1), ",
        "done AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(SELECT store_key FROM found)) AND created < $1 AND ",
        live!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM found), (SELECT max(created) FROM found)"
    );
}

#[cfg(feature = "mysql")]
pub(crate) mod mysql {
    /// Whether the newest column is as this release needs it, or nothing where it isn't there.
    pub(crate) const NEWEST_COLUMN: &str = "SELECT CAST(extra LIKE '%STORED%' AS SIGNED) FROM information_schema.columns \
        WHERE table_schema = {database} AND table_name = '{name}' AND column_name = 'owner_start'";

    /// Brings a table of an earlier release up to date. Its rows are looked at by the first sweeps,
    /// a few at a time.
    ///
    /// `owner_start` is stored: after a crash on a full disk, MariaDB 10.11 has called the index of
    /// a computed one corrupt.
    pub(crate) const ADD_COLUMN: &str = "ALTER TABLE {table} ADD COLUMN sweep_at BIGINT DEFAULT 0, \
        ADD COLUMN owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, ADD KEY `{name}_sweep` (sweep_at), \
        ADD KEY `{name}_created` (created), ADD KEY `{name}_owned` (owner_start, created, store_key), \
        DROP KEY `{name}_deadline`, DROP KEY `{name}_owner`";

    /// Stores the column of a table in which it is computed.
    pub(crate) const STORE_COLUMN: &str = "ALTER TABLE {table} DROP KEY `{name}_owned`, DROP COLUMN owner_start, \
        ADD COLUMN owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, \
        ADD KEY `{name}_owned` (owner_start, created, store_key)";

    pub(crate) const REPLACE: &str = replace!();

    /// What is there already fails it.
    pub(crate) const CREATE: &str = concat!(insert!(), "VALUES ($1, $8, $3, $4, $5, $6, $7, $6)");

    /// Moves a session in one statement, as SQLite's `CYCLE` does: the tables of rows before and
    /// after are there.
    ///
    /// `$3` is the version seen, `$4` the new key, `$5` the mark's deadline, `$6` to `$10` the
    /// entry, `$11` its version. The `CAST`s give the two rows of the `UNION` one type a column,
    /// which parameters don't have. `FOR UPDATE` reads the newest version of the old row, where a
    /// plain read sees the one of before. A duplicate key is an error whatever the server's
    /// `sql_mode` is.
    ///
    /// The new row comes first: on a full disk it is the one that fails. The mark is smaller than
    /// the session, and to undo it takes room, without which InnoDB gives up (`Out of disk space in
    /// rollback`), and the whole server with it.
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

    /// A comparison of two columns at once would not be a range of the index.
    pub(crate) const OWNED: &str = owned!(mine_mysql, "created >= $3 AND (created > $3 OR store_key > $4)");

    pub(crate) const COUNT_OWNED: &str = count_owned!(mine_mysql);

    pub(crate) const END_OWNED: &str = concat!("DELETE FROM {table} WHERE ", oldest_owned!(mine_mysql));

    /// A row if there is one more to end.
    pub(crate) const MORE_OWNED: &str =
        concat!("SELECT version FROM {table} WHERE ", mine_mysql!(), " AND store_key <> $3 LIMIT 1");

    pub(crate) const END_BEFORE: &str = concat!("DELETE FROM {table} WHERE ", before!());

    /// Where a session has moved to, or nothing if it is there.
    pub(crate) const MOVED: &str =
        "SELECT moved_to FROM {table} WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2)";

    /// The rows that a sweep meets: `$1` now, `$2` how many. A table of its own within the
    /// statement, which the server makes first.
    macro_rules! met {
        () => {
            "JOIN (SELECT store_key FROM {table} WHERE sweep_at < $1 ORDER BY sweep_at LIMIT $2) AS met USING (store_key) "
        };
    }

    pub(crate) const LIVE_ON: &str =
        concat!("UPDATE {table} ", met!(), "SET sweep_at = deadline WHERE deadline IS NULL OR deadline >= $1");

    pub(crate) const SWEEP: &str = concat!("DELETE there FROM {table} AS there ", met!(), "WHERE deadline < $1");
}
