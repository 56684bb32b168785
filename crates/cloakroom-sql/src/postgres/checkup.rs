//! What a PostgreSQL server says of itself.

use cloakroom_session::Timestamp;
use cloakroom_store::{Checkup, Severity, StoreError, Topic};

use super::PostgresStore;
use crate::link::Cells;

/// One row; texts as bytes, as all that this crate reads. Of replicas nobody but an administrator is told more than that they are there.
pub(super) const QUESTION: &str = "SELECT convert_to(current_setting('server_version'), 'UTF8'), \
    CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), \
    convert_to(current_setting('fsync'), 'UTF8'), convert_to(current_setting('full_page_writes'), 'UTF8'), \
    convert_to(current_setting('synchronous_commit'), 'UTF8'), \
    CASE WHEN pg_is_in_recovery() THEN 1::BIGINT ELSE 0 END, \
    (SELECT count(*) FROM pg_stat_replication), convert_to(current_setting('synchronous_standby_names'), 'UTF8'), \
    (SELECT convert_to(CAST(relpersistence AS TEXT), 'UTF8') FROM pg_class WHERE oid = to_regclass('{table}'))";

impl PostgresStore {
    pub(super) async fn look(&self) -> Result<Checkup, StoreError> {
        let mut rows = self.link.rows(&self.words.checkup, &[], |cells| Ok(Answer::of(cells))).await?;
        Ok(rows.pop().ok_or_else(|| StoreError::unavailable("an answer without a row"))?.judged())
    }
}

/// What it answered.
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
}

impl Answer {
    fn of(cells: &dyn Cells) -> Self {
        let text = |column| {
            let bytes = cells.bytes(column).flatten().unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
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
        }
    }

    fn judged(&self) -> Checkup {
        let clock = self.clock.and_then(|clock| u64::try_from(clock).ok()).map(Timestamp::from_unix_millis);
        let (durable, text) = self.durability();
        let checkup = Checkup::new(format!("PostgreSQL {}", self.version)).clock(clock);
        let checkup = checkup.found(Topic::Durability, durable, text);
        let checkup = checkup.found(Topic::Eviction, Severity::Good, "nothing is thrown away");
        let checkup = match (self.replicas, self.standbys.is_empty()) {
            (0, _) => checkup.found(
                Topic::Replication,
                Severity::Note,
                "no replica is connected, or this user may not see it",
            ),
            (count, true) => {
                let text = format!("{count} replicas, none of them waited for: a failover may lose the last writes");
                checkup.found(Topic::Replication, Severity::Note, text)
            }
            (count, false) => {
                checkup.found(Topic::Replication, Severity::Good, format!("{count} replicas, waited for"))
            }
        };
        match self.recovers {
            true => checkup.found(Topic::Writes, Severity::Problem, "this is a replica: it refuses writes"),
            false => checkup.found(Topic::Writes, Severity::Good, "it takes writes"),
        }
    }

    fn durability(&self) -> (Severity, String) {
        let problem = |text: &str| (Severity::Problem, text.to_owned());
        match (self.persistence.as_str(), self.fsync.as_str(), self.synchronous_commit.as_str()) {
            ("", ..) => problem("the table isn't there: `cloakroom schema postgres` prints how to create it"),
            ("u", ..) => problem("the table is UNLOGGED: a crash of the server empties it"),
            ("t", ..) => problem("the table is temporary: it ends with its connection"),
            (_, "off", _) => problem("fsync is off: a loss of power may damage the database"),
            (_, _, "off") => (
                Severity::Note,
                "synchronous_commit is off: a crash may take the last half a second of writes".to_owned(),
            ),
            _ if self.full_page_writes == "off" => {
                problem("full_page_writes is off: a loss of power may damage the database")
            }
            (_, _, mode) => {
                (Severity::Good, format!("a write is answered when the disk has it (synchronous_commit={mode})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Severity};

    #[test]
    fn what_survives() {
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
            let (version, standbys) = ("16.1".to_owned(), String::new());
            let answer = Answer {
                version,
                clock: None,
                fsync,
                full_page_writes,
                synchronous_commit,
                recovers: false,
                replicas: 0,
                standbys,
                persistence,
            };
            assert_eq!(answer.durability().0, expected, "{row}");
        }
    }
}
