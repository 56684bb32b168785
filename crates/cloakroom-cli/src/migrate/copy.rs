//! Copying sessions page by page.

use cloakroom::store::{Created, Loaded, Replaced, ScannedSession, Store as _, StoreError, StoreKey, Version};
use cloakroom::{Clock as _, SystemClock};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::journal::{Journal, Pass};
use super::progress::Progress;
use super::report::Report;
use super::step::{Left, Mark, Step, Task};
use super::stores::Stores;
use crate::scan::{PAGE, Scan, within};

/// The number of attempts for a session that the application is writing at the target.
const ROUNDS: usize = 4;

/// Copies every session of the source, and records them in the journal.
pub(super) async fn run(
    stores: &Stores,
    journal: &Journal,
    progress: &mut Progress,
    report: &mut Report,
) -> anyhow::Result<Pass> {
    let (mut scan, pass) = (Scan::new(&stores.from, PAGE), journal.start_pass()?);
    while let Some(page) = scan.page().await? {
        report.damaged += journal.meet(pass, page.damaged.into_iter())?.len() as u64;
        report.locked += journal.meet(pass, page.locked.iter().map(|it| it.key))?.len() as u64;
        let sessions = journal.meet_sessions(pass, page.sessions)?;
        report.as_kept += sessions.iter().filter(|it| it.entry.is_encrypted()).count() as u64;
        report.aliases += sessions.iter().filter(|it| it.entry.is_alias()).count() as u64;
        report.sessions += sessions.len() as u64;
        copy_page(stores, journal, sessions, report).await?;
        progress.at(report.sessions);
        tokio::time::sleep(stores.pause).await;
    }
    progress.end();
    Ok(pass)
}

async fn copy_page(
    stores: &Stores,
    journal: &Journal,
    page: Vec<ScannedSession>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let first = |scanned: ScannedSession| {
        let step = Step::first(&journal.known(&scanned.key)?, &scanned.entry);
        anyhow::Ok(Task { step, scanned })
    };
    let mut tasks: Vec<Task> = page.into_iter().map(first).collect::<Result<_, _>>()?;
    for _ in 0..ROUNDS {
        let looked = look(stores, journal, tasks).await?;
        let (steps, left): (Vec<Task>, Vec<Task>) =
            looked.into_iter().partition(|task| task.step.intent(&task.scanned.entry).is_some());
        leave(journal, &left, report)?;
        if steps.is_empty() {
            return Ok(());
        }
        let marks: Vec<(StoreKey, Mark)> =
            steps.iter().filter_map(|task| Some((task.scanned.key, task.step.intent(&task.scanned.entry)?))).collect();
        journal.intend(&marks)?;
        let done: Vec<(Task, bool)> =
            stream::iter(steps).map(|task| act(stores, task)).buffer_unordered(stores.at_once).try_collect().await?;
        let missed: Vec<StoreKey> = done.iter().filter(|(_, done)| !done).map(|(task, _)| task.scanned.key).collect();
        journal.settle(&missed)?;
        tasks = Vec::new();
        for (task, is_done) in done {
            if is_done {
                report.count(task.step);
            } else {
                tasks.push(Task { step: Step::Look, ..task });
            }
        }
    }
    // The application keeps writing it at the target, so it belongs to the application.
    report.theirs += tasks.len() as u64;
    Ok(())
}

/// Loads sessions from the target if the next step depends on them.
async fn look(stores: &Stores, journal: &Journal, tasks: Vec<Task>) -> anyhow::Result<Vec<Task>> {
    let look = |task: Task| async move {
        if task.step != Step::Look {
            return Ok(task);
        }
        let now = SystemClock.now();
        let there = within(stores.to.load(&task.scanned.key, now)).await?;
        let known = journal.known(&task.scanned.key)?;
        Ok(Task { step: Step::after_look(&known, &task.scanned.entry, &there, now), ..task })
    };
    stream::iter(tasks).map(look).buffer_unordered(stores.at_once).try_collect().await
}

/// Counts sessions that need no step, and records the application's.
fn leave(journal: &Journal, tasks: &[Task], report: &mut Report) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for Task { scanned, step } in tasks {
        match step {
            Step::Leave(Left::Same(mark)) => {
                report.same += 1;
                if journal.known(&scanned.key)?.settled != Some(*mark) {
                    found.push((scanned.key, *mark));
                }
            }
            Step::Leave(Left::Theirs) => {
                report.theirs += 1;
                if journal.known(&scanned.key)?.settled.is_none() {
                    found.push((scanned.key, Mark::theirs(&scanned.entry)));
                }
            }
            Step::Leave(Left::Gone) => report.gone += 1,
            Step::Create | Step::Replace(_) | Step::Touch(_) | Step::Look => {}
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    journal.intend(&found)?;
    Ok(journal.settle(&[])?)
}

/// Carries out a step. Returns false if the target has changed in the meantime.
async fn act(stores: &Stores, task: Task) -> Result<(Task, bool), StoreError> {
    let Task { scanned: ScannedSession { key, entry, .. }, step } = &task;
    let now = SystemClock.now();
    let done = match step {
        Step::Create => matches!(within(stores.to.create(key, entry, now)).await?, Created::Yes(_)),
        Step::Replace(seen) => {
            let replaced = within(stores.to.replace(key, Version::new(*seen), entry, now)).await?;
            matches!(replaced, Replaced::Yes(_))
        }
        Step::Touch(seen) => touch(stores, *seen, &task.scanned).await?,
        Step::Look | Step::Leave(_) => true,
    };
    Ok((task, done))
}

/// Extends the deadline at the target to the source's. If the version isn't ours any more, the
/// application decides.
async fn touch(
    stores: &Stores,
    seen: u64,
    ScannedSession { key, entry, .. }: &ScannedSession,
) -> Result<bool, StoreError> {
    let now = SystemClock.now();
    match within(stores.to.load(key, now)).await? {
        Loaded::Live(version, _) if version.number() == seen => {
            within(stores.to.touch(key, entry.touched, entry.deadline, now)).await
        }
        Loaded::Live(..) | Loaded::Moved | Loaded::Absent => Ok(false),
    }
}
