//! The conformance suite for session factories. It checks the requirements of [`SessionFactory`].
//!
//! Each check simulates one or two browsers that send requests through an [`Engine`](crate::Engine)
//! with a manual clock. A failed check names the rule that was broken and the case. The suite
//! creates its own sessions and reads no others, so that it can also test a factory on a shared
//! store.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use cloakroom_session::factory::conformance::{Capabilities, assert_conforms};
//! use cloakroom_session::{CookieSessions, Key};
//!
//! # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a test: `#[tokio::test(flavor = "multi_thread")]`
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let sessions = CookieSessions::encrypted(key).build()?;
//!
//! // The browser holds the only copy: nothing can be ended early, and nothing is merged.
//! let can = Capabilities::all().without_revocation().without_merging();
//! assert_conforms(Arc::new(sessions), can).await;
//! # Ok(())
//! # }
//! ```

mod bench;
#[cfg(feature = "dbsc")]
mod binding;
mod capabilities;
mod deadlines;
mod ending;
mod merging;
mod opening;
mod reloading;
mod resuming;
#[doc(hidden)]
pub mod verdict;
mod writing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::factory::SessionFactory;
use bench::{Bench, Outcome};
pub use capabilities::Capabilities;
use verdict::failure_of;

/// The timeout of one check. A working factory needs far less.
const PATIENCE: Duration = Duration::from_secs(60);

/// A failed check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the check, which is the rule.
    pub check: &'static str,
    /// The expected and the actual result.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.why)
    }
}

macro_rules! run {
    ($bench:expr, $failures:expr, $($module:ident: $($check:ident)+;)+) => {
        $($($failures.extend(one(stringify!($check), $bench, $module::$check).await);)+)+
    };
}

/// Runs all checks, and returns those that failed.
///
/// It needs a multi-threaded tokio runtime with a timer.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_session::factory::conformance::{Capabilities, check};
/// use cloakroom_session::{CookieSessions, Key};
///
/// # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = Arc::new(CookieSessions::signed(key).build()?);
///
/// // A cookie session can't be revoked. The suite detects the wrong claim that it can.
/// let failures = check(sessions, Capabilities::all().rounds(1)).await;
/// assert!(failures.iter().any(|failure| failure.check == "an_ended_session_opens_nothing"));
/// # Ok(())
/// # }
/// ```
pub async fn check<F: SessionFactory>(factory: Arc<F>, can: Capabilities) -> Vec<Failure> {
    let mut failures = Vec::new();
    let it = Bench::new(factory, can);
    run!(&it, failures,
        opening: an_unused_session_sends_no_cookie an_unused_session_is_not_kept a_read_changes_nothing
            a_created_session_opens_as_it_was an_invented_id_is_not_adopted nonsense_is_a_fresh_session
            a_bad_cookie_hides_no_good_one cookies_name_the_session_that_they_open;
        writing: each_write_is_kept a_popped_message_does_not_come_back cycle_gives_a_new_id_and_token
            the_same_owner_keeps_the_session another_owner_gets_nothing commits_of_one_request_follow_each_other
            a_session_begins_with_the_id_of_its_commit;
        ending: invalidate_removes_the_cookie_as_it_was_set invalidate_of_nothing_is_silent
            invalidate_then_write_begins_anew the_end_comes_before_the_beginning
            a_session_that_was_just_kept_can_be_ended;
        deadlines: valid_at_its_deadline_and_not_after expired_in_mid_request_is_dropped
            an_expired_cookie_is_ignored;
    );
    if it.can.touches {
        run!(&it, failures, deadlines: a_read_extends_the_deadline;);
    }
    if it.can.revokes {
        run!(&it, failures,
            ending: an_ended_session_opens_nothing a_moved_id_opens_nothing a_slow_request_revives_nothing
                a_slow_request_undoes_no_move dropped_is_not_ended a_second_end_is_silent
                a_race_with_a_sign_out_leaves_nothing;
        );
    }
    if it.can.follows_moves {
        run!(&it, failures, ending: a_sign_out_follows_the_move;);
    }
    if it.can.merges {
        run!(&it, failures,
            merging: changes_of_different_keys_both_survive overlapping_updates_all_count racing_updates_all_count
                first_writes_after_a_form_all_count a_pop_takes_only_what_it_was_given a_move_takes_along_what_others_wrote;
        );
    }
    if it.can.resumes {
        run!(&it, failures,
            resuming: a_resumed_write_is_applied_once a_resumed_creation_is_one_session
                a_resumed_cycle_keeps_the_session a_resumed_end_has_ended;
        );
        if it.can.merges {
            run!(&it, failures, resuming: a_resumed_replay_is_applied_once;);
        }
    }
    if it.can.reloads {
        run!(&it, failures, reloading: a_reload_goes_on a_reload_ends_at_the_deadline;);
        if it.can.revokes {
            run!(&it, failures,
                reloading: a_reload_shows_what_others_wrote a_reload_says_that_it_has_ended
                    a_reload_says_that_it_has_moved;
            );
        }
    } else {
        run!(&it, failures, reloading: a_reload_is_refused_honestly;);
    }
    #[cfg(feature = "dbsc")]
    if it.factory.keeps_bindings() {
        run!(&it, failures,
            binding: a_binding_is_kept a_binding_moves_with_its_session a_binding_and_a_write_both_survive
                a_challenge_is_used_up_once a_binding_ends_with_its_owner;
        );
    } else {
        run!(&it, failures, binding: a_binding_is_refused_honestly;);
    }
    failures
}

/// Runs all checks, and panics if one failed.
///
/// # Panics
/// Panics with a list of the failed checks.
pub async fn assert_conforms<F: SessionFactory>(factory: Arc<F>, can: Capabilities) {
    let failures = check(factory, can).await;
    let lines: Vec<String> = failures.iter().map(Failure::to_string).collect();
    assert!(failures.is_empty(), "the factory doesn't conform, {} checks failed:\n{}", lines.len(), lines.join("\n"));
}

/// Runs one check in a separate task, so that a factory that panics or hangs fails only that check.
async fn one<S, F>(check: &'static str, bench: &Bench<S>, run: impl FnOnce(Bench<S>) -> F) -> Option<Failure>
where
    S: SessionFactory,
    F: Future<Output = Outcome> + Send + 'static,
{
    let why = failure_of(PATIENCE, run(bench.clone())).await?;
    Some(Failure { check, why })
}
