//! What was done so far, in a file that only grows.
//!
//! What is about to be written is said before, a page at a time, and that it was written after: a run that is killed leaves at most one page of which
//! the next run has to look what became of it. A line without its semicolon was never finished, and doesn't count.
//!
//! ```text
//! cloakroom-migrate 1 <from> <to>
//! ? <key> <version> <print> <touched> <deadline or -> ;   about to be written
//! ok ;                                                    all of these were, but for
//! x <key> ;                                               those that were left alone, which is said before
//! - <key> ;                                               forgotten: it has ended
//! begin ;                                                 a run begins: of what is open, nobody knows whether it was written
//! ```

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use cloakroom::{StoreKey, Timestamp};

use super::step::{Known, Mark};
use crate::outcome::WrongUse;

/// The file, and what it says. Takes about 200 bytes of memory per session.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<StoreKey, Known>,
    /// What is about to be written, by the run that the last lines are of.
    open: HashSet<StoreKey>,
}

impl Journal {
    /// The journal in this file, which is created if there is none, and is ours alone as long as we run.
    pub(super) fn open(path: &Path, from: &str, to: &str) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| format!("opening the journal {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another migration is at work with the journal {shown}"),
            Err(TryLockError::Error(error)) => return Err(error).context(format!("locking the journal {shown}")),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("reading the journal {shown}"))?;
        let head = format!("cloakroom-migrate 1 {from} {to}");
        let mut journal = Self { file, state: State::default() };
        if text.is_empty() {
            journal.append(&format!("{head}\n"))?;
        } else if text.lines().next() != Some(&head) {
            bail!(WrongUse::new(format!("the journal {shown} is about other stores: name another one with --journal")));
        } else if !text.ends_with('\n') {
            journal.append("\n")?;
        }
        text.lines().for_each(|line| journal.state.take(line).unwrap_or_default());
        journal.append("begin ;\n")?;
        Ok(journal)
    }

    pub(super) fn known(&self, key: &StoreKey) -> Known {
        self.state.known.get(key).copied().unwrap_or_default()
    }

    /// Keys of what was copied.
    pub(super) fn copied(&self) -> impl Iterator<Item = &StoreKey> {
        self.state.known.iter().filter(|(_, known)| known.settled.is_some()).map(|(key, _)| key)
    }

    /// Says what is about to be written.
    pub(super) fn intend(&mut self, marks: &[(StoreKey, Mark)]) -> anyhow::Result<()> {
        let mut text = String::new();
        for (key, mark) in marks {
            let deadline = mark.deadline.map_or_else(|| "-".to_owned(), |point| point.unix_millis().to_string());
            let Mark { version, print, touched, .. } = mark;
            text.push_str(&format!("? {} {version} {print} {} {deadline} ;\n", key.to_hex(), touched.unix_millis()));
        }
        self.append(&text)
    }

    /// Says that it was, but for those that were left alone.
    pub(super) fn settle(&mut self, left: &[StoreKey]) -> anyhow::Result<()> {
        let mut text: String = left.iter().map(|key| format!("x {} ;\n", key.to_hex())).collect();
        text.push_str("ok ;\n");
        self.append(&text)
    }

    /// Says that what was copied has ended.
    pub(super) fn forget(&mut self, key: &StoreKey) -> anyhow::Result<()> {
        self.append(&format!("- {} ;\n", key.to_hex()))
    }

    fn append(&mut self, text: &str) -> anyhow::Result<()> {
        // One write: what the system has taken survives the end of this process.
        self.file.write_all(text.as_bytes()).context("writing the journal")?;
        text.lines().for_each(|line| self.state.take(line).unwrap_or_default());
        Ok(())
    }
}

impl State {
    /// What a line says; nothing, if it isn't whole.
    fn take(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.strip_suffix(" ;")?.split(' ').collect();
        match words.as_slice() {
            ["?", key, version, print, touched, deadline] => {
                let time = |text: &str| text.parse().ok().map(Timestamp::from_unix_millis);
                let deadline = if *deadline == "-" { None } else { Some(time(deadline)?) };
                let (version, print, touched) = (version.parse().ok()?, print.parse().ok()?, time(touched)?);
                let key = StoreKey::from_hex(key)?;
                self.known.entry(key).or_default().intent = Some(Mark { version, print, touched, deadline });
                self.open.insert(key);
            }
            ["x", key] => {
                let key = StoreKey::from_hex(key)?;
                self.known.entry(key).and_modify(|known| known.intent = None);
                self.open.remove(&key);
            }
            ["-", key] => {
                self.known.remove(&StoreKey::from_hex(key)?);
            }
            ["ok"] => {
                for key in self.open.drain() {
                    if let Some(known) = self.known.get_mut(&key) {
                        known.settled = known.intent.take().or(known.settled);
                    }
                }
            }
            ["begin"] => self.open.clear(),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use cloakroom::{Entry, StoreKey, Timestamp};

    use super::{Journal, Known, Mark};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes([number; 32])
    }

    fn mark(version: u64, text: &str, deadline: Option<Timestamp>) -> Mark {
        Mark::of(version, &Entry::new(text.into(), NOW, NOW, deadline))
    }

    #[test]
    fn what_was_said_is_known_to_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (a, b, c) = (mark(1, "a", Some(NOW)), mark(1, "b", None), mark(2, "a", None));
        let mut journal = Journal::open(&path, "sqlite:a", "redis://b").unwrap();
        journal.intend(&[(key(1), a), (key(2), b), (key(3), b)]).unwrap();
        journal.settle(&[key(3)]).unwrap();
        // Killed in the middle of this page.
        journal.intend(&[(key(1), c), (key(4), b)]).unwrap();
        drop(journal);
        let expected = [
            (1, Known { settled: Some(a), intent: Some(c) }),
            (2, Known { settled: Some(b), intent: None }),
            (3, Known::default()),
            (4, Known { settled: None, intent: Some(b) }),
        ];
        // A page of the next run says nothing about what was open when the one before it was killed.
        for round in 0..2 {
            let mut journal = Journal::open(&path, "sqlite:a", "redis://b").unwrap();
            for (number, known) in expected {
                assert_eq!(journal.known(&key(number)), known, "{number}, round {round}");
            }
            journal.intend(&[(key(5), b)]).unwrap();
            journal.settle(&[]).unwrap();
            assert_eq!(journal.known(&key(5)), Known { settled: Some(b), intent: None });
        }
        let mut journal = Journal::open(&path, "sqlite:a", "redis://b").unwrap();
        journal.forget(&key(2)).unwrap();
        assert_eq!(journal.copied().count(), 2);
    }

    #[test]
    fn half_a_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, "a", "b").unwrap();
        journal.intend(&[(key(1), mark(1, "a", Some(NOW)))]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        // Without the sign at its end a line may have lost a digit.
        for length in whole.len() - 20..whole.len() - 1 {
            std::fs::write(&path, &whole[..length]).unwrap();
            let journal = Journal::open(&path, "a", "b").unwrap();
            assert_eq!(journal.known(&key(1)), Known::default(), "{length} of {}", whole.len());
        }
    }

    #[test]
    fn a_journal_is_of_two_stores_and_of_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, "a", "b").unwrap();
        assert!(Journal::open(&path, "a", "b").unwrap_err().to_string().contains("another migration"));
        drop(journal);
        assert!(Journal::open(&path, "b", "a").unwrap_err().to_string().contains("other stores"));
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"something else\n").unwrap();
        assert!(Journal::open(&path, "a", "b").is_err());
    }
}
