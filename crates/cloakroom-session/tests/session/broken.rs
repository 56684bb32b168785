//! Factories that break one rule each, and the check that detects it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use cloakroom_session::adapter::*;
use cloakroom_session::factory::conformance::{Capabilities, check};
use cloakroom_session::factory::*;
use cloakroom_session::*;

const NAME: &str = "sid";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// No rule is broken, which shows that the factory itself conforms.
    Nothing,
    NonsenseIsNoError,
    IdsAreNotAdopted,
    AllCandidatesAreTried,
    ReadsKeepNothing,
    CookiesNameTheirSession,
    SessionsBeginAsGiven,
    TakenIdsAreNotGivenAgain,
    DeadlinesAreInclusive,
    DeadlinesEnd,
    ReadsTouch,
    WritesNeverRevive,
    MovesNeverRevive,
    DropsSendNoCookie,
    DroppedIsNotEnded,
    MovedIdsOpenNothing,
    ANewSessionHasANewId,
    EndsEnd,
    EndsFollowMoves,
    OnlyEndsRemove,
    RemovalsHaveTheSameAttributes,
    EndsComeFirst,
    PopsAreKept,
    OthersAreMerged,
    MovesMerge,
    CommitsSettle,
    ResumedWritesAreFoundOut,
    ResumedMovesAreFoundOut,
    ResumedCreationsKeepTheirId,
    ReloadsSayWhatEnded,
    ReloadsShowTheNewest,
    BindingsAreKept,
    BindingsMove,
    BindingsHaveOneOwner,
}

#[derive(Clone, Debug)]
enum Entry {
    Here(Version, Box<Record>),
    Moved(StoreKey),
}

#[derive(Clone, Debug)]
struct Broken {
    rule: Rule,
    store: Arc<Mutex<HashMap<StoreKey, Entry>>>,
}

impl Broken {
    fn breaks(&self, rule: Rule) -> bool {
        self.rule == rule
    }

    fn store(&self) -> MutexGuard<'_, HashMap<StoreKey, Entry>> {
        self.store.lock().unwrap()
    }

    fn kept(&self) -> usize {
        self.store().values().filter(|entry| matches!(entry, Entry::Here(..))).count()
    }

    fn cookie(&self, path: &str) -> CookieTemplate {
        CookieConfig::default().name(NAME).path(path).build().unwrap()
    }

    fn is_expired(&self, record: &Record, now: Timestamp) -> bool {
        let now = match self.rule {
            Rule::DeadlinesAreInclusive => now + std::time::Duration::from_secs(1),
            Rule::DeadlinesEnd => Timestamp::from_unix_secs(now.unix_secs().saturating_sub(60)),
            _ => now,
        };
        record.times().expired(now).is_some()
    }

    fn end(&self, key: StoreKey) -> bool {
        let found = self.store().remove(&key);
        match found {
            Some(Entry::Here(version, record)) if self.breaks(Rule::EndsEnd) => {
                self.store().insert(key, Entry::Here(version, record));
                true
            }
            Some(Entry::Here(..)) => true,
            Some(Entry::Moved(to)) => !self.breaks(Rule::EndsFollowMoves) && self.end(to),
            None => false,
        }
    }

    fn own(&self, key: &StoreKey, commit: &Commit) -> Option<(Version, Arc<Record>)> {
        match self.store().get(key) {
            Some(Entry::Here(version, record)) if commit.is_resumed() && commit.has_written(record) => {
                Some((version.clone(), Arc::new(Record::clone(record))))
            }
            _ => None,
        }
    }

    fn create(&self, key: StoreKey, commit: &Commit) -> (Version, Arc<Record>) {
        if let Some(own) = self.own(&key, commit) {
            return own;
        }
        let (version, record) = (Version::first(1), commit.record());
        self.store().insert(key, Entry::Here(version.clone(), Box::new(Record::clone(&record))));
        (version, record)
    }

    fn write(&self, from: StoreKey, to: StoreKey, commit: &Commit) -> Result<Option<(Version, Arc<Record>)>, Error> {
        let moves = from != to;
        let found_out = match moves {
            true => !self.breaks(Rule::ResumedMovesAreFoundOut),
            false => !self.breaks(Rule::ResumedWritesAreFoundOut),
        };
        if let Some(own) = self.own(&to, commit).filter(|_| found_out) {
            return Ok(Some(own));
        }
        let revives = self.breaks(if moves { Rule::MovesNeverRevive } else { Rule::WritesNeverRevive });
        let adopts = !moves && self.breaks(Rule::IdsAreNotAdopted);
        let mut store = self.store();
        let (version, mut record) = match store.get(&from) {
            Some(Entry::Here(version, newest)) => {
                let merges = !self.breaks(if moves { Rule::MovesMerge } else { Rule::OthersAreMerged });
                let mut record = Record::clone(&commit.record());
                if version != commit.session().version() && merges {
                    record = replay(commit, newest, ConflictPolicy::LastWriteWins)?;
                    commit.mark(&mut record);
                }
                (Version::after(version, 1), record)
            }
            _ if revives || adopts => (Version::first(1), Record::clone(&commit.record())),
            _ => return Ok(None),
        };
        let base = commit.session().base();
        if self.breaks(Rule::BindingsAreKept) || (moves && self.breaks(Rule::BindingsMove)) {
            record = without_binding(&record);
        }
        let only_pops = record.entries().eq(base.entries()) && record.flashes().count() < base.flashes().count();
        if !(self.breaks(Rule::PopsAreKept) && only_pops) {
            store.insert(to, Entry::Here(version.clone(), Box::new(record.clone())));
        }
        if moves && !self.breaks(Rule::MovedIdsOpenNothing) {
            store.insert(from, Entry::Moved(to));
        }
        Ok(Some((version, Arc::new(record))))
    }

    async fn begin(&self, commit: &Commit) -> (SessionId, (Version, Arc<Record>)) {
        let ended = commit.ended_id();
        let mut id = commit.new_id().unwrap();
        if commit.is_resumed() && self.breaks(Rule::ResumedCreationsKeepTheirId) {
            id = fresh_id().unwrap();
        }
        let is_taken = !commit.is_resumed() && self.store().contains_key(&id.store_key());
        if (is_taken && !self.breaks(Rule::TakenIdsAreNotGivenAgain)) || self.breaks(Rule::SessionsBeginAsGiven) {
            id = fresh_id().unwrap();
        }
        if let Some(ended) = ended.filter(|_| self.breaks(Rule::ANewSessionHasANewId)) {
            id = ended;
        }
        let former = ended.and_then(|id| match self.store().get(&id.store_key()) {
            Some(Entry::Here(_, record)) => record.binding().map(|binding| binding.encode()),
            _ => None,
        });
        if let Some(former) = former.filter(|_| self.breaks(Rule::BindingsHaveOneOwner)) {
            self.end(ended.unwrap().store_key());
            let record = decoded(commit.record().encode() + &format!("D{}:{former}", former.len()));
            let entry = Entry::Here(Version::first(1), Box::new(record.clone()));
            self.store().insert(id.store_key(), entry);
            return (id, (Version::first(1), Arc::new(record)));
        }
        let mut kept = None;
        if self.breaks(Rule::EndsComeFirst) {
            kept = Some(self.create(id.store_key(), commit));
            tokio::task::yield_now().await;
        }
        if let Some(ended) = ended {
            self.end(ended.store_key());
            tokio::task::yield_now().await;
        }
        (id, kept.unwrap_or_else(|| self.create(id.store_key(), commit)))
    }
}

fn decoded(text: String) -> Record {
    Record::decode(&text.into(), 0).unwrap()
}

fn without_binding(record: &Record) -> Record {
    let text = record.binding().map(|binding| binding.encode()).unwrap_or_default();
    decoded(record.encode().replace(&format!("D{}:{text}", text.len()), ""))
}

impl SessionFactory for Broken {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let lifetimes = Lifetimes::default();
        let many = if self.breaks(Rule::AllCandidatesAreTried) { 1 } else { 4 };
        let values: Vec<_> = cookies.candidates(NAME).filter_map(Result::ok).take(many).collect();
        for value in values {
            let Some(id) = SessionId::parse(value) else {
                if self.breaks(Rule::NonsenseIsNoError) {
                    return Err(Error::corrupt("no id"));
                }
                continue;
            };
            let found = self.store().get(&id.store_key()).cloned();
            let session = match found {
                Some(Entry::Here(version, record)) if !self.is_expired(&record, now) => {
                    SessionState::loaded(id, *record, now, lifetimes).at_version(version)
                }
                Some(Entry::Moved(_)) => SessionState::detached(id, now, lifetimes),
                _ if self.breaks(Rule::IdsAreNotAdopted) => {
                    SessionState::loaded(id, Record::with_times(SessionTimes::start(now, &lifetimes)), now, lifetimes)
                }
                _ => continue,
            };
            return Ok(session.with_payload(CookiePayload::Id));
        }
        if self.breaks(Rule::ReadsKeepNothing) {
            let record = Record::with_times(SessionTimes::start(now, &lifetimes));
            self.store().insert(fresh_id()?.store_key(), Entry::Here(Version::first(1), Box::new(record)));
        }
        Ok(SessionState::fresh(now, lifetimes).with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        tokio::task::yield_now().await;
        let without_cookie = |after| Ok(Committed::new(commit.settle(after), Vec::new()));
        let key = || commit.session().store_key().unwrap();
        let kept = match commit.plan() {
            Plan::Create | Plan::EndThenCreate => Some(self.begin(commit).await),
            Plan::Touch if self.breaks(Rule::ReadsTouch) => return without_cookie(After::Untouched),
            Plan::Replace | Plan::Touch => commit.session().id().zip(self.write(key(), key(), commit)?),
            Plan::Cycle => {
                let id = commit.new_id().unwrap();
                self.write(key(), id.store_key(), commit)?.map(|kept| (id, kept))
            }
            Plan::End => {
                let was_there = commit.ended_id().is_some_and(|id| self.end(id.store_key()));
                let path = if self.breaks(Rule::RemovalsHaveTheSameAttributes) { "/app" } else { "/" };
                let removes = was_there || self.breaks(Rule::OnlyEndsRemove);
                let cookies = removes.then(|| self.cookie(path).remove()).into_iter().collect();
                return Ok(Committed::new(commit.settle(After::Ended), cookies));
            }
            Plan::Drop(_) => None,
            _ => return without_cookie(After::Untouched),
        };
        let Some((id, (version, record))) = kept else {
            return match self.rule {
                Rule::DroppedIsNotEnded => without_cookie(After::Ended),
                Rule::DropsSendNoCookie => {
                    let cookies = vec![self.cookie("/").remove()];
                    Ok(Committed::new(commit.settle(After::Dropped), cookies))
                }
                _ => without_cookie(After::Dropped),
            };
        };
        let cookies = match commit.cookie() {
            CookieUpdate::Set => vec![self.cookie("/").set(&id.expose(), record.max_age(commit.now()))?],
            _ => vec![],
        };
        if self.breaks(Rule::CommitsSettle) {
            return Ok(Committed::new(commit.settle(After::Untouched), cookies));
        }
        Ok(Committed::new(commit.settle(After::Kept(id, record)).at_version(version), cookies))
    }

    fn presented(&self, cookies: &CookieHeader<'_>, _: Timestamp) -> Presented {
        if self.breaks(Rule::CookiesNameTheirSession) {
            return Presented::Nothing;
        }
        cookies.candidates(NAME).flatten().find_map(SessionId::parse).map(|id| id.store_key()).into()
    }

    fn begins_as_given(&self) -> bool {
        true
    }

    fn keeps_bindings(&self) -> bool {
        true
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let id = session.id().unwrap();
        let found = self.store().get(&id.store_key()).cloned();
        let newest = match found {
            Some(_) if self.breaks(Rule::ReloadsShowTheNewest) => return Ok(session.clone()),
            Some(Entry::Here(version, record)) if !self.is_expired(&record, now) => {
                SessionState::loaded(id, *record, now, *session.lifetimes()).at_version(version)
            }
            _ if self.breaks(Rule::ReloadsSayWhatEnded) => return Ok(session.clone()),
            _ => SessionState::detached(id, now, *session.lifetimes()),
        };
        Ok(newest.with_payload(CookiePayload::Id))
    }
}

async fn failed(rule: Rule) -> Vec<&'static str> {
    let factory = Broken { rule, store: Arc::default() };
    let counted = factory.clone();
    let can = Capabilities::all().rounds(10).counting(move || counted.kept());
    check(Arc::new(factory), can).await.into_iter().map(|failure| failure.check).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_broken_rule_is_caught_by_name() {
    assert_eq!(failed(Rule::Nothing).await, [""; 0]);
    let rows = [
        (Rule::NonsenseIsNoError, "nonsense_is_a_fresh_session"),
        (Rule::IdsAreNotAdopted, "an_invented_id_is_not_adopted"),
        (Rule::AllCandidatesAreTried, "a_bad_cookie_hides_no_good_one"),
        (Rule::ReadsKeepNothing, "an_unused_session_is_not_kept"),
        (Rule::CookiesNameTheirSession, "cookies_name_the_session_that_they_open"),
        (Rule::SessionsBeginAsGiven, "a_session_begins_with_the_id_of_its_commit"),
        (Rule::TakenIdsAreNotGivenAgain, "a_session_begins_with_the_id_of_its_commit"),
        (Rule::DeadlinesAreInclusive, "valid_at_its_deadline_and_not_after"),
        (Rule::DeadlinesEnd, "valid_at_its_deadline_and_not_after"),
        (Rule::ReadsTouch, "a_read_extends_the_deadline"),
        (Rule::WritesNeverRevive, "a_slow_request_revives_nothing"),
        (Rule::MovesNeverRevive, "a_slow_request_revives_nothing"),
        (Rule::DropsSendNoCookie, "a_slow_request_revives_nothing"),
        (Rule::DroppedIsNotEnded, "dropped_is_not_ended"),
        (Rule::MovedIdsOpenNothing, "a_moved_id_opens_nothing"),
        (Rule::ANewSessionHasANewId, "invalidate_then_write_begins_anew"),
        (Rule::EndsEnd, "an_ended_session_opens_nothing"),
        (Rule::EndsFollowMoves, "a_sign_out_follows_the_move"),
        (Rule::OnlyEndsRemove, "a_second_end_is_silent"),
        (Rule::RemovalsHaveTheSameAttributes, "invalidate_removes_the_cookie_as_it_was_set"),
        (Rule::EndsComeFirst, "the_end_comes_before_the_beginning"),
        (Rule::PopsAreKept, "a_popped_message_does_not_come_back"),
        (Rule::OthersAreMerged, "changes_of_different_keys_both_survive"),
        (Rule::OthersAreMerged, "overlapping_updates_all_count"),
        (Rule::MovesMerge, "a_move_takes_along_what_others_wrote"),
        (Rule::CommitsSettle, "commits_of_one_request_follow_each_other"),
        (Rule::ResumedWritesAreFoundOut, "a_resumed_write_is_applied_once"),
        (Rule::ResumedWritesAreFoundOut, "a_resumed_replay_is_applied_once"),
        (Rule::ResumedMovesAreFoundOut, "a_resumed_cycle_keeps_the_session"),
        (Rule::ResumedCreationsKeepTheirId, "a_resumed_creation_is_one_session"),
        (Rule::ReloadsSayWhatEnded, "a_reload_says_that_it_has_ended"),
        (Rule::ReloadsShowTheNewest, "a_reload_shows_what_others_wrote"),
        (Rule::BindingsAreKept, "a_binding_is_kept"),
        (Rule::BindingsMove, "a_binding_moves_with_its_session"),
        (Rule::OthersAreMerged, "a_binding_and_a_write_both_survive"),
        (Rule::OthersAreMerged, "a_challenge_is_used_up_once"),
        (Rule::BindingsHaveOneOwner, "a_binding_ends_with_its_owner"),
    ];
    let mut missed = Vec::new();
    for (rule, check) in rows {
        let failed = failed(rule).await;
        if !failed.contains(&check) {
            missed.push(format!("{rule:?} should be caught by {check}, but was caught by {failed:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
