//! The table of plans: for each state of a session and each operation, the expected plan.

#![expect(clippy::wildcard_enum_match_arm, reason = "most starts are alike")]

use std::convert::Infallible;
use std::time::Duration;

use super::CookiePayload::{Id, Record as Whole};
use super::CookieUpdate::{Keep, Remove, Set};
use super::Plan::{Create, Cycle, Drop, End, EndThenCreate, IssueToken, Nothing, Replace, Touch};
use super::*;
use crate::csrf::CsrfToken;
use crate::id::SessionId;
use crate::json::Json;
use crate::lifetimes::Lifetimes;
use crate::record::{Duplicates, FlashId, Record};

const CREATED: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const ID: SessionId = SessionId::from_random([7; 32]);
const RESERVED: SessionId = SessionId::from_random([5; 32]);
const DETACHED: Plan = Drop(Dropped::Detached);
const IDLE: Plan = Drop(Dropped::Expired(Deadline::Idle));
const ABSOLUTE: Plan = Drop(Dropped::Expired(Deadline::Absolute));

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The state of the session that the handler receives, and the time of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    New,
    /// New, of a factory that reserves ids.
    NewReserving,
    /// The same, with a reserved id in the request's cookie.
    NewReserved,
    Loaded,
    /// Loaded, with the owner that the handlers here set.
    Owned,
    OwnedByAnother,
    Detached,
    TouchDueByImage,
    TouchDueByPrefetch,
    /// Opened exactly at the touch interval: a touch isn't due yet.
    TouchAlmostDue,
    TouchDue,
    /// `touch_after(None)`, opened late.
    TouchNever,
    /// `touch_after(0)`.
    TouchAlways,
    /// Opened late, and planned exactly at its extended idle deadline.
    AtIdleDeadline,
    IdleMeanwhile,
    AtAbsoluteDeadline,
    AbsoluteMeanwhile,
}

use Start::{
    AbsoluteMeanwhile, AtAbsoluteDeadline, AtIdleDeadline, Detached, IdleMeanwhile, Loaded, New, NewReserved,
    NewReserving, Owned, OwnedByAnother, TouchAlmostDue, TouchAlways, TouchDue, TouchDueByImage, TouchDueByPrefetch,
    TouchNever,
};

/// Returns a record with one of everything, as a store would return it.
fn stored(lifetimes: &Lifetimes) -> Record {
    let mut record = Record::new(CREATED, lifetimes);
    record.restore("cart", Json::encode("cart", &["shoes"]).unwrap());
    record.restore("visits", Json::encode("visits", &2).unwrap());
    record.restore_flash("", Json::encode("", "hello").unwrap());
    record.restore_csrf(CsrfToken::from_random([1; 32]));
    record
}

impl Start {
    /// Returns the session, and the time at which its plan is made.
    fn session(self) -> (SessionState, Timestamp) {
        let lifetimes = match self {
            TouchNever => Lifetimes::default().touch_after(None),
            TouchAlways => Lifetimes::default().touch_after(Duration::ZERO),
            _ => Lifetimes::default(),
        };
        let (opened, took) = match self {
            New | NewReserving | NewReserved | Loaded | Owned | OwnedByAnother | Detached | TouchAlways => {
                (CREATED + seconds(60), seconds(1))
            }
            TouchAlmostDue => (CREATED + seconds(120), Duration::ZERO),
            TouchDue | TouchDueByImage | TouchDueByPrefetch => (CREATED + seconds(121), Duration::ZERO),
            TouchNever => (CREATED + seconds(1199), Duration::ZERO),
            AtIdleDeadline => (CREATED + seconds(60), seconds(1200)),
            IdleMeanwhile => (CREATED + seconds(60), seconds(1200) + Duration::from_millis(1)),
            AtAbsoluteDeadline => (CREATED + seconds(86_399), seconds(1)),
            AbsoluteMeanwhile => (CREATED + seconds(86_399), seconds(1) + Duration::from_millis(1)),
        };
        let session = match self {
            New => SessionState::fresh(opened, lifetimes),
            NewReserving => SessionState::fresh(opened, lifetimes).reserving_ids(None),
            NewReserved => SessionState::fresh(opened, lifetimes).reserving_ids(Some(RESERVED)),
            Detached => SessionState::detached(ID, opened, lifetimes),
            _ => {
                let mut record = stored(&lifetimes);
                match self {
                    Owned => record.restore_owner("ann"),
                    OwnedByAnother => record.restore_owner("zoe"),
                    _ => {}
                }
                if matches!(self, AtAbsoluteDeadline | AbsoluteMeanwhile) {
                    record.times.touch(CREATED + seconds(86_390), &lifetimes);
                }
                SessionState::loaded(ID, record, opened, lifetimes).requested_by(match self {
                    TouchDueByImage => RequestKind::Subresource,
                    TouchDueByPrefetch => RequestKind::Speculative,
                    _ => RequestKind::Ordinary,
                })
            }
        };
        (session, opened + took)
    }
}

fn plan_of(session: &SessionState, carrier: CookiePayload, now: Timestamp) -> (Plan, CookieUpdate) {
    session.clone().with_payload(carrier).plan(now)
}

/// Returns the record that a commit would store.
fn outcome(session: &SessionState, now: Timestamp) -> Record {
    let random = |bytes: &mut [u8]| {
        bytes.fill(9);
        Ok::<_, Infallible>(())
    };
    Record::clone(&session.clone().begin_commit(now, random).unwrap().record())
}

fn token() -> CsrfToken {
    CsrfToken::from_random([9; 32])
}

/// The token of the reserved id.
fn presented() -> CsrfToken {
    CsrfToken::of_reserved(&RESERVED)
}

fn invalidate(session: &mut SessionState) {
    session.invalidate(CREATED + seconds(60));
}

fn cycle(session: &mut SessionState) {
    session.cycle_id(token());
}

fn owned(session: &mut SessionState) {
    session.set_owner("ann", token(), CREATED + seconds(60));
}

fn write(session: &mut SessionState) {
    session.insert("user", &"ann").unwrap();
}

fn read(session: &mut SessionState) {
    assert!(session.get::<u32>("visits").is_ok());
    assert!(session.peek_flash::<String>("").is_ok());
    let _ = (session.contains_key("cart"), session.len(), session.is_empty(), session.keys().count());
}

fn flash(session: &mut SessionState) {
    session.flash("", &"saved", FlashId::from_random(1), Duplicates::Allow).unwrap();
}

fn token_shown(session: &mut SessionState) {
    let _ = session.csrf_token(token);
}

fn remember(session: &mut SessionState) {
    session.remember(seconds(86_400 * 30), CREATED + seconds(60));
}

type Handler = fn(&mut SessionState);
type Row = (&'static str, Start, Handler, CookiePayload, Plan, CookieUpdate);

#[test]
fn every_operation_on_every_state_has_its_plan() {
    #[rustfmt::skip] // one row, one line
    let rows: &[Row] = &[
        ("new, untouched", New, |_| {}, Whole, Nothing, Keep),
        ("new, read only", New, read, Whole, Nothing, Keep),
        ("new, read only, id", New, read, Id, Nothing, Keep),
        ("new, written", New, write, Whole, Create, Set),
        ("new, written, id", New, write, Id, Create, Set),
        ("new, inserted and removed", New, |s| { write(s); s.remove("user"); }, Whole, Nothing, Keep),
        ("new, inserted and taken", New, |s| { write(s); s.take::<String>("user").unwrap(); }, Whole, Nothing, Keep),
        ("new, inserted and cleared", New, |s| { write(s); s.clear(); }, Id, Nothing, Keep),
        ("new, a removal of nothing", New, |s| { s.remove("user"); }, Whole, Nothing, Keep),
        ("new, CSRF token shown", New, token_shown, Whole, Create, Set),
        ("new, CSRF token shown, id", New, token_shown, Id, Create, Set),
        ("new, CSRF token set", New, |s| s.set_csrf_token(token()), Id, Create, Set),
        ("new, changed()", New, SessionState::changed, Whole, Create, Set),
        ("new, changed(), id", New, SessionState::changed, Id, Create, Set),
        ("new, flash only", New, flash, Whole, Create, Set),
        ("new, flashed and popped", New, |s| { flash(s); s.pop_flash::<String>("").unwrap(); }, Whole, Nothing, Keep),
        ("new, cycled", New, cycle, Whole, Nothing, Keep),
        ("new, cycled and written", New, |s| { cycle(s); write(s); }, Id, Create, Set),
        ("new, invalidated", New, invalidate, Whole, Nothing, Keep),
        ("new, written, then invalidated", New, |s| { write(s); invalidate(s); }, Whole, Nothing, Keep),
        ("new, token shown, then invalidated", New, |s| { token_shown(s); invalidate(s); }, Id, Nothing, Keep),
        ("new, invalidated, then written", New, |s| { invalidate(s); write(s); }, Whole, Create, Set),
        ("new, remembered and nothing else", New, remember, Id, Create, Set),
        ("new, remembered and written", New, |s| { remember(s); write(s); }, Id, Create, Set),
        ("new, owned", New, owned, Id, Create, Set),
        ("new, labelled and nothing else", New, |s| s.set_label("laptop"), Id, Create, Set),
        ("new, given a timeout and nothing else", New, |s| s.set_idle_timeout(Some(seconds(60)), CREATED), Id, Create, Set),
        ("new, forgotten and nothing else", New, |s| s.forget(CREATED), Id, Nothing, Keep),
        ("reserving, untouched", NewReserving, read, Id, Nothing, Keep),
        ("reserving, CSRF token shown", NewReserving, token_shown, Id, IssueToken, Set),
        ("reserving, CSRF token set", NewReserving, |s| s.set_csrf_token(token()), Id, Create, Set),
        ("reserving, token shown and written", NewReserving, |s| { token_shown(s); write(s); }, Id, Create, Set),
        ("reserving, token shown and changed()", NewReserving, |s| { token_shown(s); s.changed(); }, Id, Create, Set),
        ("reserving, written and token shown", NewReserving, |s| { write(s); token_shown(s); }, Id, Create, Set),
        ("reserving, flash only", NewReserving, flash, Id, Create, Set),
        ("reserving, owned", NewReserving, owned, Id, Create, Set),
        ("reserving, token shown, then invalidated", NewReserving, |s| { token_shown(s); invalidate(s); }, Id, Nothing, Keep),
        ("reserving, cycled and token shown", NewReserving, |s| { cycle(s); token_shown(s); }, Id, IssueToken, Set),
        ("reserving, token shown and cycled", NewReserving, |s| { token_shown(s); cycle(s); }, Id, Create, Set),
        ("reserved, read", NewReserved, read, Id, Nothing, Keep),
        ("reserved, token shown again", NewReserved, token_shown, Id, Nothing, Keep),
        ("reserved, another token set", NewReserved, |s| s.set_csrf_token(token()), Id, Create, Keep),
        ("reserved, written", NewReserved, write, Id, Create, Keep),
        ("reserved, token shown and written", NewReserved, |s| { token_shown(s); write(s); }, Id, Create, Keep),
        ("reserved, changed()", NewReserved, SessionState::changed, Id, Create, Set),
        ("reserved, remembered", NewReserved, remember, Id, Create, Set),
        ("reserved, labelled", NewReserved, |s| s.set_label("laptop"), Id, Create, Keep),
        ("reserved, owned", NewReserved, owned, Id, Create, Set),
        ("reserved, cycled", NewReserved, cycle, Id, Create, Set),
        ("reserved, invalidated", NewReserved, invalidate, Id, End, Remove),
        ("reserved, written, then invalidated", NewReserved, |s| { write(s); invalidate(s); }, Id, End, Remove),
        ("reserved, invalidated, then written", NewReserved, |s| { invalidate(s); write(s); }, Id, EndThenCreate, Set),
        ("loaded, untouched", Loaded, |_| {}, Whole, Nothing, Keep),
        ("loaded, read only", Loaded, read, Whole, Nothing, Keep),
        ("loaded, read only, id", Loaded, read, Id, Nothing, Keep),
        ("loaded, written", Loaded, write, Whole, Replace, Set),
        ("loaded, written, id", Loaded, write, Id, Replace, Keep),
        ("loaded, equal value inserted", Loaded, |s| s.insert("visits", &2).unwrap(), Whole, Nothing, Keep),
        ("loaded, changed()", Loaded, SessionState::changed, Whole, Replace, Set),
        ("loaded, changed(), id", Loaded, SessionState::changed, Id, Replace, Set),
        ("loaded, known CSRF token shown", Loaded, token_shown, Whole, Nothing, Keep),
        ("loaded, flash only", Loaded, flash, Whole, Replace, Set),
        ("loaded, flash only, id", Loaded, flash, Id, Replace, Keep),
        ("loaded, emptied", Loaded, |s| { s.clear(); s.pop_flash::<String>("").unwrap(); }, Whole, Replace, Set),
        ("loaded, remembered, id", Loaded, remember, Id, Replace, Set),
        ("loaded, remembered, then written, id", Loaded, |s| { remember(s); write(s); }, Id, Replace, Set),
        ("loaded, cycled", Loaded, cycle, Whole, Cycle, Set),
        ("loaded, cycled, id", Loaded, cycle, Id, Cycle, Set),
        ("loaded, cycled and written", Loaded, |s| { cycle(s); write(s); }, Id, Cycle, Set),
        ("loaded, owned", Loaded, owned, Whole, Cycle, Set),
        ("loaded, owned, id", Loaded, owned, Id, Cycle, Set),
        ("owned, owned again", Owned, owned, Id, Cycle, Set),
        ("owned by another", OwnedByAnother, owned, Id, EndThenCreate, Set),
        ("owned by another, in a cookie", OwnedByAnother, owned, Whole, EndThenCreate, Set),
        ("owned by another, then invalidated", OwnedByAnother, |s| { owned(s); invalidate(s); }, Id, End, Remove),
        ("loaded, owned, then by another", Loaded, |s| { owned(s); s.set_owner("bob", token(), CREATED); }, Id, EndThenCreate, Set),
        ("loaded, owned, then invalidated", Loaded, |s| { owned(s); invalidate(s); }, Id, End, Remove),
        ("loaded, cycled, then invalidated", Loaded, |s| { cycle(s); invalidate(s); }, Whole, End, Remove),
        ("loaded, invalidated", Loaded, invalidate, Whole, End, Remove),
        ("loaded, invalidated, id", Loaded, invalidate, Id, End, Remove),
        ("loaded, invalidated twice", Loaded, |s| { invalidate(s); invalidate(s); }, Id, End, Remove),
        ("loaded, written, then invalidated", Loaded, |s| { write(s); invalidate(s); }, Id, End, Remove),
        ("loaded, invalidated, then cycled", Loaded, |s| { invalidate(s); cycle(s); }, Id, End, Remove),
        ("loaded, invalidated, then read", Loaded, |s| { invalidate(s); read(s); }, Id, End, Remove),
        ("loaded, invalidated, then written", Loaded, |s| { invalidate(s); write(s); }, Whole, EndThenCreate, Set),
        ("loaded, invalidated, then written, id", Loaded, |s| { invalidate(s); write(s); }, Id, EndThenCreate, Set),
        ("loaded, invalidated, then flashed", Loaded, |s| { invalidate(s); flash(s); }, Id, EndThenCreate, Set),
        ("loaded, invalidated, then token shown", Loaded, |s| { invalidate(s); token_shown(s); }, Id, EndThenCreate, Set),
        ("loaded, invalidated, written, invalidated", Loaded, |s| { invalidate(s); write(s); invalidate(s); }, Id, End, Remove),
        ("detached, untouched", Detached, |_| {}, Id, Nothing, Keep),
        ("detached, read", Detached, read, Id, Nothing, Keep),
        ("detached, written", Detached, write, Id, DETACHED, Keep),
        ("detached, flashed", Detached, flash, Id, DETACHED, Keep),
        ("detached, CSRF token shown", Detached, token_shown, Id, DETACHED, Keep),
        ("detached, changed()", Detached, SessionState::changed, Id, DETACHED, Keep),
        ("detached, remembered", Detached, remember, Id, DETACHED, Keep),
        ("detached, cycled", Detached, cycle, Id, Nothing, Keep),
        ("detached, cycled and written", Detached, |s| { cycle(s); write(s); }, Id, Create, Set),
        ("detached, written and cycled", Detached, |s| { write(s); cycle(s); }, Id, Create, Set),
        ("detached, owned", Detached, owned, Id, Create, Set),
        ("detached, labelled", Detached, |s| s.set_label("laptop"), Id, DETACHED, Keep),
        ("detached, invalidated", Detached, invalidate, Id, End, Remove),
        ("detached, written, then invalidated", Detached, |s| { write(s); invalidate(s); }, Id, End, Remove),
        ("detached, invalidated, then written", Detached, |s| { invalidate(s); write(s); }, Id, EndThenCreate, Set),
        ("detached, invalidated, then owned", Detached, |s| { invalidate(s); owned(s); }, Id, EndThenCreate, Set),
        ("touch at the interval exactly", TouchAlmostDue, read, Whole, Nothing, Keep),
        ("touch due", TouchDue, read, Whole, Touch, Set),
        ("touch due, id", TouchDue, read, Id, Touch, Keep),
        ("touch due, equal value inserted", TouchDue, |s| s.insert("visits", &2).unwrap(), Id, Touch, Keep),
        ("touch due, written", TouchDue, write, Id, Replace, Keep),
        ("touch due, cycled", TouchDue, cycle, Id, Cycle, Set),
        ("touch due, invalidated", TouchDue, invalidate, Id, End, Remove),
        ("touch due, by an image, in a cookie", TouchDueByImage, read, Whole, Nothing, Keep),
        ("touch due, by an image, id", TouchDueByImage, read, Id, Touch, Keep),
        ("touch due, by an image that writes", TouchDueByImage, write, Whole, Replace, Set),
        ("touch due, by a prefetch, in a cookie", TouchDueByPrefetch, read, Whole, Nothing, Keep),
        ("touch due, by a prefetch, id", TouchDueByPrefetch, read, Id, Nothing, Keep),
        ("by a prefetch that writes", TouchDueByPrefetch, write, Id, Replace, Keep),
        ("by a prefetch, popped", TouchDueByPrefetch, |s| assert_eq!(s.pop_flash::<String>("").unwrap(), ["hello"]), Id, Nothing, Keep),
        ("touch never", TouchNever, read, Whole, Nothing, Keep),
        ("touch never, written", TouchNever, write, Whole, Replace, Set),
        ("touch at every read", TouchAlways, read, Whole, Touch, Set),
        ("at its idle deadline, written", AtIdleDeadline, write, Id, Replace, Keep),
        ("idle meanwhile, read", IdleMeanwhile, read, Whole, Nothing, Keep),
        ("idle meanwhile, written", IdleMeanwhile, write, Whole, IDLE, Keep),
        ("idle meanwhile, cycled", IdleMeanwhile, cycle, Id, IDLE, Keep),
        ("idle meanwhile, remembered", IdleMeanwhile, remember, Id, IDLE, Keep),
        ("idle meanwhile, invalidated", IdleMeanwhile, invalidate, Id, End, Remove),
        ("idle meanwhile, invalidated, then written", IdleMeanwhile, |s| { invalidate(s); write(s); }, Id, EndThenCreate, Set),
        ("at its absolute deadline, written", AtAbsoluteDeadline, write, Id, Replace, Keep),
        ("absolute meanwhile, read", AbsoluteMeanwhile, read, Whole, Nothing, Keep),
        ("absolute meanwhile, written", AbsoluteMeanwhile, write, Whole, ABSOLUTE, Keep),
        ("absolute meanwhile, cycled", AbsoluteMeanwhile, cycle, Id, ABSOLUTE, Keep),
        ("absolute meanwhile, invalidated", AbsoluteMeanwhile, invalidate, Whole, End, Remove),
    ];
    for (name, start, handler, carrier, plan, cookie) in rows {
        let (mut session, now) = start.session();
        handler(&mut session);
        let session = session.with_payload(*carrier);
        assert_eq!(session.plan(now), (*plan, *cookie), "{name}");
        assert_eq!(session.plan(now), (*plan, *cookie), "{name}, asked twice");
    }
}

/// Each row: the operations on a new session with a reserved id, and the token of the session that
/// begins.
#[test]
fn forms_stay_valid_until_the_visitor_signs_in() {
    let fresh = CsrfToken::from_random([9; 32]);
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, Handler, CsrfToken)] = &[
        ("written", write, presented()),
        ("token shown and written", |s| { assert_eq!(s.csrf_token(token), presented()); write(s); }, presented()),
        ("flashed", flash, presented()),
        ("another token set", |s| { s.set_csrf_token(CsrfToken::from_random([4; 32])); write(s); }, CsrfToken::from_random([4; 32])),
        ("signed in", owned, fresh.clone()),
        ("token shown and signed in", |s| { token_shown(s); owned(s); }, fresh.clone()),
        ("cycled, shown and written", |s| { cycle(s); assert_eq!(s.csrf_token(|| unreachable!("there is one")), token()); write(s); }, fresh),
    ];
    for (name, handler, token) in rows {
        let (mut session, now) = NewReserved.session();
        assert_eq!(session.known_csrf_token(), Some(&presented()), "{name}");
        handler(&mut session);
        assert_eq!(outcome(&session.with_payload(Id), now).csrf(), Some(token), "{name}");
    }
}

#[test]
fn an_issued_token_is_sent_once() {
    let (mut session, now) = NewReserving.session();
    let shown = session.csrf_token(token);
    let reserved = SessionId::from_random([9; 32]);
    assert_eq!((session.reserved_id(), session.sent_reserved_id()), (Some(reserved), None));
    let commit = session.begin_commit(now, |_| Ok::<_, Infallible>(())).unwrap();
    assert_eq!((commit.plan(), commit.new_id()), (IssueToken, None));
    session.absorb_now(&commit, commit.settle(crate::session::After::TokenIssued)).unwrap();
    assert_eq!(plan_of(&session, Id, now), (Nothing, Keep));
    assert!(session.is_new() && session.csrf_token(presented) == shown);
    write(&mut session);
    assert_eq!(plan_of(&session, Id, now), (Create, Keep));
    assert_eq!(session.sent_reserved_id(), Some(reserved));
    assert_eq!(outcome(&session, now).csrf(), Some(&shown));
}

/// Each row: the operations, the first bytes of the id under which the session begins, and whether
/// it is the one in the cookie.
#[test]
fn a_session_begins_under_its_reserved_id_unless_the_visitor_signs_in() {
    let rows: &[(&str, Start, Handler, u8, bool)] = &[
        ("nothing reserved", New, write, 9, false),
        (
            "reserved in this request",
            NewReserving,
            |s| {
                let _ = s.csrf_token(|| CsrfToken::from_random([4; 32]));
                write(s);
            },
            4,
            false,
        ),
        ("reserved", NewReserved, write, 5, true),
        ("reserved, signed in", NewReserved, owned, 9, false),
        ("reserved, cycled", NewReserved, cycle, 9, false),
        (
            "reserved, invalidated, written",
            NewReserved,
            |s| {
                invalidate(s);
                write(s);
            },
            9,
            false,
        ),
    ];
    for (name, start, handler, first, in_cookie) in rows {
        let (mut session, now) = start.session();
        handler(&mut session);
        let random = |bytes: &mut [u8]| {
            bytes.fill(9);
            Ok::<_, Infallible>(())
        };
        let commit = session.with_payload(Id).begin_commit(now, random).unwrap();
        assert_eq!(commit.new_id(), Some(SessionId::from_random([*first; 32])), "{name}");
        assert_eq!(commit.begins_reserved(), *in_cookie, "{name}");
    }
}

#[test]
fn a_refresh_finds_the_session_that_another_request_began() {
    let lifetimes = Lifetimes::default();
    let (session, now) = NewReserved.session();
    let begun = || SessionState::loaded(RESERVED, stored(&lifetimes), now, lifetimes);
    let mut unused = session.clone();
    assert!(unused.refresh(begun()) && unused.contains_key("cart") && unused.id() == Some(RESERVED));
    let mut written = session.clone();
    write(&mut written);
    assert!(written.refresh(begun()) && written.is_new(), "the commit merges its changes");
    let mut waiting = session.clone();
    assert!(waiting.refresh(session.clone()) && waiting.sent_reserved_id() == Some(RESERVED));
    let mut moved = session;
    assert!(!moved.refresh(SessionState::detached(RESERVED, now, lifetimes)) && moved.is_detached());
}

type Mutator = (&'static str, Handler, CookieUpdate);

/// Each row: a mutator, and the expected update of a cookie that carries only an id.
#[test]
fn every_mutator_of_a_loaded_unchanged_session_is_saved() {
    let mutators: &[Mutator] = &[
        ("insert, a new key", |s| s.insert("user", &"ann").unwrap(), Keep),
        ("insert, another value", |s| s.insert("visits", &3).unwrap(), Keep),
        ("insert, another type", |s| s.insert("visits", &"2").unwrap(), Keep),
        ("insert_json", |s| s.insert_json("visits", Json::from_text("visits", "3").unwrap()), Keep),
        ("extend", |s| s.extend([("visits", 3), ("more", 4)]).unwrap(), Keep),
        ("remove", |s| assert!(s.remove("cart")), Keep),
        ("take", |s| assert_eq!(s.take::<u32>("visits").unwrap(), Some(2)), Keep),
        ("pop_item", |s| assert_eq!(s.pop_item().unwrap(), Some(("visits".to_owned(), 2))), Keep),
        ("get_or_insert_with, absent", |s| assert_eq!(s.get_or_insert_with("user", || 5).unwrap(), 5), Keep),
        ("update", |s| s.update("visits", |it: &mut u32| *it += 1).unwrap(), Keep),
        ("update, absent", |s| s.update("user", |it: &mut u32| *it += 1).unwrap(), Keep),
        ("update, absent and left at its default", |s| s.update("user", |_: &mut u32| ()).unwrap(), Keep),
        ("update, nested", |s| s.update("cart", |it: &mut Vec<String>| it.clear()).unwrap(), Keep),
        ("clear", SessionState::clear, Keep),
        ("flash", |s| assert!(s.flash("", &"hello", FlashId::from_random(1), Duplicates::Allow).unwrap()), Keep),
        (
            "flash, another queue",
            |s| assert!(s.flash("errors", &"hello", FlashId::from_random(2), Duplicates::Suppress).unwrap()),
            Keep,
        ),
        (
            "flash, no duplicate",
            |s| assert!(s.flash("", &"bye", FlashId::from_random(2), Duplicates::Suppress).unwrap()),
            Keep,
        ),
        ("pop_flash", |s| assert_eq!(s.pop_flash::<String>("").unwrap(), ["hello"]), Keep),
        ("set_csrf_token", |s| s.set_csrf_token(token()), Keep),
        ("set_idle_timeout", |s| s.set_idle_timeout(Some(seconds(60)), CREATED), Set),
        ("set_idle_timeout, never", |s| s.set_idle_timeout(None, CREATED), Set),
        ("set_absolute_timeout", |s| s.set_absolute_timeout(Some(seconds(3600)), CREATED), Set),
        ("set_absolute_timeout, never", |s| s.set_absolute_timeout(None, CREATED), Set),
        ("remember", remember, Set),
        ("set_label", |s| s.set_label("laptop"), Keep),
    ];
    for (name, mutate, id_cookie) in mutators {
        let (mut session, now) = Loaded.session();
        mutate(&mut session);
        assert_eq!(plan_of(&session, Whole, now), (Replace, Set), "{name}, the cookie carries the record");
        assert_eq!(plan_of(&session, Id, now), (Replace, *id_cookie), "{name}, the cookie carries an id");
        let unchanged = outcome(&Loaded.session().0, now);
        assert_ne!(outcome(&session, now), unchanged, "{name}: the record to keep must differ");
    }
    let (mut session, now) = Loaded.session();
    session.changed();
    assert_eq!(plan_of(&session, Id, now), (Replace, Set), "changed() changes no value but asks for both");
}

#[test]
fn a_loaded_session_without_a_token_keeps_the_one_that_was_shown() {
    let mut record = stored(&Lifetimes::default());
    record.csrf = None;
    let mut session = SessionState::loaded(ID, record, CREATED, Lifetimes::default());
    assert_eq!(session.csrf_token(token), token());
    assert_eq!(plan_of(&session, Id, CREATED), (Replace, Keep));
    assert_eq!(outcome(&session, CREATED).csrf(), Some(&token()));
}

/// A map whose keys aren't strings can't be JSON.
fn unwritable() -> std::collections::BTreeMap<Vec<u8>, u8> {
    [(vec![1], 1)].into()
}

#[test]
fn operations_without_an_effect_are_not_saved() {
    let rows: &[(&str, Handler)] = &[
        ("remove an absent key", |s| assert!(!s.remove("user"))),
        ("take an absent key", |s| assert_eq!(s.take::<u32>("user").unwrap(), None)),
        ("take as a wrong type", |s| assert!(s.take::<u32>("cart").unwrap_err().is_decode())),
        ("pop_item as a wrong type", |s| assert!(s.pop_item::<String>().unwrap_err().is_decode())),
        ("get_or_insert_with, present", |s| assert_eq!(s.get_or_insert_with("visits", || 5).unwrap(), 2)),
        ("get_or_insert_with, a wrong type", |s| assert!(s.get_or_insert_with("cart", || 5).unwrap_err().is_decode())),
        ("update to the same", |s| s.update("visits", |_: &mut u32| ()).unwrap()),
        ("update of a wrong type", |s| assert!(s.update("cart", |_: &mut u32| ()).unwrap_err().is_decode())),
        ("insert a value that can't be written", |s| {
            assert_eq!(s.insert("map", &unwritable()).unwrap_err().key(), Some("map"))
        }),
        ("extend by nothing", |s| s.extend::<&str, u32>([]).unwrap()),
        ("extend by a value that can't be written", |s| {
            let entries = [("a", std::collections::BTreeMap::new()), ("b", unwritable())];
            assert_eq!(s.extend(entries).unwrap_err().key(), Some("b"));
        }),
        ("flash a value that can't be written", |s| {
            assert!(s.flash("q", &unwritable(), FlashId::from_random(2), Duplicates::Allow).unwrap_err().is_encode());
        }),
        ("flash a duplicate", |s| {
            assert!(!s.flash("", &"hello", FlashId::from_random(2), Duplicates::Suppress).unwrap())
        }),
        ("pop an empty queue", |s| assert!(s.pop_flash::<String>("errors").unwrap().is_empty())),
    ];
    for (name, handler) in rows {
        let (mut session, now) = Loaded.session();
        handler(&mut session);
        for carrier in [Whole, Id] {
            assert_eq!(plan_of(&session, carrier, now), (Nothing, Keep), "{name}, {carrier:?}");
        }
        assert_eq!(session.record(), session.base(), "{name}");
    }
}

#[test]
fn a_session_s_own_idle_timeout_decides_when_a_touch_is_due() {
    let planned = |own: Option<Duration>, age: u64, lifetimes: Lifetimes| {
        let mut first = SessionState::fresh(CREATED, lifetimes);
        write(&mut first);
        first.set_idle_timeout(own, CREATED);
        let record = outcome(&first, CREATED);
        let now = CREATED + seconds(age);
        plan_of(&SessionState::loaded(ID, record, now, lifetimes), Id, now).0
    };
    let default = Lifetimes::default();
    for (name, own, age, lifetimes, plan) in [
        ("a minute, a tenth of it exactly", Some(60), 6, default, Nothing),
        ("a minute, more than a tenth of it", Some(60), 7, default, Touch),
        ("two hours, a tenth of the configured timeout", Some(7200), 121, default, Nothing),
        ("two hours, more than a tenth of them", Some(7200), 721, default, Touch),
        ("never: there is nothing to extend", None, 5000, default, Nothing),
        ("a minute, the interval is longer", Some(60), 7, default.touch_after(seconds(300)), Touch),
        ("an hour, the interval is shorter", Some(3600), 299, default.touch_after(seconds(300)), Nothing),
        ("an hour, past the interval", Some(3600), 301, default.touch_after(seconds(300)), Touch),
        ("a minute, touches are off", Some(60), 59, default.touch_after(None), Nothing),
    ] {
        assert_eq!(planned(own.map(seconds), age, lifetimes), plan, "{name}");
    }
}

#[test]
fn only_server_errors_keep_a_commit_back_and_only_if_told_to() {
    for (status, always, not_on_server_error) in [
        (200, true, true),
        (303, true, true),
        (404, true, true),
        (499, true, true),
        (500, true, false),
        (599, true, false),
    ] {
        assert_eq!(CommitPolicy::Always.commits(status), always, "{status}");
        assert_eq!(CommitPolicy::NotOnServerError.commits(status), not_on_server_error, "{status}");
    }
    assert_eq!(CommitPolicy::default(), CommitPolicy::Always);
}
