//! The list, and where it is run.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::world::World;
use crate::{csrf, flash, headers, identity, kinds, lifetimes, outages, races, sessions, streams};

/// Longer than any scenario may take on a busy machine: one that hangs must not hang the rest.
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
            what_is_written_is_there_in_the_next_request
            a_session_begins_with_its_first_write
            an_invalidated_session_is_over
            what_is_written_after_the_end_begins_anew
            a_cycled_id_keeps_what_it_holds
            a_cookie_that_makes_no_sense_is_ignored
            of_several_cookie_lines_the_last_that_opens_counts
            a_session_too_large_for_its_cookie_is_refused_and_nothing_is_lost
            an_error_of_the_handler_commits_as_the_policy_says
            a_handler_that_panics_commits_nothing
            a_client_that_goes_away_leaves_all_or_nothing;
        is_shared, sessions:
            every_adapter_opens_what_another_has_written;
        is_any, headers:
            a_request_that_uses_no_session_gets_none
            what_each_use_of_the_session_adds
            no_cache_stores_a_cookie_or_a_token
            a_cookie_is_removed_as_it_was_set
            a_remembered_cookie_outlives_the_browser
            every_adapter_answers_in_the_same_words;
        is_any, flash:
            messages_are_shown_once_and_wait_until_then
            queues_are_independent_and_duplicates_are_kept_out_on_demand
            a_message_of_another_type_blocks_nothing
            a_full_queue_drops_its_oldest;
        is_any, identity:
            another_owner_gets_nothing_of_the_session
            a_sign_in_replaces_the_csrf_token;
        is_any, kinds:
            a_page_that_nobody_saw_consumes_no_message
            what_a_browser_asks_for_by_itself_keeps_no_session;
        is_any, csrf:
            the_rules_decide_who_passes
            a_refused_request_creates_and_commits_nothing
            a_form_arrives_as_it_was_sent
            a_form_over_the_limit_passes_if_its_token_comes_first
            a_checked_form_is_checked_wherever_it_is
            a_socket_opens_for_our_own_pages_alone
            unsure_rules_ask_for_the_token_where_the_browser_says_nothing
            report_only_refuses_nothing
            tokens_differ_on_each_page_and_all_count;
        is_any, lifetimes:
            an_idle_session_ends_at_its_deadline
            a_used_session_goes_on_until_it_has_lasted_too_long
            reads_touch_no_more_often_than_said;
        is_any, streams:
            a_stream_begins_after_its_session_was_committed;
        is_store, races:
            racing_requests_lose_nothing
            a_slow_request_does_not_bring_back_what_has_ended
            messages_that_race_are_shown_once_each
            a_lost_update_is_told_once_and_update_loses_none;
        is_store, identity:
            a_sign_out_ends_the_session_where_it_has_moved_to
            a_sign_out_that_began_before_the_move_ends_it_too
            what_is_replaced_has_ended_even_if_its_successor_fails;
        is_shared_store, races:
            racing_requests_through_different_adapters_lose_nothing;
        is_store, streams:
            a_stream_reads_and_writes_while_others_do
            a_stream_notices_that_its_session_has_ended
            a_stream_notices_that_its_session_has_a_new_id;
        is_redis, outages:
            a_store_that_hangs_is_told_to_those_who_need_it
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
