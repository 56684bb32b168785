//! Stores that break one rule each, and the check that detects it.

use std::collections::HashSet;
use std::sync::Mutex;

use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_session::{Clock as _, SystemClock, Timestamp};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{
    Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError, all_owned,
    conformance::{Capabilities, check},
};

use crate::conformance::any;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Breaks no rule: shows that the wrapper itself is correct.
    Nothing,
    ReplaceNeverCreates,
    ReplaceComparesAndWritesAtOnce,
    /// Counts versions, as stores did before versions had tags.
    VersionsNameAWrite,
    TouchNeverShortens,
    TouchKeepsTheVersion,
    TouchAndReplaceAtOnce,
    DeadlinesAreInclusive,
    TheCallersClock,
    TimesToTheMillisecond,
    EndFollowsTheMove,
    CycleLeavesAMark,
    CycleOverwritesNobody,
    CreateAsksFirst,
    OwnersAreExact,
    OldestFirst,
    SweepIsBounded,
    SweepLeavesTheLiving,
    EndBeforeIsExact,
    TextsComeBack,
    EmptyOwnersComeBack,
    ScansAreWhole,
    ScansAreBounded,
    ScansAreOfTheLiving,
    ScansTouchNothing,
    CursorsAreItsOwn,
    /// A repeated move undoes the move.
    MovesAreDoneOnce,
    PagesAreBounded,
    PagesOutliveMoves,
    PagesKnowTheirCursors,
    CountsAreOfTheLiving,
    CountsStop,
    EndsTheOldestFirst,
    EndsAllButOne,
    EndsInSteps,
    StepsKnowTheirCursors,
    StepsMeetTheMoved,
}

#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    rule: Rule,
    /// The new keys of sessions that have moved.
    moved: Mutex<HashSet<StoreKey>>,
}

impl Broken {
    fn breaks(&self, rule: Rule) -> bool {
        self.rule == rule
    }

    fn clock(&self, now: Timestamp) -> Timestamp {
        if self.breaks(Rule::TheCallersClock) {
            return SystemClock.now();
        }
        now + std::time::Duration::from_millis(u64::from(self.breaks(Rule::DeadlinesAreInclusive)))
    }

    fn entry(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if self.breaks(Rule::TimesToTheMillisecond) {
            entry.created = Timestamp::from_unix_secs(entry.created.unix_secs());
        }
        if self.breaks(Rule::TextsComeBack) {
            let text = entry.text().replace('\0', "");
            entry = entry.with_text(text);
        }
        if self.breaks(Rule::EmptyOwnersComeBack) {
            entry.owner = entry.owner.filter(|owner| !owner.is_empty());
        }
        entry
    }

    async fn version(&self, key: &StoreKey, now: Timestamp) -> Result<Option<(Version, Entry)>, StoreError> {
        Ok(match self.inner.load(key, now).await? {
            Loaded::Live(version, entry) => Some((version, entry)),
            Loaded::Moved | Loaded::Absent => None,
        })
    }
}

impl Broken {
    /// Walks in key order, ten sessions at a time, and misses a session that moves to a smaller key
    /// in between.
    async fn end_by_key(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let after = after.map(Cursor::key).transpose()?;
        let mut all = self.inner.scan(None, usize::MAX, now).await?.sessions;
        all.retain(|one| one.entry.created < point && after.is_none_or(|after| one.key > after));
        if after.is_none() && all.len() <= 10 {
            return self.inner.end_before(point, None, now).await;
        }
        all.sort_by_key(|one| one.key);
        all.truncate(10);
        let mut ended = 0;
        for one in &all {
            ended += usize::from(self.inner.end(&one.key, now).await?);
        }
        Ok(EndedPage::new(ended, all.last().map(|last| Cursor::after(&last.key))))
    }
}

/// Removes the unique part of a version.
const fn counted(version: &Version) -> Version {
    Version::new(version.number() >> 32)
}

impl Store for Broken {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        Ok(match self.inner.load(key, self.clock(now)).await? {
            Loaded::Live(version, entry) if self.breaks(Rule::VersionsNameAWrite) => {
                Loaded::Live(counted(&version), entry)
            }
            loaded @ (Loaded::Live(..) | Loaded::Moved | Loaded::Absent) => loaded,
        })
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        if self.breaks(Rule::CreateAsksFirst) {
            if self.inner.load(key, now).await? != Loaded::Absent {
                return Ok(Created::Taken);
            }
            tokio::task::yield_now().await;
            self.inner.end(key, now).await?;
            self.inner.create(key, entry, now).await?;
            return Ok(Created::Yes(entry.next_version(None)));
        }
        let created = self.inner.create(key, &self.entry(entry), now).await?;
        Ok(match created {
            Created::Yes(version) if self.breaks(Rule::VersionsNameAWrite) => Created::Yes(counted(&version)),
            created @ (Created::Yes(_) | Created::Taken) => created,
        })
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let entry = self.entry(entry);
        if self.breaks(Rule::VersionsNameAWrite) {
            let Some((there, _)) = self.version(key, now).await? else { return Ok(Replaced::Gone) };
            if counted(&there) != seen {
                return Ok(Replaced::Conflict);
            }
            return Ok(match self.inner.replace(key, there, &entry, now).await? {
                Replaced::Yes(version) => Replaced::Yes(counted(&version)),
                not @ (Replaced::Conflict | Replaced::Gone) => not,
            });
        }
        if self.breaks(Rule::ReplaceComparesAndWritesAtOnce) {
            let Some((there, _)) = self.version(key, now).await? else { return Ok(Replaced::Gone) };
            if there != seen {
                return Ok(Replaced::Conflict);
            }
            tokio::task::yield_now().await;
            let Some((there, _)) = self.version(key, now).await? else { return Ok(Replaced::Gone) };
            return self.inner.replace(key, there, &entry, now).await;
        }
        let replaced = self.inner.replace(key, seen, &entry, now).await?;
        if replaced == Replaced::Gone && self.breaks(Rule::ReplaceNeverCreates) {
            self.inner.create(key, &entry, now).await?;
        }
        Ok(replaced)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rewrites = [Rule::TouchNeverShortens, Rule::TouchKeepsTheVersion, Rule::TouchAndReplaceAtOnce];
        if !rewrites.contains(&self.rule) {
            return self.inner.touch(key, touched, deadline, now).await;
        }
        let Some((version, mut entry)) = self.version(key, now).await? else { return Ok(false) };
        if self.breaks(Rule::TouchAndReplaceAtOnce) {
            // Reads, yields, and writes everything back.
            tokio::task::yield_now().await;
            let Some((newest, current)) = self.version(key, now).await? else { return Ok(false) };
            if newest == version {
                return self.inner.touch(key, touched, deadline, now).await;
            }
            entry.deadline = current.deadline;
            self.inner.replace(key, newest, &entry, now).await?;
            return Ok(true);
        }
        if self.breaks(Rule::TouchNeverShortens) {
            entry.deadline = deadline;
        }
        self.inner.replace(key, version, &entry, now).await?;
        Ok(true)
    }

    async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let until = if self.breaks(Rule::CycleLeavesAMark) { Timestamp::default() } else { moved_until };
        if self.breaks(Rule::CycleOverwritesNobody) {
            self.inner.end(new, now).await?;
        }
        self.moved.lock().unwrap().insert(*new);
        let cycled = self.inner.cycle(old, seen, new, &self.entry(entry), until, now).await?;
        if self.breaks(Rule::MovesAreDoneOnce) && cycled == Replaced::Gone {
            self.inner.end(new, now).await?;
        }
        Ok(cycled)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        if self.breaks(Rule::EndFollowsTheMove) && self.inner.load(key, now).await? == Loaded::Moved {
            return Ok(false);
        }
        self.inner.end(key, now).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let limit = if self.breaks(Rule::SweepIsBounded) { usize::MAX } else { limit };
        let later = std::time::Duration::from_secs(u64::from(self.breaks(Rule::SweepLeavesTheLiving)));
        self.inner.sweep(now + later, limit).await
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let limit = if self.breaks(Rule::PagesAreBounded) { usize::MAX } else { limit };
        let mut page = match self.inner.owned(owner, after, limit, now).await {
            Err(_) if self.breaks(Rule::PagesKnowTheirCursors) => self.inner.owned(owner, None, limit, now).await?,
            page => page?,
        };
        if self.breaks(Rule::PagesOutliveMoves) && after.is_some() {
            page.sessions.retain(|owned| !self.moved.lock().unwrap().contains(&owned.key));
        }
        if self.breaks(Rule::OwnersAreExact) && owner.ends_with("User") {
            page.sessions.extend(all_owned(&self.inner, &owner.replace("User", "user"), now).await?);
        }
        if self.breaks(Rule::OldestFirst) {
            page.sessions.sort_by_key(|owned| owned.key);
        }
        Ok(page)
    }

    async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        if self.breaks(Rule::CountsAreOfTheLiving) {
            return self.inner.count_owned(owner, at_most, Timestamp::default()).await;
        }
        let at_most = if self.breaks(Rule::CountsStop) { usize::MAX } else { at_most };
        self.inner.count_owned(owner, at_most, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let limit = if self.breaks(Rule::EndsInSteps) { usize::MAX } else { limit };
        let keep = if self.breaks(Rule::EndsAllButOne) { None } else { keep };
        if self.breaks(Rule::EndsTheOldestFirst) {
            let mut all = all_owned(&self.inner, owner, now).await?;
            all.retain(|owned| keep != Some(&owned.key));
            let more = all.len() > limit;
            let mut count = 0;
            for owned in all.iter().rev().take(limit) {
                count += usize::from(self.inner.end(&owned.key, now).await?);
            }
            return Ok(Ended::new(count, more));
        }
        self.inner.end_owned(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        if self.breaks(Rule::StepsMeetTheMoved) {
            return self.end_by_key(point, after, now).await;
        }
        if self.breaks(Rule::StepsKnowTheirCursors) && after.is_some() {
            return Ok(EndedPage::new(0, None));
        }
        let point = Timestamp::from_unix_millis(point.unix_millis() + u64::from(self.breaks(Rule::EndBeforeIsExact)));
        self.inner.end_before(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = if self.breaks(Rule::ScansAreBounded) { usize::MAX } else { limit };
        let earlier = u64::from(self.breaks(Rule::ScansAreOfTheLiving));
        let now = Timestamp::from_unix_millis(now.unix_millis() - earlier);
        let mut page = match self.inner.scan(after, limit, now).await {
            // Restarts the scan each time, so it never ends.
            Err(_) if self.breaks(Rule::CursorsAreItsOwn) => self.inner.scan(None, limit, now).await?,
            page => page?,
        };
        if self.breaks(Rule::ScansAreWhole) && after.is_some() && page.sessions.len() > 1 {
            // Skips rows like a scan by row number instead of by key. Skips half of them, so that
            // some of this check's own sessions are among those lost.
            page.sessions.drain(..page.sessions.len() / 2);
        }
        if self.breaks(Rule::ScansTouchNothing) {
            for session in &page.sessions {
                self.inner.touch(&session.key, now, session.entry.deadline, now).await?;
            }
        }
        Ok(page)
    }
}

async fn failed(rule: Rule, rounds: usize) -> Vec<&'static str> {
    let store = any(Broken { inner: MemoryStore::new(), rule, moved: Mutex::default() });
    check(store, Capabilities::all().rounds(rounds)).await.into_iter().map(|failure| failure.check).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_broken_rule_is_caught_by_name() {
    assert_eq!(failed(Rule::Nothing, 20).await, [""; 0]);
    for (rule, check) in [
        (Rule::ReplaceNeverCreates, "replace_never_creates"),
        (Rule::ReplaceComparesAndWritesAtOnce, "one_of_many_replaces"),
        (Rule::VersionsNameAWrite, "versions_grow"),
        (Rule::VersionsNameAWrite, "a_store_that_went_back_in_time_gives_no_version_twice"),
        (Rule::TouchNeverShortens, "touch_never_shortens"),
        (Rule::TouchKeepsTheVersion, "touch_leaves_text_and_version"),
        (Rule::TouchAndReplaceAtOnce, "touch_and_replace_keep_both"),
        (Rule::DeadlinesAreInclusive, "valid_at_its_deadline_and_not_after"),
        (Rule::TheCallersClock, "other_clocks"),
        (Rule::TimesToTheMillisecond, "created_is_loaded_as_it_was"),
        (Rule::EndFollowsTheMove, "end_follows_two_moves"),
        (Rule::CycleLeavesAMark, "the_mark_ends_when_it_should"),
        (Rule::CycleOverwritesNobody, "cycle_onto_a_taken_key_changes_nothing"),
        (Rule::CreateAsksFirst, "one_of_many_creates"),
        (Rule::OwnersAreExact, "look_alikes_are_not_the_owner"),
        (Rule::OldestFirst, "oldest_first"),
        (Rule::SweepIsBounded, "a_sweep_removes_what_is_over"),
        (Rule::SweepLeavesTheLiving, "a_sweep_leaves_the_living"),
        (Rule::EndBeforeIsExact, "ends_what_is_older_and_no_more"),
        (Rule::TextsComeBack, "awkward_texts"),
        (Rule::EmptyOwnersComeBack, "awkward_owners_come_back"),
        (Rule::ScansAreWhole, "a_scan_finds_everything"),
        (Rule::ScansAreBounded, "a_scan_finds_everything"),
        (Rule::ScansAreOfTheLiving, "a_scan_leaves_out_what_is_not_live"),
        (Rule::ScansTouchNothing, "a_scan_changes_nothing"),
        (Rule::CursorsAreItsOwn, "a_cursor_leads_on_from_the_same_place"),
    ] {
        let failed = failed(rule, 2000).await;
        assert!(failed.contains(&check), "{rule:?} should fail {check}, but failed {failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_broken_step_is_caught_by_name() {
    for (rule, check) in [
        (Rule::MovesAreDoneOnce, "a_lost_answer_is_found_out_by_doing_it_again"),
        (Rule::PagesAreBounded, "pages_have_each_session_once"),
        (Rule::PagesOutliveMoves, "a_session_that_moves_between_pages_is_in_one"),
        (Rule::PagesKnowTheirCursors, "a_foreign_cursor_of_an_owner_is_an_error"),
        (Rule::CountsAreOfTheLiving, "the_count_is_that_of_live_sessions"),
        (Rule::CountsStop, "the_count_is_that_of_live_sessions"),
        (Rule::EndsTheOldestFirst, "ends_the_oldest_of_an_owner_and_keeps_one"),
        (Rule::EndsAllButOne, "ends_the_oldest_of_an_owner_and_keeps_one"),
        (Rule::EndsInSteps, "ends_the_oldest_of_an_owner_and_keeps_one"),
        (Rule::StepsKnowTheirCursors, "a_foreign_cursor_ends_nothing"),
        (Rule::StepsMeetTheMoved, "what_moves_between_steps_is_ended"),
    ] {
        // A rule that no other check detects, without any race.
        assert_eq!(failed(rule, 2).await, [check], "{rule:?}");
    }
}
