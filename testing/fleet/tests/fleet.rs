//! Small fleets with faults, and deliberate mistakes that the checker must detect.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use cloakroom_fleet::{Checks, Mutant, Plan, run};

/// Runs seeds, and returns the sum of the checks.
fn check(seeds: std::ops::Range<u64>, options: impl Fn(&mut Plan)) -> Checks {
    let mut total = Checks::default();
    for seed in seeds {
        let mut plan = Plan::new(seed);
        options(&mut plan);
        let report = run(&plan).unwrap();
        assert!(report.violations.is_empty(), "{plan:?}: {:#?}", report.violations);
        total += report.checks;
    }
    println!("{total}");
    total
}

fn each_promise_was_checked(checks: Checks) {
    assert!(checks.updates_read > 100, "{checks}");
    assert!(checks.uses_after_end > 20, "{checks}");
    assert!(checks.uses_after_expiry > 20, "{checks}");
    assert!(checks.ends_awaited > 20, "{checks}");
    assert!(checks.last_reads > 100, "{checks}");
}

#[test]
fn a_fleet_with_faults_keeps_the_promises() {
    each_promise_was_checked(check(1..16, |_| ()));
}

#[test]
fn a_fleet_with_near_caches_and_faults_keeps_the_promises() {
    each_promise_was_checked(check(100..115, |plan| plan.cache = true));
}

#[test]
fn a_sign_out_takes_effect_if_the_clock_is_ahead() {
    check(1223..1224, |_| ());
}

#[test]
fn a_fleet_without_faults_fails_no_request() {
    for cache in [false, true] {
        let mut plan = Plan::new(7);
        (plan.faults, plan.cache) = (false, cache);
        let report = run(&plan).unwrap();
        assert_eq!((report.failed, report.violations), (0, vec![]), "cache: {cache}");
        assert!(report.conflicts > 0 && (report.hits > 0) == cache, "cache: {cache}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for cache in [false, true] {
        let mut plan = Plan::new(3);
        plan.cache = cache;
        let first = run(&plan).unwrap();
        assert_eq!(run(&plan).unwrap(), first, "cache: {cache}");
        plan.seed = 4;
        assert_ne!(run(&plan).unwrap().digest, first.digest, "cache: {cache}");
    }
}

#[test]
fn each_deliberate_mistake_is_detected() {
    for (mutant, cache, sign) in [
        (Mutant::LosesUpdates, false, "updates acknowledged"),
        (Mutant::Revives, false, "after its end was acknowledged"),
        (Mutant::Revives, false, "was missed"),
        (Mutant::MixesUp, false, "received a session of"),
        (Mutant::FeedDrops, true, "updates acknowledged"),
        (Mutant::FeedDrops, true, "was missed"),
        (Mutant::BoundIgnored, true, "updates acknowledged"),
        (Mutant::NoDeadline, false, "requests have not ended"),
    ] {
        let found = (1..40).any(|seed| {
            let mut plan = Plan::new(seed);
            // With faults, an end may be late until they have ended.
            (plan.mutant, plan.cache, plan.faults) = (Some(mutant), cache, seed % 2 == 0);
            run(&plan).unwrap().violations.iter().any(|violation| violation.what.contains(sign))
        });
        assert!(found, "{mutant:?} was not detected: {sign}");
    }
}
