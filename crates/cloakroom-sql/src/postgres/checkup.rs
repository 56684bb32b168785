//! The checkup of a PostgreSQL server.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Checkup, Severity, StoreError, Topic};

use super::connections::Connections;
use crate::query::{Cells, Executor as _};

/// Runs the statement `CHECKUP` and judges the answer.
pub(super) async fn run_checkup(connections: &Connections, statement: &Arc<str>) -> Result<Checkup, StoreError> {
    let mut rows = connections.rows(statement, &[], |cells| Ok(Answer::of(cells))).await?;
    Ok(rows.pop().ok_or_else(|| StoreError::unavailable("the result has no rows"))?.judged())
}

/// The server's answers.
#[derive(Debug)]
struct Answer {
    version: String,
    clock: Option<i64>,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    recovers: bool,
    replicas: i64,
    standbys: String,
    persistence: String,
    reads_only: bool,
    /// True if the options of this crate's connections took effect.
    has_options: bool,
    statement_timeout: String,
    lock_timeout: String,
}

impl Answer {
    fn of(cells: &dyn Cells) -> Self {
        let text = |column| cells.text(column);
        let number = |column| cells.number(column).flatten();
        Self {
            version: text(0),
            clock: number(1),
            fsync: text(2),
            full_page_writes: text(3),
            synchronous_commit: text(4),
            recovers: number(5) == Some(1),
            replicas: number(6).unwrap_or_default(),
            standbys: text(7),
            persistence: text(8),
            reads_only: number(9) == Some(1),
            has_options: number(10) == Some(1),
            statement_timeout: text(11),
            lock_timeout: text(12),
        }
    }

    fn judged(&self) -> Checkup {
        let clock = self.clock.and_then(|clock| u64::try_from(clock).ok()).map(Timestamp::from_unix_millis);
        let (durable, text) = self.durability();
        let checkup = Checkup::new(format!("PostgreSQL {}", self.version)).clock(clock);
        let checkup = checkup.found(Topic::Durability, durable, text);
        let checkup = checkup.found(Topic::Eviction, Severity::Good, "nothing is evicted");
        let checkup = match (self.replicas, self.standbys.is_empty()) {
            (0, _) => checkup.found(
                Topic::Replication,
                Severity::Note,
                "no replica is connected, or this user may not see it",
            ),
            (count, true) => {
                let text = format!("{count} replicas, none of them synchronous: a failover may lose the last writes");
                checkup.found(Topic::Replication, Severity::Note, text)
            }
            (count, false) => {
                checkup.found(Topic::Replication, Severity::Good, format!("{count} replicas, with synchronous commits"))
            }
        };
        let (severity, text) = self.connections();
        let checkup = checkup.found(Topic::Connections, severity, text);
        let (severity, text) = self.writes();
        checkup.found(Topic::Writes, severity, text)
    }

    const fn writes(&self) -> (Severity, &'static str) {
        match (self.recovers, self.reads_only) {
            (true, _) => (Severity::Problem, "this is a replica: it refuses writes"),
            (false, true) => {
                let text = "default_transaction_read_only is on, for this server, database or user: it refuses writes";
                (Severity::Problem, text)
            }
            (false, false) => (Severity::Good, "it accepts writes"),
        }
    }

    /// A pooler refuses the options or doesn't pass them on. Its server connections have the limits
    /// of the database user.
    fn connections(&self) -> (Severity, String) {
        let Self { statement_timeout, lock_timeout, .. } = self;
        let limits = format!("statement_timeout={statement_timeout}, lock_timeout={lock_timeout}");
        let unlimited = lock_timeout == "0" || statement_timeout == "0";
        let advice = "; limit a locked row with `ALTER ROLE … SET lock_timeout = '1s'` and `statement_timeout = '2s'`";
        let advice = if unlimited { advice } else { "" };
        match (self.has_options, unlimited) {
            (true, false) => (Severity::Good, format!("no pooler removed the connection options: {limits}")),
            (true, true) => (Severity::Note, format!("no pooler removed the connection options: {limits}{advice}")),
            (false, _) => {
                let text = "a pooler is in between, such as PgBouncer, or the application supplied the pool: the \
                    connection options did not take effect";
                (Severity::Note, format!("{text} ({limits}){advice}"))
            }
        }
    }

    fn durability(&self) -> (Severity, String) {
        let problem = |text: &str| (Severity::Problem, text.to_owned());
        match (self.persistence.as_str(), self.fsync.as_str(), self.synchronous_commit.as_str()) {
            ("", ..) => problem("the table doesn't exist: `cloakroom schema postgres` prints how to create it"),
            ("u", ..) => problem("the table is UNLOGGED: a crash of the server empties it"),
            ("t", ..) => problem("the table is temporary: it disappears with its connection"),
            (_, "off", _) => problem("fsync is off: a power failure may damage the database"),
            (_, _, "off") => (
                Severity::Note,
                "synchronous_commit is off: a crash may lose the last half second of writes".to_owned(),
            ),
            _ if self.full_page_writes == "off" => {
                problem("full_page_writes is off: a power failure may damage the database")
            }
            (_, _, mode) => {
                (Severity::Good, format!("writes are acknowledged once they are on disk (synchronous_commit={mode})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Severity};

    /// A server with its defaults, on one of the store's own connections.
    fn usual() -> Answer {
        let [version, on, persistence, none] = ["16.1", "on", "p", ""].map(str::to_owned);
        Answer {
            version,
            clock: None,
            fsync: on.clone(),
            full_page_writes: on.clone(),
            synchronous_commit: on,
            recovers: false,
            replicas: 0,
            standbys: none,
            persistence,
            reads_only: false,
            has_options: true,
            statement_timeout: "1800ms".to_owned(),
            lock_timeout: "1s".to_owned(),
        }
    }

    #[test]
    fn refused_writes_are_reported() {
        let table = [
            ("as it comes", false, false, Severity::Good, "accepts writes"),
            ("a replica, which only reads", true, true, Severity::Problem, "a replica"),
            ("configured as read-only", false, true, Severity::Problem, "default_transaction_read_only"),
        ];
        for (row, recovers, reads_only, severity, says) in table {
            let (found, text) = Answer { recovers, reads_only, ..usual() }.writes();
            assert!(found == severity && text.contains(says), "{row}: {text}");
        }
    }

    #[test]
    fn poolers_are_reported() {
        let table = [
            ("nothing", true, "1800ms", "1s", Severity::Good, "no pooler", false),
            ("limits that the URL has taken away", true, "0", "0", Severity::Note, "no pooler", true),
            ("a pooler", false, "0", "0", Severity::Note, "a pooler is in between", true),
            ("a pooler, and one limit", false, "2s", "0", Severity::Note, "a pooler is in between", true),
            ("a pooler, and a role with limits", false, "2s", "1s", Severity::Note, "a pooler is in between", false),
        ];
        for (row, has_options, statement, lock, severity, says, advised) in table {
            let (statement_timeout, lock_timeout) = (statement.to_owned(), lock.to_owned());
            let (found, text) = Answer { has_options, statement_timeout, lock_timeout, ..usual() }.connections();
            assert!(found == severity && text.contains(says) && text.contains(lock), "{row}: {text}");
            assert_eq!(text.contains("ALTER ROLE"), advised, "{row}: {text}");
        }
    }

    #[test]
    fn durability_is_reported() {
        let table = [
            ("as it comes", "p", "on", "on", "on", Severity::Good),
            ("no table", "", "on", "on", "on", Severity::Problem),
            ("an unlogged table", "u", "on", "on", "on", Severity::Problem),
            ("no fsync", "p", "off", "on", "on", Severity::Problem),
            ("torn pages", "p", "on", "off", "on", Severity::Problem),
            ("commits that don't wait", "p", "on", "on", "off", Severity::Note),
        ];
        for (row, persistence, fsync, pages, commit, expected) in table {
            let [persistence, fsync, full_page_writes, synchronous_commit] =
                [persistence, fsync, pages, commit].map(str::to_owned);
            let answer = Answer { fsync, full_page_writes, synchronous_commit, persistence, ..usual() };
            assert_eq!(answer.durability().0, expected, "{row}");
        }
    }
}
