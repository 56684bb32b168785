//! What is said to a database, in one place: each statement once, and once more where a dialect needs its own words.
//!
//! `{table}` and its like stand for the name of the table, see `name`.
//! `$1` is always the key (or the owner, or the point) and `$2` always `now`. PostgreSQL takes the texts as they are, SQLite spells
//! the parameters `?1`, MySQL `?`, in the order in which they stand.
//!
//! Versions are parameters, and never counted here. Every statement names its columns: a newer release may have added some, which a
//! replacement and a touch leave as they are, and which a session that moves begins without.
//!
//! # Deadlines and sweeping
//! The deadline of a session moves with each touch, so it has no index: a touch would write every index anew. The sweeper
//! finds rows by `sweep_at`, which has one, and which a touch leaves alone. Its rule: `sweep_at` is never later than the
//! deadline. A row that the sweeper meets is over and removed, or lives on and gets its deadline there:
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
/// Writes nothing where another request has written almost the same: `$5` and `$6` are what is early enough to be written again.
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

pub(crate) const OWNED: &str = concat!(
    "SELECT ",
    columns!(),
    ", store_key FROM {table} WHERE owner = $1 AND ",
    live!(),
    " ORDER BY created, store_key"
);

/// `$1` the key behind which the page begins, `$3` how many. A key of another length leads nowhere: nobody can ask for it.
pub(crate) const SCAN: &str = concat!(
    "SELECT ",
    columns!(),
    ", store_key FROM {table} WHERE store_key > $1 AND length(store_key) = 32 AND ",
    live!(),
    " ORDER BY store_key LIMIT $3"
);

#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) const END_BEFORE: &str = concat!("DELETE FROM {table} WHERE created < $1 AND ", live!());

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

    /// A move in one statement: two rows go in, of which the first meets the old one and makes a mark of it.
    ///
    /// `$3` the version seen, `$4` the new key, `$5` until when, `$6` to `$10` the entry, `$11` its version. What is under a new key that is taken would get
    /// the old key, which is taken too: that fails the whole of it.
    pub(crate) const CYCLE: &str = concat!(
        "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, moved_to, sweep_at) ",
        "SELECT * FROM (SELECT $1, $3, '', $7, $8, $5, NULL, $4, $5 UNION ALL SELECT $4, $11, $6, $7, $8, $9, $10, NULL, $9) ",
        "WHERE EXISTS (SELECT 1 FROM {table} WHERE store_key = $1 AND version = $3 AND ",
        live!(),
        ") ON CONFLICT (store_key) DO UPDATE SET store_key = $1, record = excluded.record, deadline = excluded.deadline, ",
        "owner = excluded.owner, moved_to = excluded.moved_to, sweep_at = excluded.sweep_at"
    );

    /// Follows the marks to where the session is now. `UNION` takes each key once, so that marks in a ring end too.
    pub(crate) const END: &str = concat!(
        "WITH RECURSIVE chain (store_key) AS (SELECT $1 UNION SELECT mark.moved_to FROM {table} mark ",
        "JOIN chain ON mark.store_key = chain.store_key WHERE mark.moved_to IS NOT NULL AND mark.deadline >= $2) ",
        "DELETE FROM {table} WHERE store_key IN (SELECT store_key FROM chain) AND ",
        live!()
    );

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
    /// The version written, and whether another one is there. The row is locked before it is looked at again, because the update may
    /// have waited for somebody who changed, moved or ended it: the statement's own snapshot doesn't know.
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

    /// Whether something was written, and whether there was nothing to write. Where the session ends while the update waits
    /// for it, the touch came before the end.
    pub(crate) const TOUCH: &str = concat!(
        "WITH done AS (",
        touch!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), ",
        "(SELECT count(*) FROM {table} WHERE store_key = $1 AND NOT EXISTS (SELECT 1 FROM done) AND ",
        live!(),
        ")"
    );

    /// Mark and new entry in one statement: `$6` to `$10` are the entry, `$11` its version. A new key that is taken fails the whole of it.
    pub(crate) const CYCLE: &str = concat!(
        "WITH done AS (UPDATE {table} SET record = '', owner = NULL, moved_to = $4, deadline = $5, sweep_at = $5 ",
        "WHERE store_key = $1 AND version = $3 AND ",
        live!(),
        " RETURNING CAST($11 AS BIGINT) AS version), placed AS (",
        insert!(),
        "SELECT $4, CAST($11 AS BIGINT), $6, $7, $8, $9, $10, $9 FROM done), ",
        answer!()
    );

    /// Whether something was ended, and whether there was something to end. Where there was but nothing was ended, it has moved on
    /// in this very moment: to be asked again.
    pub(crate) const END: &str = concat!(
        "WITH RECURSIVE chain AS (SELECT store_key, moved_to FROM {table} ",
        "WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2) ",
        "UNION SELECT next.store_key, next.moved_to FROM {table} next JOIN chain ON next.store_key = chain.moved_to ",
        "WHERE next.deadline IS NULL OR next.deadline >= $2), ",
        "done AS (DELETE FROM {table} WHERE store_key = (SELECT store_key FROM chain WHERE moved_to IS NULL) AND ",
        live!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM chain WHERE moved_to IS NULL)"
    );

    /// How many were removed, and how many were met. `$2` is how many to meet, `$3` how many to remove at most.
    ///
    /// The limits are of another type than any number of `END_BEFORE`: where a pooler mixes up what was prepared, values of
    /// the one are an error of the other.
    pub(crate) const SWEEP: &str = concat!(
        "WITH met AS (SELECT store_key, deadline FROM {table} ",
        "WHERE sweep_at < $1 ORDER BY sweep_at LIMIT CAST($2 AS INTEGER) FOR UPDATE SKIP LOCKED), ",
        "live_on AS (UPDATE {table} SET sweep_at = deadline WHERE store_key = ANY (ARRAY(",
        "SELECT store_key FROM met WHERE deadline IS NULL OR deadline >= $1))), ",
        "gone AS (DELETE FROM {table} WHERE store_key = ANY (ARRAY(",
        "SELECT store_key FROM met WHERE deadline < $1 LIMIT CAST($3 AS INTEGER))) RETURNING 1) ",
        "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM met)"
    );

    /// How many were ended, and how many there were to end: fewer where some have moved on in this very moment.
    pub(crate) const END_BEFORE: &str = concat!(
        "WITH there AS (SELECT 1 FROM {table} WHERE created < $1 AND ",
        live!(),
        "), done AS (",
        "DELETE FROM {table} WHERE created < $1 AND ",
        live!(),
        " RETURNING 1) SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM there)"
    );
}

#[cfg(feature = "mysql")]
pub(crate) mod mysql {
    /// A row where the table is as this release needs it.
    pub(crate) const NEWEST_COLUMN: &str = "SELECT 1 FROM information_schema.columns \
        WHERE table_schema = {database} AND table_name = '{name}' AND column_name = 'sweep_at'";

    /// Brings a table of an earlier release up to date. Its rows are looked at by the first sweeps, a few at a time.
    pub(crate) const ADD_COLUMN: &str = "ALTER TABLE {table} ADD COLUMN sweep_at BIGINT DEFAULT 0, \
        ADD KEY `{name}_sweep` (sweep_at), DROP KEY `{name}_deadline`";

    pub(crate) const REPLACE: &str = replace!();

    /// What is there already fails it.
    pub(crate) const CREATE: &str = concat!(insert!(), "VALUES ($1, $8, $3, $4, $5, $6, $7, $6)");

    /// A move in one statement: two rows go in, of which the first meets the old one and makes a mark of it.
    ///
    /// `$3` the version seen, `$4` the new key, `$5` until when, `$6` to `$10` the entry, `$11` its version. What is under a new key that is taken would get
    /// the old key, which is taken too: that fails the whole of it, whatever the server's `sql_mode` is.
    pub(crate) const CYCLE: &str = concat!(
        "INSERT INTO {table} (store_key, version, record, created, touched, deadline, owner, moved_to, sweep_at) ",
        "SELECT rows_in.* FROM (SELECT CAST($1 AS BINARY(32)) AS store_key, CAST($3 AS SIGNED) AS version, ",
        "CAST('' AS BINARY) AS record, CAST($7 AS SIGNED) AS created, CAST($8 AS SIGNED) AS touched, CAST($5 AS SIGNED) AS deadline, ",
        "CAST(NULL AS BINARY) AS owner, CAST($4 AS BINARY(32)) AS moved_to, CAST($5 AS SIGNED) AS sweep_at ",
        "UNION ALL SELECT CAST($4 AS BINARY(32)), CAST($11 AS SIGNED), CAST($6 AS BINARY), CAST($7 AS SIGNED), CAST($8 AS SIGNED), CAST($9 AS SIGNED), ",
        "CAST($10 AS BINARY), NULL, CAST($9 AS SIGNED)) AS rows_in ",
        "JOIN {table} there ON there.store_key = $1 AND there.version = $3 AND there.moved_to IS NULL ",
        "AND (there.deadline IS NULL OR there.deadline >= $2) FOR UPDATE ",
        "ON DUPLICATE KEY UPDATE store_key = $1, record = VALUES(record), ",
        "deadline = VALUES(deadline), owner = VALUES(owner), moved_to = VALUES(moved_to), ",
        "sweep_at = VALUES(sweep_at)"
    );

    pub(crate) const END: &str = concat!("DELETE FROM {table} WHERE store_key = $1 AND ", live!());

    /// One that was created before a point, if there is any.
    pub(crate) const OLDER: &str = concat!("SELECT version FROM {table} WHERE created < $1 AND ", live!(), " LIMIT 1");

    /// Where a session has moved to, or nothing if it is there.
    pub(crate) const MOVED: &str =
        "SELECT moved_to FROM {table} WHERE store_key = $1 AND (deadline IS NULL OR deadline >= $2)";

    /// The rows that a sweep meets: `$1` now, `$2` how many. A table of its own within the statement, which the server makes first.
    macro_rules! met {
        () => {
            "JOIN (SELECT store_key FROM {table} WHERE sweep_at < $1 ORDER BY sweep_at LIMIT $2) AS met USING (store_key) "
        };
    }

    pub(crate) const LIVE_ON: &str =
        concat!("UPDATE {table} ", met!(), "SET sweep_at = deadline WHERE deadline IS NULL OR deadline >= $1");

    pub(crate) const SWEEP: &str = concat!("DELETE there FROM {table} AS there ", met!(), "WHERE deadline < $1");
}
