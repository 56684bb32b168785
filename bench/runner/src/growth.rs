//! Growth: many sessions in a store, and many concurrent writers to one session.

use std::collections::BTreeMap;
use std::process::Command;

use bench_harness::Storage;

use crate::contenders::{CONTENDERS, names};
use crate::effort::Effort;
use crate::fallible::Fallible;
use crate::measure::columns;
use crate::races;
use crate::served::Stage;
use crate::stores::Stores;
use crate::table::{Best, Cell, Lost, Table};

pub async fn tables(stage: &Stage<'_>, effort: Effort) -> Fallible<Vec<Table>> {
    let mut lost = BTreeMap::new();
    for storage in WRITTEN {
        lost.insert(storage.as_str(), races::lost(stage, storage).await?);
    }
    let growth = Growth { stage, most: effort.sessions(), lost };
    Ok([growth.sessions()?, growth.writers()?].iter().flat_map(Table::by_framework).collect())
}

/// The storages of the table of concurrent writers.
const WRITTEN: [Storage; 5] = [Storage::Memory, Storage::Redis, Storage::Valkey, Storage::Postgres, Storage::Sqlite];

struct Growth<'a> {
    stage: &'a Stage<'a>,
    /// The largest number of sessions in a store.
    most: u32,
    /// The lost updates by storage.
    lost: BTreeMap<&'static str, Lost>,
}

impl Growth<'_> {
    /// In memory, measures every contender; in files and databases only Cloakroom, since filling
    /// them takes minutes.
    fn sessions(&self) -> Fallible<Table> {
        let title = "Nanoseconds to read / to read and write one session, by number of stored sessions";
        let mut table = Table::new(title, "sessions", &names(), Best::Lowest);
        let most = self.most.to_string();
        for (storage, takers) in [(Storage::Memory, CONTENDERS.len()), (Storage::Sqlite, 1), (Storage::Postgres, 1)] {
            self.rows(&mut table, storage, takers, &["sessions", storage.as_str(), &most])?;
        }
        Ok(table)
    }

    fn writers(&self) -> Fallible<Table> {
        let title = "Nanoseconds per write to one session, by number of concurrent requests";
        // Not compared: Cloakroom keeps all of these writes, other libraries lose all but one, and
        // losing a write may be faster than keeping it.
        let mut table = Table::new(title, "requests", &names(), Best::None);
        for storage in WRITTEN {
            self.rows(&mut table, storage, CONTENDERS.len(), &["writers", storage.as_str()])?;
        }
        Ok(table)
    }

    fn rows(&self, table: &mut Table, storage: Storage, takers: usize, arguments: &[&str]) -> Fallible<()> {
        let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
        for (who, contender) in CONTENDERS.iter().enumerate().take(takers) {
            for program in contender.programs {
                for (count, figures) in self.run(storage, program, arguments)? {
                    rows.entry(count).or_insert_with(|| vec![Vec::new(); CONTENDERS.len()])[who] = figures;
                }
            }
        }
        let lost = self.lost.get(storage.as_str()).filter(|_| arguments.contains(&"writers"));
        for (count, cells) in rows {
            table.push_writing(format!("{}, {count}", storage.as_str()), cells, lost.cloned().unwrap_or_default());
        }
        Ok(())
    }

    /// Returns lines of a count with its figures, or none if the program has no such store.
    fn run(&self, storage: Storage, program: &str, arguments: &[&str]) -> Fallible<Vec<(u32, Cell)>> {
        let stores = Stores::start()?;
        let mut command = Command::new(self.stage.program(program));
        command.args(arguments).env("STORE", stores.address(storage, program));
        let output = command.output()?;
        if output.status.code() == Some(2) {
            return Ok(Vec::new());
        }
        if !output.status.success() {
            return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into());
        }
        String::from_utf8(output.stdout)?.lines().map(columns).collect()
    }
}
