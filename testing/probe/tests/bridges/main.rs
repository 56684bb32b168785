//! Sessions shared with real applications on other frameworks, which take turns on one session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod express;
mod first_steps;
mod guide;
mod life;
mod pyramid_tests;
mod python;
mod rails;
mod rust;
mod sequences;
mod side;
mod time_zones;
mod turns;
mod two_cookies;
mod versions;
