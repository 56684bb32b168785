//! The conformance suite for stores: contract, expiry, unusual values, and races with real
//! concurrency.
//!
//! It creates its own keys, so it can run against a server that others use. Sessions that it ends
//! or sweeps in bulk are dated in the years 1971 to 1974, so that no other session is affected.
//!
//! ```
//! use std::sync::Arc;
//! use cloakroom_store::MemoryStore;
//! use cloakroom_store::store::conformance::{Capabilities, assert_conforms};
//!
//! // In a test: `#[tokio::test(flavor = "multi_thread")]`
//! # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
//! # async fn main() {
//! let store = Arc::new(MemoryStore::new());
//! assert_conforms(store, Capabilities::all().rounds(10)).await;
//! # }
//! ```

mod aliases;
mod basics;
mod bench;
mod cycling;
mod lifetimes;
mod owners;
mod pages;
mod races;
mod requests;
mod scanning;
mod sweeping;
mod values;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::conformance::verdict::failure_of;

use crate::store::Store;
pub use bench::nth;
use bench::{Bench, Outcome};

/// The timeout of one check. No check of a working store takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The optional operations that a store offers, and the thoroughness of the checks.
///
/// A store must reject the operations that it doesn't offer with
/// [`StoreError::is_unsupported`](crate::store::StoreError::is_unsupported), which is also checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Capabilities {
    owners: bool,
    end_before: bool,
    sweep: bool,
    scan: bool,
    largest: usize,
    rounds: usize,
    seed: Option<u64>,
}

impl Capabilities {
    /// All optional operations of the trait; 200 rounds of each race.
    pub const fn all() -> Self {
        Self { owners: true, end_before: true, sweep: true, scan: true, largest: usize::MAX, rounds: 200, seed: None }
    }

    /// Declares that the store has no owner index.
    pub const fn without_owners(mut self) -> Self {
        self.owners = false;
        self
    }

    /// Declares that the store can't end all sessions created before a point in time.
    pub const fn without_end_before(mut self) -> Self {
        self.end_before = false;
        self
    }

    /// Declares that the store expires entries by itself, so a sweep does nothing.
    pub const fn expires_by_itself(mut self) -> Self {
        self.sweep = false;
        self
    }

    /// Declares that the store can't scan all sessions.
    pub const fn without_scan(mut self) -> Self {
        self.scan = false;
        self
    }

    /// Declares that a text has at most this many bytes.
    ///
    /// Without this, texts of several megabytes are stored. With it, a text of this size must be
    /// stored, and one of twice the size must be an error that changes nothing.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::store::conformance::Capabilities;
    ///
    /// // The items of this database have at most 400 KB, with the names of attributes.
    /// let can = Capabilities::all().texts_up_to(390_000);
    /// ```
    pub const fn texts_up_to(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Sets the number of rounds of each race.
    ///
    /// More rounds find more bugs; 1,000 are worth the time before a release.
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Repeats the random choices of a failed run with this seed. Keys are always new.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// A failed check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// The expected and the found value.
    pub why: String,
    /// The seed to pass to [`Capabilities::seed`].
    pub seed: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (seed {})", self.check, self.why, self.seed)
    }
}

macro_rules! run {
    ($bench:expr, $failures:expr, $($module:ident: $($check:ident)+;)+) => {
        $($($failures.note(stringify!($check), one(stringify!($check), $bench, $module::$check).await);)+)+
    };
}

/// Runs all checks and returns the failures.
///
/// It needs a multi-threaded runtime: on a single thread the races don't happen.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_store::MemoryStore;
/// use cloakroom_store::store::conformance::{Capabilities, check};
///
/// # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
/// # async fn main() {
/// // `MemoryStore` has an owner index, so the suite detects that this declaration is wrong.
/// let failures = check(Arc::new(MemoryStore::new()), Capabilities::all().without_owners().rounds(1)).await;
/// assert_eq!(failures[0].check, "owners_are_refused_honestly");
/// # }
/// ```
pub async fn check<S: Store>(store: Arc<S>, can: Capabilities) -> Vec<Failure> {
    check_each(store, can, |_, _| ()).await
}

/// Runs all checks as [`check`] does, and calls `each` after each one.
///
/// The arguments of `each` are the name of the check and its failure, if any.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_store::MemoryStore;
/// use cloakroom_store::store::conformance::{Capabilities, check_each};
///
/// # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
/// # async fn main() {
/// let mut passed = 0;
/// let can = Capabilities::all().rounds(1);
/// check_each(Arc::new(MemoryStore::new()), can, |_, failure| passed += usize::from(failure.is_none())).await;
/// assert!(passed > 50);
/// # }
/// ```
pub async fn check_each<S: Store>(
    store: Arc<S>,
    can: Capabilities,
    each: impl FnMut(&'static str, Option<&Failure>) + Send,
) -> Vec<Failure> {
    let mut failures = Noted { each, failures: Vec::new() };
    let bench = match Bench::new(store, can.rounds, can.largest, can.seed) {
        Ok(bench) => bench,
        Err(why) => return vec![Failure { check: "random_bytes", why, seed: 0 }],
    };
    run!(&bench, failures,
        basics: nothing_is_absent created_is_loaded_as_it_was versions_grow
            a_store_that_went_back_in_time_gives_no_version_twice versions_without_a_tag_conflict taken_by_a_live_entry
            taken_by_a_moved_mark free_again_when_over replace_conflicts_on_another_version replace_never_creates
            replace_may_shorten ended_is_gone end_twice_is_false_the_second_time
            a_lost_answer_is_found_out_by_doing_it_again end_when_over_is_false
            keys_are_told_apart;
        lifetimes: valid_at_its_deadline_and_not_after everything_is_over_after_the_deadline no_deadline_is_for_ever
            the_last_deadline_there_is over_when_it_comes other_clocks touch_extends touch_never_shortens
            touch_never_creates touch_leaves_text_and_version touch_takes_the_deadline_away load_extends_nothing;
        cycling: cycle_moves_everything the_mark_ends_when_it_should cycle_conflicts_and_changes_nothing
            cycle_of_nothing_creates_nothing cycle_onto_a_taken_key_changes_nothing cycle_twice_from_the_old_is_gone
            the_mark_refuses_everything end_follows_the_move end_follows_two_moves
            end_follows_many_moves end_by_a_mark_is_true_once end_after_the_mark_leaves_the_new;
        values: empty_and_tiny_texts a_mebibyte awkward_texts awkward_owners_come_back;
    );
    if can.largest < usize::MAX {
        run!(&bench, failures, values: a_text_that_is_too_large_changes_nothing;);
    }
    if can.owners {
        run!(&bench, failures,
            owners: oldest_first only_the_owners_own look_alikes_are_not_the_owner ended_and_over_are_not_listed
                moved_is_listed_once a_change_of_owner_is_seen a_touch_is_seen;
            pages: pages_have_each_session_once a_session_that_moves_between_pages_is_in_one
                the_count_is_that_of_live_sessions ends_the_oldest_of_an_owner_and_keeps_one
                a_foreign_cursor_of_an_owner_is_an_error;
            races: what_moves_is_owned;
            aliases: an_alias_ends_its_sessions_and_no_others an_alias_of_another_owner_is_refused
                aliases_are_no_sessions a_sign_in_and_the_end_of_its_alias_leave_nothing
                a_move_and_the_end_of_its_alias_leave_nothing one_of_two_owners_gets_an_alias;
        );
    } else {
        run!(&bench, failures, owners: owners_are_refused_honestly; aliases: aliases_are_refused_honestly;);
    }
    if can.end_before {
        run!(&bench, failures,
            sweeping: ends_what_is_older_and_no_more what_moves_is_ended_with_all;
            pages: what_moves_between_steps_is_ended a_foreign_cursor_ends_nothing;
        );
        if can.owners {
            run!(&bench, failures, aliases: the_end_of_older_sessions_leaves_aliases;);
        }
    } else {
        run!(&bench, failures, sweeping: end_before_is_refused_honestly;);
    }
    if can.scan {
        run!(&bench, failures,
            scanning: a_scan_finds_everything a_scan_leaves_out_what_is_not_live a_scan_goes_on_while_others_write
                a_scan_changes_nothing a_cursor_leads_on_from_the_same_place;
        );
    } else {
        run!(&bench, failures, scanning: a_scan_is_refused_honestly;);
    }
    if can.sweep {
        run!(&bench, failures, sweeping: a_sweep_removes_what_is_over;);
    }
    run!(&bench, failures,
        sweeping: a_sweep_leaves_the_living;
        races: one_of_many_creates one_of_many_replaces replace_and_end_never_revive cycle_and_end_leave_nothing
            one_of_many_cycles replace_and_cycle_agree touch_and_replace_keep_both;
        requests: a_hundred_requests_of_one_process a_hundred_requests_of_three_processes;
    );
    failures.failures
}

/// The failed checks, and the callback to notify.
struct Noted<F> {
    each: F,
    failures: Vec<Failure>,
}

impl<F: FnMut(&'static str, Option<&Failure>)> Noted<F> {
    fn note(&mut self, check: &'static str, failure: Option<Failure>) {
        (self.each)(check, failure.as_ref());
        self.failures.extend(failure);
    }
}

/// Runs all checks, and panics with the names of those that failed.
///
/// # Panics
/// If the store fails a check.
pub async fn assert_conforms<S: Store>(store: Arc<S>, can: Capabilities) {
    let failures = check(store, can).await;
    let lines: Vec<String> = failures.iter().map(Failure::to_string).collect();
    assert!(failures.is_empty(), "the store doesn't conform, {} checks failed:\n{}", lines.len(), lines.join("\n"));
}

/// Runs one check in a separate task, so that a store that panics or hangs fails that check alone.
async fn one<S, F>(check: &'static str, bench: &Bench<S>, run: impl FnOnce(Bench<S>) -> F) -> Option<Failure>
where
    S: Store,
    F: Future<Output = Outcome> + Send + 'static,
{
    let why = failure_of(PATIENCE, run(bench.clone())).await?;
    Some(Failure { check, why, seed: bench.seed() })
}
