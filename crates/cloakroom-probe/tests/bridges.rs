//! Sessions shared with real applications on other frameworks, which take turns on one session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "bridges/express.rs"]
mod express;
#[path = "bridges/python.rs"]
mod python;
#[path = "bridges/rails.rs"]
mod rails;
#[path = "bridges/sequences.rs"]
mod sequences;
#[path = "bridges/side.rs"]
mod side;
#[path = "bridges/turns.rs"]
mod turns;
