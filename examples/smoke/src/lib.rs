//! The scenarios that every example must pass over HTTP, shared by all frameworks.
//!
//! An example is a program that takes the port as its argument (0 picks a free one) and prints
//! `listening on http://…` when it is ready. It serves these routes with the functions of
//! `cloakroom-example-visit`:
//!
//! | route | behaviour |
//! |---|---|
//! | `GET /` | `page` |
//! | `POST /sign-in` | `sign_in` with the form's `name`, then 303 to `/` |
//! | `POST /sign-out` | `sign_out`, then 303 to `/` |
//! | `GET /about` | `ABOUT`, without using the session |
//! | `GET /broken` | `before_failing`, after which the handler fails with 500 in the framework's way |
//!
//! The test of an example is one line in `tests/smoke.rs`, which expands to a test per scenario:
//!
//! ```text
//! cloakroom_smoke::scenarios!(env!("CARGO_BIN_EXE_cloakroom-example-axum"));
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "only for tests, where a panic is the report"
)]

mod browser;
mod program;
mod scenarios;

pub use browser::{Browser, PlainResponse};
pub use program::Program;
pub use scenarios::*;

/// Defines a test for each scenario, against the program at this path.
#[macro_export]
macro_rules! scenarios {
    ($program:expr) => {
        $crate::scenarios!(
            $program,
            sign_in_and_out,
            flash_is_shown_once,
            forged_form_is_refused,
            form_without_a_session_is_refused,
            sign_out_is_final,
            new_id_at_sign_in,
            untouched_request_has_no_cookie,
            headers_of_a_session,
            large_form_arrives_whole,
            uploaded_form_is_checked,
            error_responses_commit,
            unknown_page_has_no_cookie
        );
    };
    ($program:expr, $($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                $crate::$name(&$crate::Program::start($program));
            }
        )+
    };
}
