//! Commits while a request runs: the session continues from the committed state, and no change is
//! lost or applied twice.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    Absorbed, After, Commit, CookiePayload, CookieUpdate, CsrfToken, Dropped, Duplicates, Lifetimes, Plan, Record,
    SessionState,
};
use proptest::prelude::*;

use crate::operations::{
    ID, NOW, Operation, any_operation, commit, data, fresh, messages, outcome, request, several, stored,
    through_the_wire,
};

fn token(seed: u8) -> CsrfToken {
    CsrfToken::from_random([seed; 32])
}

fn new() -> SessionState {
    SessionState::fresh(NOW, Lifetimes::default()).with_payload(CookiePayload::Id)
}

fn loaded(record: &Record) -> SessionState {
    request(record, &[]).with_payload(CookiePayload::Id)
}

/// Returns the result of a factory that stored the record.
fn kept(commit: &Commit) -> SessionState {
    commit.settle(After::Kept(commit.new_id().unwrap_or(ID), through_the_wire(&commit.record()).into()))
}

/// Commits, and makes these changes while the commit runs.
fn committed_during(session: &mut SessionState, during: impl FnOnce(&mut SessionState)) -> Commit {
    let commit = commit(session, NOW);
    during(session);
    session.absorb_now(&commit, kept(&commit)).unwrap();
    commit
}

proptest! {
    #[test]
    fn changes_made_while_a_commit_runs_come_on_top(
        before in several(any_operation()),
        first in several(any_operation()),
        during in several(any_operation()),
        after in several(any_operation()),
    ) {
        let base = stored(&before);
        let mut session = request(&base, &first);
        let commit = commit(&mut session, NOW);
        during.iter().for_each(|operation| operation.run(&mut session));
        let seen = session.clone();
        session.absorb_now(&commit, kept(&commit)).unwrap();
        prop_assert_eq!(data(session.record()), data(seen.record()));
        prop_assert_eq!(messages(session.record()), messages(seen.record()));
        prop_assert_eq!(session.record().csrf().is_some(), seen.record().csrf().is_some());
        // The rest of the request, and a replay of all uncommitted changes.
        after.iter().for_each(|operation| operation.run(&mut session));
        let again = session.log().replay(session.base(), session.base(), Default::default()).unwrap().record;
        prop_assert_eq!(data(&again), data(session.record()));
        prop_assert_eq!(messages(&again), messages(session.record()));
    }

    #[test]
    fn a_long_log_is_folded_to_the_same_effect(
        before in several(any_operation()),
        operations in prop::collection::vec(any_operation(), 60..400),
        other in several(any_operation()),
    ) {
        let base = stored(&before);
        let folded = request(&base, &operations);
        let once = folded.log().replay(&base, &base, Default::default()).unwrap().record;
        prop_assert_eq!(once.encode(), folded.record().encode(), "on the version of the log");
        // On another version, the result equals that of all operations without folding, in short
        // logs.
        let newest = outcome(&request(&base, &other));
        let again = folded.log().replay(&base, &newest, Default::default()).unwrap().record;
        let mut by_parts = newest.clone();
        let mut session = request(&base, &[]);
        for part in operations.chunks(40) {
            by_parts = part_of(&mut session, part, &by_parts);
        }
        prop_assert_eq!(data(&again), data(&by_parts));
        // A pop also removes the duplicates that its own log suppressed, and a part knows only its
        // own log.
        let is_once = |queue: &str| operations.iter().any(|it| matches!(it, Operation::FlashOnce(name, _) if name == queue));
        let comparable = |record: &Record| {
            let mut queues = messages(record);
            queues.retain(|(queue, _)| !is_once(queue));
            queues
        };
        prop_assert_eq!(comparable(&again), comparable(&by_parts));
    }
}

/// Runs some operations on a session in a separate log, and applies that log to `newest`.
fn part_of(session: &mut SessionState, operations: &[Operation], newest: &Record) -> Record {
    let seen = session.record().clone();
    let mut part = request(&seen, operations);
    let applied = part.log().replay(&seen, newest, Default::default()).unwrap().record;
    std::mem::swap(session, &mut part);
    *session = request(&session.record().clone(), &[]);
    applied
}

#[test]
fn a_stream_that_changes_one_key_keeps_a_short_log() {
    let mut session = loaded(&stored(&[]));
    for number in 0..100_000 {
        session.insert("progress", &number).unwrap();
        session.flash("q", &number, fresh(), Duplicates::Allow).unwrap();
        if number % 7 == 0 {
            session.remove("progress");
        }
        if number % 50 == 0 {
            session.pop_flash::<u32>("q").unwrap();
        }
    }
    assert!(session.log().len() < 1000, "{} changes", session.log().len());
    let again = session.log().replay(session.base(), session.base(), Default::default()).unwrap().record;
    assert_eq!(again.encode(), session.record().encode());
}

#[test]
fn a_commit_completes_the_record_in_place() {
    let later = NOW + Duration::from_secs(60);
    let mut session = new();
    session.insert("n", &1).unwrap();
    let commit = commit(&mut session, later);
    assert!(Arc::ptr_eq(&commit.record(), &commit.record()), "nothing is copied");
    let record = commit.record();
    assert_eq!(record.times().touched, later);
    assert!(record.csrf().is_some(), "a session begins with its token");
    assert!(commit.has_written(&record));
    assert_eq!(session.record(), &*record, "the handler sees it too");
}

#[test]
fn a_failed_commit_leaves_nothing_to_store() {
    let mut session = new();
    session.insert("draft", &"too long").unwrap();
    let failed = commit(&mut session, NOW);
    session.withdraw(&failed);
    session.remove("draft");
    assert_eq!(session.plan(NOW), (Plan::Nothing, CookieUpdate::Keep), "no session for a token that was never shown");
    // A token that was shown, or set since, stays.
    let mut session = new();
    let shown = session.csrf_token(|| token(3));
    let failed = commit(&mut session, NOW);
    session.withdraw(&failed);
    assert_eq!(session.record().csrf(), Some(&shown));
    let mut session = new();
    session.insert("a", &1).unwrap();
    let failed = commit(&mut session, NOW);
    session.set_csrf_token(token(4));
    session.withdraw(&failed);
    assert_eq!(session.record().csrf(), Some(&token(4)));
}

#[test]
fn a_cookie_has_no_commit_ids() {
    let mut session = new().with_payload(CookiePayload::Record);
    session.insert("n", &1).unwrap();
    assert_eq!(commit(&mut session, NOW).record().last_commit(), None);
}

#[test]
fn nothing_is_left_to_do_after_a_commit() {
    let mut session = loaded(&stored(&[]));
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    committed_during(&mut session, |_| {});
    assert!(session.log().is_empty());
    assert_eq!(session.get::<i64>("n").unwrap(), Some(1));
    assert_eq!(session.plan(NOW), (Plan::Nothing, CookieUpdate::Keep));
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    assert_eq!((session.get::<i64>("n").unwrap(), session.log().len()), (Some(2), 1));
    assert_eq!(session.plan(NOW), (Plan::Replace, CookieUpdate::Keep));
}

#[test]
fn a_new_session_is_no_longer_new_after_its_commit() {
    let mut session = new();
    session.insert("a", &1).unwrap();
    let commit = committed_during(&mut session, |session| session.insert("b", &2).unwrap());
    assert!(!session.is_new());
    assert_eq!(session.id(), commit.new_id());
    assert_eq!(session.record().csrf(), commit.record().csrf(), "created with the session");
    assert_eq!(session.plan(NOW), (Plan::Replace, CookieUpdate::Keep), "b is still to be saved");
    assert_eq!(session.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_session_that_is_invalidated_while_a_commit_runs_ends() {
    let mut session = new();
    session.insert("a", &1).unwrap();
    let commit = committed_during(&mut session, |session| session.invalidate(NOW));
    assert_eq!(session.ended_id(), commit.new_id(), "the session that was just created");
    assert_eq!(session.plan(NOW), (Plan::End, CookieUpdate::Remove));
    assert!(session.is_empty());
    session.insert("b", &2).unwrap();
    assert_eq!(session.plan(NOW), (Plan::EndThenCreate, CookieUpdate::Set));
}

/// Each row: a session, an operation during its commit, the outcome of the commit, and the next
/// plan.
#[test]
fn an_identity_that_changes_while_a_commit_runs_is_not_lost() {
    type Step = fn(&mut SessionState);
    type Row = (&'static str, SessionState, Step, fn(&Commit) -> SessionState, Plan);
    let cycle: Step = |s| s.cycle_id(token(5));
    let own: Step = |s| s.set_owner("ann", token(5), NOW);
    let by_another: Step = |s| s.set_owner("bob", token(5), NOW);
    let end: Step = |s| s.invalidate(NOW);
    let detached = || SessionState::detached(ID, NOW, Lifetimes::default()).with_payload(CookiePayload::Id);
    let anns = || {
        let mut record = stored(&[]);
        record.restore_owner("ann");
        loaded(&record)
    };
    let any = || loaded(&stored(&[]));
    #[rustfmt::skip] // one row, one line
    let rows: Vec<Row> = vec![
        ("new, cycled", new(), cycle, kept, Plan::Cycle),
        ("new, owned", new(), own, kept, Plan::Cycle),
        ("new, invalidated", new(), end, kept, Plan::End),
        ("loaded, cycled", any(), cycle, kept, Plan::Cycle),
        ("loaded, owned", any(), own, kept, Plan::Cycle),
        ("loaded, owned by another", anns(), by_another, kept, Plan::EndThenCreate),
        ("loaded, invalidated", any(), end, kept, Plan::End),
        ("loaded, cycled, but it had ended", any(), cycle, |c| c.settle(After::Dropped), Plan::Nothing),
        ("loaded, owned, but it had ended", any(), own, |c| c.settle(After::Dropped), Plan::Create),
        ("loaded, invalidated, but it had ended", any(), end, |c| c.settle(After::Dropped), Plan::End),
        ("detached, owned", detached(), own, |c| c.settle(After::Dropped), Plan::Create),
        ("detached, invalidated", detached(), end, |c| c.settle(After::Dropped), Plan::End),
    ];
    for (name, mut session, during, answer, plan) in rows {
        session.insert("a", &1).unwrap();
        let commit = commit(&mut session, NOW);
        during(&mut session);
        session.absorb_now(&commit, answer(&commit)).unwrap();
        assert_eq!(session.plan(NOW).0, plan, "{name}");
    }
}

#[test]
fn a_cycle_that_was_committed_is_not_done_again() {
    let mut session = loaded(&stored(&[]));
    session.cycle_id(token(5));
    let commit = committed_during(&mut session, |_| {});
    assert_eq!(session.id(), commit.new_id());
    assert_eq!(session.plan(NOW), (Plan::Nothing, CookieUpdate::Keep));
}

#[test]
fn an_end_that_was_committed_is_not_done_again() {
    let mut session = loaded(&stored(&[]));
    session.invalidate(NOW);
    let commit = commit(&mut session, NOW);
    session.invalidate(NOW);
    session.absorb_now(&commit, commit.settle(After::Ended)).unwrap();
    assert_eq!(session.plan(NOW), (Plan::Nothing, CookieUpdate::Keep));
}

#[test]
fn a_sign_in_replaces_the_csrf_token() {
    let base = stored(&[]);
    assert_eq!(base.csrf(), None);
    for (name, step) in [
        ("cycled", (|s| s.cycle_id(token(5))) as fn(&mut SessionState)),
        ("owned", |s| s.set_owner("ann", token(5), NOW)),
    ] {
        let mut record = base.clone();
        record.restore_csrf(token(1));
        let mut session = loaded(&record);
        step(&mut session);
        assert_eq!(session.record().csrf(), Some(&token(5)), "{name}");
        // Even if another request has replaced it in the meantime.
        record.restore_csrf(token(2));
        let newest = session.log().replay(session.base(), &record, Default::default()).unwrap().record;
        assert_eq!(newest.csrf(), Some(&token(5)), "{name}, replayed");
    }
}

#[test]
fn nothing_of_another_owner_is_kept() {
    let mut record = stored(&[]);
    record.restore_owner("ann");
    record.restore("is_admin", cloakroom_core::Json::encode("is_admin", &true).unwrap());
    let mut session = loaded(&record);
    session.set_owner("bob", token(5), NOW);
    assert_eq!(session.ended_id(), Some(ID));
    assert!(session.is_empty());
    let commit = commit(&mut session, NOW);
    assert_eq!((commit.plan(), commit.ended_id()), (Plan::EndThenCreate, Some(ID)));
    assert_eq!(commit.record().owner(), Some("bob"));
}

#[test]
fn a_message_popped_while_a_commit_runs_is_gone() {
    let mut session = loaded(&stored(&[]));
    session.flash("q", &"saved", fresh(), Duplicates::Allow).unwrap();
    committed_during(&mut session, |session| {
        assert_eq!(session.pop_flash::<String>("q").unwrap(), ["saved"]);
    });
    assert!(session.peek_flash::<String>("q").unwrap().is_empty());
    assert!(messages(&outcome(&session)).is_empty());
}

#[test]
fn a_message_popped_during_a_conflict_never_comes_back() {
    // The message is shown while the commit that added it conflicts with another request's message.
    let base = stored(&[]);
    let mut session = loaded(&base);
    session.flash("q", &"A", fresh(), Duplicates::Allow).unwrap();
    let commit = commit(&mut session, NOW);
    assert_eq!(session.pop_flash::<String>("q").unwrap(), ["A"]);
    let mut other = loaded(&base);
    other.flash("q", &"X", fresh(), Duplicates::Allow).unwrap();
    let newest = outcome(&other);
    let merged = commit.session().log().replay(&base, &newest, Default::default()).unwrap().record;
    session.absorb_now(&commit, commit.settle(After::Kept(ID, merged.into()))).unwrap();
    assert_eq!(session.peek_flash::<String>("q").unwrap(), ["X"]);
}

#[test]
fn a_full_queue_drops_its_oldest_message() {
    let mut session = loaded(&stored(&[]));
    for number in 0..150 {
        session.flash("q", &number, fresh(), Duplicates::Allow).unwrap();
    }
    assert_eq!(session.peek_flash::<u32>("q").unwrap(), (50..150).collect::<Vec<_>>());
    let again = session.log().replay(session.base(), session.base(), Default::default()).unwrap().record;
    assert_eq!(messages(&again), messages(session.record()));
}

#[test]
fn a_detached_session_stays_detached_after_a_commit() {
    let mut session = SessionState::detached(ID, NOW, Lifetimes::default()).with_payload(CookiePayload::Id);
    session.insert("a", &1).unwrap();
    let dropped = (Plan::Drop(Dropped::Detached), CookieUpdate::Keep);
    assert_eq!(session.plan(NOW), dropped);
    let commit = commit(&mut session, NOW);
    session.absorb_now(&commit, commit.settle(After::Dropped)).unwrap();
    assert!(session.is_empty());
    session.insert("b", &2).unwrap();
    assert_eq!(session.plan(NOW), dropped, "a cookie now would undo the newer one");
    session.cycle_id(token(5));
    assert_eq!(session.plan(NOW), (Plan::Create, CookieUpdate::Set));
}

#[test]
fn a_dropped_session_can_still_be_signed_out() {
    let mut session = loaded(&stored(&[]));
    session.insert("a", &1).unwrap();
    let commit = commit(&mut session, NOW);
    session.absorb_now(&commit, commit.settle(After::Dropped)).unwrap();
    session.invalidate(NOW);
    assert_eq!(session.ended_id(), Some(ID));
    assert_eq!(session.plan(NOW), (Plan::End, CookieUpdate::Remove));
}

#[test]
fn a_stream_whose_session_has_moved_can_still_sign_out() {
    let mut session = loaded(&stored(&[]));
    assert!(!session.refresh(SessionState::detached(ID, NOW, Lifetimes::default())));
    session.insert("a", &1).unwrap();
    assert_eq!(session.plan(NOW).0, Plan::Drop(Dropped::Detached));
    session.invalidate(NOW);
    assert_eq!((session.ended_id(), session.plan(NOW).0), (Some(ID), Plan::End));
}

#[test]
fn a_commit_that_cannot_be_rebased_is_not_applied_twice() {
    let mut session = loaded(&stored(&[]));
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    let commit = commit(&mut session, NOW);
    session.update("n", |n: &mut i64| *n += 10).unwrap();
    // Another request's commit came first, with a text under the same key.
    let mut other = stored(&[]);
    other.restore("n", cloakroom_core::Json::encode("n", &"text").unwrap());
    let error = session.absorb_now(&commit, commit.settle(After::Kept(ID, other.into()))).unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.key(), Some("n"));
    assert!(session.log().is_empty(), "the first update was committed");
    assert_eq!(session.record(), session.base());
}

#[test]
fn changes_made_during_a_rebase_are_kept() {
    let mut session = loaded(&stored(&[]));
    session.insert("a", &1).unwrap();
    let commit = commit(&mut session, NOW);
    session.insert("b", &2).unwrap();
    let settled = kept(&commit);
    let rebased = session.since(&commit).rebase(&settled);
    session.insert("c", &3).unwrap();
    let Absorbed::Outdated(settled) = session.merge_commit(&commit, settled, rebased) else {
        panic!("c would be lost")
    };
    session.absorb_now(&commit, *settled).unwrap();
    assert_eq!(session.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_read_and_set_over_another_request_s_change_is_reported() {
    let base = {
        let mut record = stored(&[]);
        record.restore("n", cloakroom_core::Json::encode("n", &1).unwrap());
        record
    };
    type Handler = fn(&mut SessionState);
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, Handler, Option<&str>, bool)] = &[
        ("read, then set", |s| { s.read_json("n"); s.insert("n", &2).unwrap(); }, Some("n"), true),
        ("set alone", |s| s.insert("n", &2).unwrap(), None, true),
        ("read alone", |s| { s.read_json("n"); s.insert("m", &2).unwrap(); }, None, true),
        ("another key read and set", |s| { s.read_json("m"); s.insert("m", &2).unwrap(); }, None, false),
        ("updated", |s| s.update("n", |n: &mut i64| *n += 1).unwrap(), None, false),
        ("set, then read, then set", |s| { s.insert("n", &2).unwrap(); s.read_json("n"); s.insert("n", &3).unwrap(); }, None, true),
        ("all read, one set", |s| { s.read_all_json(); s.insert("n", &2).unwrap(); }, Some("n"), true),
    ];
    let newest = outcome(&{
        let mut other = loaded(&base);
        other.insert("n", &100).unwrap();
        other
    });
    for (name, handler, overwritten, conflicts) in rows {
        let mut session = loaded(&base);
        handler(&mut session);
        let replayed = session.log().replay(&base, &newest, Default::default()).unwrap();
        assert_eq!(replayed.overwritten.as_ref().map(|key| key.as_str()), *overwritten, "{name}");
        let strict = session.log().replay(&base, &newest, cloakroom_core::ConflictPolicy::Strict);
        assert_eq!(strict.is_err(), *conflicts, "{name}, strict");
        assert_eq!(
            session.log().replay(&base, &base, Default::default()).unwrap().overwritten,
            None,
            "{name}, unchanged base"
        );
    }
}
