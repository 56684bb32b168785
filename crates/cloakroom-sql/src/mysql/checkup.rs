//! The checkup of a MySQL or MariaDB server.

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Checkup, Severity, StoreError, Topic};

use super::cluster::Cluster;
use super::connections::Connections;
use super::statements::Statement;
use crate::query::{Cells, Executor as _};

/// Asks about the server and about its cluster, and judges the answers.
pub(super) async fn run_checkup(
    connections: &Connections,
    server: &Statement,
    cluster: &Statement,
) -> Result<Checkup, StoreError> {
    let mut rows = connections.rows(server, &[], |cells| Ok(Answer::of(cells))).await?;
    let checkup = rows.pop().ok_or_else(|| StoreError::unavailable("the result has no rows"))?.judged();
    let variables = connections.rows(cluster, &[], |cells| Ok((cells.text(0), cells.text(1)))).await?;
    Ok(match Cluster::of(variables).finding() {
        Some((severity, text)) => checkup.found(Topic::Replication, severity, text),
        None => checkup,
    })
}

/// The server's answers.
#[derive(Debug, Default)]
struct Answer {
    version: String,
    clock: Option<i64>,
    flush: i64,
    read_only: bool,
    /// `innodb_read_only`: the whole engine, also for users who may write in spite of `read_only`.
    engine_reads_only: bool,
    sync_binlog: i64,
    binlog: bool,
    engine: String,
}

impl Answer {
    fn of(cells: &dyn Cells) -> Self {
        let text = |column| cells.text(column);
        let number = |column| cells.number(column).flatten();
        Self {
            version: text(0),
            clock: number(1),
            flush: number(2).unwrap_or_default(),
            read_only: number(3) != Some(0),
            sync_binlog: number(4).unwrap_or_default(),
            binlog: number(5) == Some(1),
            engine: text(6),
            engine_reads_only: number(7) == Some(1),
        }
    }

    fn judged(&self) -> Checkup {
        let name = if self.version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
        let clock = self.clock.and_then(|clock| u64::try_from(clock).ok()).map(Timestamp::from_unix_millis);
        let (durable, text) = self.durability();
        let checkup = Checkup::new(format!("{name} {}", self.version)).clock(clock);
        let checkup = checkup.found(Topic::Durability, durable, text);
        let checkup = checkup.found(Topic::Eviction, Severity::Good, "nothing is evicted");
        let checkup = match (self.binlog, self.sync_binlog) {
            (false, _) => checkup.found(Topic::Replication, Severity::Note, "no binary log: there can be no replica"),
            (true, 1) => checkup.found(
                Topic::Replication,
                Severity::Note,
                "the binary log survives a crash; whether a replica reads it is unknown",
            ),
            (true, _) => {
                let text = "sync_binlog isn't 1: after a crash a replica may differ from this server";
                checkup.found(Topic::Replication, Severity::Note, text)
            }
        };
        let (severity, text) = self.writes();
        checkup.found(Topic::Writes, severity, text)
    }

    const fn writes(&self) -> (Severity, &'static str) {
        match (self.read_only, self.engine_reads_only) {
            (_, true) => (Severity::Problem, "innodb_read_only is on: all writes are refused"),
            (true, false) => (Severity::Problem, "read_only is on, as on a replica: it refuses writes"),
            (false, false) => (Severity::Good, "it accepts writes"),
        }
    }

    fn durability(&self) -> (Severity, &'static str) {
        match (self.engine.to_ascii_lowercase().as_str(), self.flush) {
            ("", _) => (Severity::Problem, "the table doesn't exist: `cloakroom schema mysql` prints how to create it"),
            ("innodb", 1) => (Severity::Good, "writes are acknowledged once they are on disk"),
            ("innodb", 2) => {
                (Severity::Note, "innodb_flush_log_at_trx_commit=2: a power failure may lose the last second of writes")
            }
            ("innodb", _) => {
                (Severity::Note, "innodb_flush_log_at_trx_commit=0: a crash may lose the last second of writes")
            }
            _ => (Severity::Problem, "the table isn't in InnoDB: writes aren't atomic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Severity};

    #[test]
    fn refused_writes_are_reported() {
        let table = [
            ("as it comes", false, false, Severity::Good, "accepts writes"),
            ("a replica", true, false, Severity::Problem, "read_only is on"),
            ("an engine that only reads", false, true, Severity::Problem, "innodb_read_only"),
        ];
        for (row, read_only, engine_reads_only, severity, says) in table {
            let (found, text) = Answer { read_only, engine_reads_only, ..Answer::default() }.writes();
            assert!(found == severity && text.contains(says), "{row}: {text}");
        }
    }

    #[test]
    fn durability_is_reported() {
        let table = [
            ("as it comes", "InnoDB", 1, Severity::Good),
            ("a flush each second", "InnoDB", 2, Severity::Note),
            ("no flush", "InnoDB", 0, Severity::Note),
            ("no transactions", "MyISAM", 1, Severity::Problem),
            ("no table", "", 1, Severity::Problem),
        ];
        for (row, engine, flush, expected) in table {
            let answer = Answer { engine: engine.to_owned(), flush, ..Answer::default() };
            assert_eq!(answer.durability().0, expected, "{row}");
        }
    }
}
