//! The checkup of an SQLite file.

use std::path::Path;
use std::sync::Arc;

use cloakroom_store::location;
use cloakroom_store::store::{Checkup, Severity, StoreError, Topic};

use super::connections::Connections;
use crate::query::{Cells, Executor as _};

struct Answer {
    journal: String,
    synchronous: i64,
    version: String,
    clock: i64,
    /// Empty if the application opened an in-memory database.
    file: String,
}

/// Runs the statement `CHECKUP` and judges the answer.
pub(super) async fn run_checkup(connections: &Connections, statement: &Arc<str>) -> Result<Checkup, StoreError> {
    let text = |cells: &dyn Cells, column| {
        cells.bytes(column).flatten().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let read = move |cells: &dyn Cells| {
        let number = |column| cells.number(column).flatten();
        let answer = || {
            let (journal, version) = (text(cells, 0)?, text(cells, 2)?);
            Some(Answer { journal, synchronous: number(1)?, version, clock: number(3)?, file: cells.text(4) })
        };
        answer().ok_or_else(|| StoreError::unavailable("the result has an unexpected type"))
    };
    let mut rows = connections.rows(statement, &[], read).await?;
    let Answer { journal, synchronous, version, clock, file } =
        rows.pop().ok_or_else(|| StoreError::unavailable("the result has no rows"))?;
    let clock = u64::try_from(clock).ok().map(cloakroom_session::Timestamp::from_unix_millis);
    let (severity, text) = match (journal.as_str(), synchronous) {
        ("wal", 1) => (
            Severity::Note,
            "WAL, synchronous=NORMAL: survives a process crash; a power failure may lose the last writes",
        ),
        ("memory" | "off", _) => {
            (Severity::Problem, "the journal isn't on the disk: killing a process may leave a corrupt file")
        }
        (_, 0) => (Severity::Problem, "synchronous=OFF: a power failure may leave a corrupt file"),
        (_, 1) => {
            (Severity::Note, "synchronous=NORMAL: survives a process crash; a power failure may lose the last writes")
        }
        _ => (Severity::Good, "synchronous=FULL: writes are acknowledged once they are on disk"),
    };
    let copies = "a file on one machine: copy it (`VACUUM INTO`) if it must outlive the disk";
    let checkup = Checkup::new(format!("SQLite {version}")).clock(clock).found(Topic::Durability, severity, text);
    let checkup = checkup.found(Topic::Eviction, Severity::Good, "nothing is evicted");
    let checkup = checkup.found(Topic::Replication, Severity::Note, copies);
    let mount = tokio::task::spawn_blocking(move || location::mount_of(Path::new(&file)));
    Ok(location::judged(checkup, mount.await.map_err(StoreError::unavailable)?.as_ref()))
}
