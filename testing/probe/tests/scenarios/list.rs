//! The list of scenarios, and the adapters and back ends that run them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::world::World;
use crate::{csrf, flash, headers, identity, kinds, lifetimes, outages, races, sessions, streams};

/// A generous timeout: a scenario that hangs must not block the others.
const PATIENCE: Duration = Duration::from_secs(60);

macro_rules! scenarios {
    ($world:expr, $($place:ident, $module:ident: $($name:ident)+;)+) => {{
        let (mut run, mut failed) = (0, Vec::new());
        $(if $world.$place() {$({
            let name = concat!(stringify!($module), "::", stringify!($name));
            let scenario = tokio::time::timeout(PATIENCE, $module::$name($world));
            run += 1;
            match AssertUnwindSafe(scenario).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => failed.push(format!("{name}: still running after {PATIENCE:?}")),
                Err(_) => failed.push(name.to_owned()),
            }
        })+})+
        (run, failed)
    }};
}

async fn run(adapter: &'static str, backend: &'static str) {
    let world = World::new(adapter, backend);
    let (run, failed) = scenarios! { &world,
        is_any, sessions:
            the_next_request_reads_written_values
            a_session_begins_with_its_first_write
            an_invalidated_session_has_ended
            writes_after_invalidate_start_a_new_session
            cycling_the_id_keeps_the_session_data
            a_cookie_that_makes_no_sense_is_ignored
            the_last_valid_cookie_of_several_lines_counts
            a_session_too_large_for_its_cookie_is_refused_and_nothing_is_lost
            a_handler_error_commits_according_to_the_policy
            a_handler_that_panics_commits_nothing
            a_disconnect_commits_everything_or_nothing;
        is_shared, sessions:
            every_adapter_opens_the_sessions_of_the_others;
        is_any, headers:
            a_request_that_uses_no_session_gets_none
            what_each_use_of_the_session_adds
            no_cache_stores_a_cookie_or_a_token
            a_cookie_is_removed_as_it_was_set
            a_remembered_cookie_outlives_the_browser
            every_adapter_sends_the_same_responses;
        is_any, flash:
            messages_are_shown_once_and_wait_until_then
            queues_are_independent_and_push_unique_rejects_duplicates
            a_message_of_another_type_blocks_nothing
            a_full_queue_drops_its_oldest
            a_message_for_now_is_not_stored_and_a_kept_one_is_shown_again;
        is_any, identity:
            another_owner_gets_nothing_of_the_session
            a_sign_in_replaces_the_csrf_token;
        is_any, kinds:
            a_page_that_nobody_saw_consumes_no_message
            subresources_and_prefetches_do_not_extend_cookie_sessions;
        is_any, csrf:
            the_rules_decide_who_passes
            a_refused_request_creates_and_commits_nothing
            a_form_arrives_as_it_was_sent
            a_form_over_the_limit_passes_if_its_token_comes_first
            a_checked_form_is_checked_wherever_it_is
            a_websocket_opens_only_for_our_own_pages
            when_unsure_requires_the_token_if_the_browser_sends_no_origin
            report_only_refuses_nothing
            a_credential_exempts_only_requests_without_the_session_cookie
            tokens_differ_on_each_page_and_all_are_valid;
        is_any, lifetimes:
            an_idle_session_ends_at_its_deadline
            a_used_session_continues_until_its_absolute_timeout
            reads_touch_at_most_once_per_touch_interval;
        is_any, streams:
            a_stream_begins_after_its_session_was_committed;
        is_store, races:
            racing_requests_lose_nothing
            a_slow_request_does_not_bring_back_what_has_ended
            racing_messages_are_shown_once_each
            a_lost_update_is_logged_once_and_update_loses_none;
        is_store, identity:
            a_sign_out_with_a_moved_id_ends_the_session
            a_sign_out_that_began_before_the_move_ends_it_too
            a_replaced_session_has_ended_even_if_its_successor_fails;
        is_shared_store, races:
            racing_requests_through_different_adapters_lose_nothing;
        is_store, streams:
            a_stream_reads_and_writes_while_others_do
            a_stream_notices_that_its_session_has_ended
            a_stream_notices_that_its_session_has_a_new_id;
        is_redis, outages:
            a_hanging_store_fails_only_requests_that_use_the_session
            a_commit_that_fails_replaces_the_response
            report_only_refuses_nothing_while_the_store_hangs;
    };
    println!("{adapter} on {backend}: {run} scenarios, {} failed", failed.len());
    assert!(failed.is_empty(), "{adapter} on {backend}: {failed:#?}");
}

macro_rules! everywhere {
    ($($adapter:ident: $($backend:ident)+;)+) => {$(
        mod $adapter {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $backend() {
                    super::run(stringify!($adapter), stringify!($backend)).await;
                }
            )+
        }
    )+};
}

everywhere! {
    axum: signed encrypted memory file sqlite postgres mariadb redis;
    hyper: signed encrypted memory file sqlite postgres mariadb redis;
    actix: signed encrypted memory file sqlite postgres mariadb redis;
}
