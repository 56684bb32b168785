//! Edge cases of lifetimes.

use std::time::Duration;

use cloakroom_core::{Deadline, Lifetimes, Record, Rejected, SessionState, SessionTimes, Timestamp};

use crate::operations::{NOW, outcome_at};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn contradictions_are_named() {
    let default = Lifetimes::default();
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, Lifetimes, Option<&str>)] = &[
        ("default", default, None),
        ("nothing ever ends", default.idle_timeout(None).absolute_timeout(None), None),
        ("an idle timeout of zero", default.idle_timeout(Duration::ZERO), Some("idle_timeout")),
        ("the shortest idle timeout", default.idle_timeout(Duration::from_nanos(1)), None),
        ("an absolute timeout of zero", default.absolute_timeout(Duration::ZERO), Some("absolute_timeout")),
        ("an absolute timeout of zero, no idle one", default.idle_timeout(None).absolute_timeout(Duration::ZERO), Some("absolute_timeout")),
        ("absolute shorter than idle", default.absolute_timeout(seconds(1199)), Some("absolute_timeout")),
        ("absolute as long as idle", default.absolute_timeout(seconds(1200)), None),
        ("no absolute timeout", default.absolute_timeout(None), None),
        ("a touch at every read", default.touch_after(Duration::ZERO), None),
        ("never a touch", default.touch_after(None), None),
        ("a touch just in time", default.touch_after(seconds(1199)), None),
        ("a touch too late", default.touch_after(seconds(1200)), Some("touch_after")),
        ("a touch interval without an idle timeout", default.idle_timeout(None).touch_after(seconds(9999)), None),
        ("for ever", default.idle_timeout(Duration::MAX).absolute_timeout(Duration::MAX), None),
    ];
    for (name, lifetimes, option) in rows {
        assert_eq!(lifetimes.validate().err().map(|error| error.option()), *option, "{name}");
    }
}

#[test]
fn presets_are_what_nist_asks() {
    let hours = |hours: u64| Some(seconds(hours * 3600));
    let rows = [
        ("default", Lifetimes::default(), Some(seconds(1200)), hours(24)),
        ("AAL1", Lifetimes::aal1(), None, hours(30 * 24)),
        ("AAL2", Lifetimes::aal2(), hours(1), hours(24)),
        ("AAL3", Lifetimes::aal3(), Some(seconds(900)), hours(12)),
    ];
    for (name, lifetimes, idle, absolute) in rows {
        let times = SessionTimes::start(NOW, &lifetimes);
        assert_eq!(times.idle_deadline, idle.map(|idle| NOW + idle), "{name}");
        assert_eq!(times.absolute_deadline, absolute.map(|absolute| NOW + absolute), "{name}");
        assert_eq!(lifetimes.touch_interval(), idle.map(|idle| idle / 10), "{name}");
    }
}

#[test]
fn deadlines_hold_to_the_millisecond() {
    let lifetimes = Lifetimes::default();
    let never = lifetimes.idle_timeout(None).absolute_timeout(None);
    let (idle, absolute) = (seconds(1200), seconds(86_400));
    let rows = [
        ("now", lifetimes, Duration::ZERO, None),
        ("at the idle deadline", lifetimes, idle, None),
        ("after the idle deadline", lifetimes, idle + MILLISECOND, Some(Deadline::Idle)),
        ("after both, the absolute one is named", lifetimes, absolute + MILLISECOND, Some(Deadline::Absolute)),
        ("at the absolute deadline", lifetimes.idle_timeout(None), absolute, None),
        ("after the absolute deadline", lifetimes.idle_timeout(None), absolute + MILLISECOND, Some(Deadline::Absolute)),
        ("never", never, Duration::MAX, None),
        ("for ever", lifetimes.idle_timeout(Duration::MAX).absolute_timeout(Duration::MAX), Duration::MAX, None),
    ];
    for (name, lifetimes, age, expected) in rows {
        assert_eq!(SessionTimes::start(NOW, &lifetimes).expired(NOW + age), expected, "{name}");
    }
    assert_eq!(SessionTimes::start(NOW, &lifetimes).expired(Timestamp::default()), None, "a clock that was set back");
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let made = |created: Duration, touched: Duration| {
        let mut times = SessionTimes::start(NOW + created, &Lifetimes::default());
        times.touched = NOW + touched;
        times.is_from_future(NOW)
    };
    let minute = seconds(60);
    for (name, created, touched, expected) in [
        ("now", Duration::ZERO, Duration::ZERO, false),
        ("a minute ahead", minute, minute, false),
        ("created further ahead", minute + MILLISECOND, Duration::ZERO, true),
        ("touched further ahead", Duration::ZERO, minute + MILLISECOND, true),
    ] {
        assert_eq!(made(created, touched), expected, "{name}");
    }
}

#[test]
fn touches_extend_and_never_shorten() {
    let lifetimes = Lifetimes::default();
    let touched = |prepare: fn(&mut SessionState), at: Duration, lifetimes: Lifetimes| {
        let mut session = SessionState::fresh(NOW, Lifetimes::default());
        prepare(&mut session);
        let mut times = *session.record().times();
        times.touch(NOW + at, &lifetimes);
        (times.idle_deadline, times.absolute_deadline)
    };
    let after = |span: u64| Some(NOW + seconds(span));
    let (day, month) = (after(86_400), after(86_400 * 30));
    type Row = (&'static str, fn(&mut SessionState), u64, Lifetimes, (Option<Timestamp>, Option<Timestamp>));
    #[rustfmt::skip] // one row, one line
    let rows: &[Row] = &[
        ("a minute later", |_| {}, 60, lifetimes, (after(1260), day)),
        ("at once", |_| {}, 0, lifetimes, (after(1200), day)),
        ("the configured timeout became shorter", |_| {}, 60, lifetimes.idle_timeout(seconds(300)), (after(1200), day)),
        ("the configured timeout became never", |_| {}, 60, lifetimes.idle_timeout(None), (None, day)),
        ("its own timeout", |s| s.set_idle_timeout(Some(seconds(30)), NOW), 20, lifetimes, (after(50), day)),
        ("its own never", |s| s.set_idle_timeout(None, NOW), 60, lifetimes, (None, day)),
        ("remembered", |s| s.remember(seconds(86_400 * 30), NOW), 60, lifetimes, (None, month)),
        ("its own absolute end", |s| s.set_absolute_timeout(Some(seconds(100)), NOW), 60, lifetimes, (after(1260), after(100))),
        ("no absolute end", |s| s.set_absolute_timeout(None, NOW), 60, lifetimes, (after(1260), None)),
    ];
    for (name, prepare, at, lifetimes, expected) in rows {
        assert_eq!(touched(*prepare, seconds(*at), *lifetimes), *expected, "{name}");
    }
}

#[test]
fn a_session_in_use_outlives_its_own_short_timeout() {
    // The configured touch interval, two minutes, is longer than this session's idle timeout.
    let lifetimes = Lifetimes::default();
    let mut first = SessionState::fresh(NOW, lifetimes);
    first.insert("user", &"ann").unwrap();
    first.set_idle_timeout(Some(seconds(60)), NOW);
    let mut record = outcome_at(&first, NOW);
    for request in 1..20 {
        let now = NOW + seconds(30 * request);
        assert_eq!(record.times().expired(now), None, "request {request}");
        let session = SessionState::loaded(crate::operations::ID, record.clone(), now, lifetimes);
        if session.clone().with_payload(cloakroom_core::CookiePayload::Id).plan(now).0 == cloakroom_core::Plan::Touch {
            record = outcome_at(&session, now);
        }
    }
    assert_eq!(record.times().expired(NOW + seconds(30 * 19 + 61)), Some(Deadline::Idle));
}

#[test]
fn remember_survives_later_writes() {
    let lifetimes = Lifetimes::default();
    let mut session = SessionState::fresh(NOW, lifetimes);
    session.insert("user", &"ann").unwrap();
    session.remember(seconds(86_400 * 30), NOW);
    let mut record = outcome_at(&session, NOW);
    for day in 1..30 {
        let now = NOW + seconds(86_400 * day);
        assert_eq!(record.times().expired(now), None, "day {day}");
        let mut session = SessionState::loaded(crate::operations::ID, record, now, lifetimes);
        session.insert("day", &day).unwrap();
        record = crate::operations::through_the_wire(&outcome_at(&session, now));
        assert!(record.times().remembered);
    }
    assert_eq!(record.times().expired(NOW + seconds(86_400 * 30 + 1)), Some(Deadline::Absolute));
}

#[test]
fn unlimited_durations_do_not_overflow() {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    session.remember(Duration::MAX, NOW);
    session.set_idle_timeout(Some(Duration::MAX), NOW);
    session.set_absolute_timeout(Some(Duration::MAX), NOW);
    let end = Timestamp::from_unix_millis(u64::MAX);
    assert_eq!(session.record().times().ends(), Some(end));
    let read = Record::decode(&session.record().encode().into(), 0).unwrap();
    assert_eq!(read.times().ends(), Some(end));
    assert_eq!(Timestamp::from_unix_secs(u64::MAX), end);
    assert_eq!(NOW.since(end), Duration::ZERO);
}

#[test]
fn reasons_have_distinct_names() {
    use Rejected::{Corrupt, Expired, Forged, FromFuture, Malformed, TooLong, UnknownFormat, UnknownKey};
    let all = [
        Malformed,
        TooLong,
        UnknownFormat,
        UnknownKey,
        Forged,
        Corrupt,
        Expired(Deadline::Idle),
        Expired(Deadline::Absolute),
        FromFuture,
    ];
    for (index, reason) in all.iter().enumerate() {
        assert!(
            all[..index].iter().all(|it| it.as_str() != reason.as_str() && it.to_string() != reason.to_string()),
            "{reason}"
        );
        assert!(!reason.to_string().ends_with('.'));
    }
}
