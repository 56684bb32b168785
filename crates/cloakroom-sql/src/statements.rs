//! All SQL statements: each one once, and again where a dialect needs a different form. Statements
//! of one dialect alone are in the folder `statements`.
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
pub(crate) mod sqlite;

#[cfg(feature = "_postgres")]
pub(crate) mod postgres;

#[cfg(feature = "_mysql")]
pub(crate) mod mysql;
