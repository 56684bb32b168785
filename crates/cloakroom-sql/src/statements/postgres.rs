//! Statements of PostgreSQL alone.

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
