//! The promises of the bridges: vectors of the real frameworks, and requests that take turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[cfg(feature = "beaker")]
mod beaker;
mod browser;
mod conformance;
#[cfg(feature = "pyramid")]
mod cookies;
mod devices;
#[cfg(feature = "django")]
mod django;
#[cfg(feature = "express")]
mod express;
#[cfg(feature = "flask")]
mod flask;
#[cfg(feature = "flask-session")]
mod flask_session;
mod migration;
mod moving;
mod moving_once;
#[cfg(feature = "plug")]
mod plug;
#[cfg(all(
    feature = "beaker",
    feature = "django",
    feature = "express",
    feature = "flask",
    feature = "plug",
    feature = "pyramid",
    feature = "rails",
    feature = "starlette"
))]
mod properties;
#[cfg(feature = "pyramid")]
mod pyramid;
#[cfg(feature = "rails")]
mod rails;
#[cfg(all(feature = "actix-session", feature = "tower-sessions"))]
mod resharding;
mod rust;
#[cfg(feature = "django")]
mod shared;
mod slow_stores;
#[cfg(feature = "starlette")]
mod starlette;
#[cfg(all(
    feature = "records-mysql",
    feature = "records-redis",
    feature = "records-postgres",
    feature = "records-sqlite"
))]
mod stores;
mod vectors;
#[cfg(all(
    feature = "beaker",
    feature = "django",
    feature = "express",
    feature = "flask",
    feature = "pyramid",
    feature = "rails"
))]
mod versions;
