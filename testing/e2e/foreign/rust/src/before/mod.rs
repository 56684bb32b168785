//! The programs that the guide's page "Coming from another Rust library" shows as they were before
//! the move to Cloakroom. They are compiled, not run, and a test of `xtask` compares them with the
//! page.
#![allow(dead_code, reason = "each program has a `main` of its own")]
#![allow(clippy::unwrap_used, reason = "they are short programs")]

mod actix_session;
mod axum_login;
mod axum_session;
mod tower_sessions;
