//! Commits in mid-request: the session goes on from what was committed, and nothing is done twice or lost.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    Carrier, CookieUpdate, CsrfToken, Dropped, Duplicates, Lifetimes, Plan, Record, SessionId, SessionState,
};
use proptest::prelude::*;

use crate::operations::{ID, NOW, any_operation, data, messages, request, several, stored, through_the_wire};

fn token() -> Result<CsrfToken, std::convert::Infallible> {
    Ok(CsrfToken::from_random([9; 32]))
}

/// What a factory answers when it kept `record`.
fn kept(committed: &SessionState, record: &Record) -> SessionState {
    committed.settled(Some((ID, through_the_wire(record).into())), NOW)
}

proptest! {
    #[test]
    fn what_is_done_while_a_commit_runs_comes_on_top(
        before in several(any_operation()),
        first in several(any_operation()),
        meanwhile in several(any_operation()),
        after in several(any_operation()),
    ) {
        let base = stored(&before);
        let mut session = request(&base, &first);
        let snapshot = session.clone();
        meanwhile.iter().for_each(|operation| operation.run(&mut session));
        let seen = session.clone();
        let committed = kept(&snapshot, &snapshot.outcome(NOW, token).unwrap());
        session.absorb(snapshot.checkpoint(), committed.clone()).unwrap();
        prop_assert_eq!(data(session.record()), data(seen.record()));
        prop_assert_eq!(messages(session.record()), messages(seen.record()));
        prop_assert_eq!(session.record().csrf(), seen.record().csrf());
        prop_assert_eq!(session.base(), committed.base());
        // The rest of the request, and a replay of all that isn't committed yet.
        after.iter().for_each(|operation| operation.run(&mut session));
        let again = session.log().replay(session.base(), session.base(), Default::default()).unwrap();
        prop_assert_eq!(data(&again), data(session.record()));
        prop_assert_eq!(messages(&again), messages(session.record()));
    }

    #[test]
    fn what_was_used_before_its_commit_is_kept_the_same(
        before in several(any_operation()),
        first in several(any_operation()),
        later in 0..10_000_u64,
    ) {
        let now = NOW + Duration::from_secs(later);
        let session = request(&stored(&before), &first);
        let mut used = session.clone();
        used.use_now(now);
        prop_assert_eq!(used.outcome(now, token), session.outcome(now, token));
    }
}

#[test]
fn what_was_used_before_its_commit_is_not_copied() {
    let later = NOW + Duration::from_secs(60);
    let is_shared = |session: &SessionState| {
        let outcome = || session.shared_outcome(later, token).unwrap();
        Arc::ptr_eq(&outcome(), &outcome())
    };
    let mut session = request(&stored(&[]), &[]);
    session.insert("n", &1).unwrap();
    assert!(!is_shared(&session), "it is to be touched");
    session.use_now(later);
    assert!(is_shared(&session));
    session.flash("q", &1, Duplicates::Allow).unwrap();
    assert!(!is_shared(&session), "it doesn't yet tell whose messages they are");
    let mut new = SessionState::fresh(later, Lifetimes::default());
    new.insert("n", &1).unwrap();
    assert!(!is_shared(&new), "it needs a token");
}

#[test]
fn nothing_is_left_to_do_after_a_commit() {
    let mut session = request(&stored(&[]), &[]);
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    let committed = session.clone();
    session.absorb(committed.checkpoint(), kept(&committed, &committed.outcome(NOW, token).unwrap())).unwrap();
    assert!(session.log().is_empty());
    assert_eq!(session.get::<i64>("n").unwrap(), Some(1));
    assert_eq!(session.plan(Carrier::Record, NOW), (Plan::Nothing, CookieUpdate::Keep));
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    assert_eq!((session.get::<i64>("n").unwrap(), session.log().len()), (Some(2), 1));
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::Replace, CookieUpdate::Keep));
}

#[test]
fn a_new_session_is_no_longer_new_after_its_commit() {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    session.insert("a", &1).unwrap();
    let committed = session.clone();
    session.insert("b", &2).unwrap();
    session.absorb(committed.checkpoint(), kept(&committed, &committed.outcome(NOW, token).unwrap())).unwrap();
    assert!(!session.is_new());
    assert_eq!(session.id(), Some(ID));
    assert_eq!(session.record().csrf(), token().as_ref().ok(), "born with the session");
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::Replace, CookieUpdate::Keep), "b is still to be saved");
    assert_eq!(session.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_was_invalidated_while_a_commit_ran_ends() {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    session.insert("a", &1).unwrap();
    let committed = session.clone();
    session.invalidate(NOW);
    session.absorb(committed.checkpoint(), kept(&committed, &committed.outcome(NOW, token).unwrap())).unwrap();
    assert_eq!(session.ended_id(), Some(ID), "the session that has just been created");
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::End, CookieUpdate::Remove));
    assert!(session.is_empty());
    session.insert("b", &2).unwrap();
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::EndThenCreate, CookieUpdate::Set));
}

#[test]
fn a_cycle_that_was_committed_is_not_done_again() {
    let new = SessionId::from_random([8; 32]);
    let mut session = request(&stored(&[]), &[]);
    session.cycle_id();
    let committed = session.clone();
    let settled = committed.settled(Some((new, committed.outcome(NOW, token).unwrap().into())), NOW);
    session.absorb(committed.checkpoint(), settled.clone()).unwrap();
    assert_eq!(session.id(), Some(new));
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::Nothing, CookieUpdate::Keep));
    // But one that was asked for meanwhile is.
    let mut session = request(&stored(&[]), &[]);
    let committed = session.clone();
    session.cycle_id();
    session.absorb(committed.checkpoint(), settled).unwrap();
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::Cycle, CookieUpdate::Set));
}

#[test]
fn a_message_popped_while_a_commit_ran_is_gone() {
    let mut session = request(&stored(&[]), &[]);
    session.flash("q", &"saved", Duplicates::Allow).unwrap();
    let committed = session.clone();
    assert_eq!(session.pop_flash::<String>("q").unwrap(), ["saved"]);
    session.absorb(committed.checkpoint(), kept(&committed, &committed.outcome(NOW, token).unwrap())).unwrap();
    assert!(session.peek_flash::<String>("q").unwrap().is_empty());
    let outcome = session.outcome(NOW, token).unwrap();
    assert!(messages(&outcome).is_empty());
}

#[test]
fn an_own_message_popped_after_a_commit_never_takes_an_equal_one() {
    // As without a commit: the two requests number their messages alike.
    let base = stored(&[]);
    let mut session = request(&base, &[]);
    let committed = session.clone();
    session.flash("q", &"saved", Duplicates::Allow).unwrap();
    session.absorb(committed.checkpoint(), kept(&committed, &base)).unwrap();
    assert_eq!(session.pop_flash::<String>("q").unwrap(), ["saved"]);
    let mut other = request(&base, &[]);
    other.flash("q", &"saved", Duplicates::Allow).unwrap();
    let newest = other.outcome(NOW, token).unwrap();
    let merged = session.log().replay(session.base(), &newest, Default::default()).unwrap();
    assert_eq!(messages(&merged), messages(&newest));
}

#[test]
fn a_detached_session_stays_detached_after_a_commit() {
    let mut session = SessionState::detached(NOW, Lifetimes::default());
    session.insert("a", &1).unwrap();
    let dropped = (Plan::Drop(Dropped::Detached), CookieUpdate::Keep);
    assert_eq!(session.plan(Carrier::Id, NOW), dropped);
    let committed = session.clone();
    session.absorb(committed.checkpoint(), committed.settled(None, NOW)).unwrap();
    assert!(session.is_empty());
    session.insert("b", &2).unwrap();
    assert_eq!(session.plan(Carrier::Id, NOW), dropped, "a cookie now would undo the newer one");
    session.cycle_id();
    assert_eq!(session.plan(Carrier::Id, NOW), (Plan::Create, CookieUpdate::Set));
}

#[test]
fn a_commit_that_can_not_be_built_on_is_not_done_twice() {
    let mut session = request(&stored(&[]), &[]);
    session.update("n", |n: &mut i64| *n += 1).unwrap();
    let committed = session.clone();
    session.update("n", |n: &mut i64| *n += 10).unwrap();
    // Another request's commit came first, with a text under the same key.
    let mut other = stored(&[]);
    other.restore("n", cloakroom_core::Json::encode("n", &"text").unwrap());
    let error = session.absorb(committed.checkpoint(), kept(&committed, &other)).unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.key(), Some("n"));
    assert!(session.log().is_empty(), "the first update was committed");
    assert_eq!(session.record(), session.base());
}
