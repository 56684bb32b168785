//! HTTP sessions, flash messages and CSRF protection.
//!
//! Leave your things, keep the ticket. Handlers take a [`Session`] and read and write it like a dictionary, without waiting;
//! one factory, configured once, decides where sessions live: in a signed cookie, in an encrypted one
//! ([`CookieSessions`]), or where your own [`SessionFactory`] keeps them.
//!
//! ```toml
//! cloakroom = { version = "0.1", features = ["axum"] }
//! ```
//!
//! - [`Session`]: what handlers hold. [`SessionKey`]: typed names for what it holds. [`Message`]: flash messages with a level.
//! - [`CookieSessions`], [`Key`], [`Keyring`], [`Lifetimes`], [`CookieConfig`]: configuration.
//! - `SessionLayer`, `CsrfLayer` (feature `tower`), and the extractors in `axum` (feature `axum`).
//! - [`guide`]: choosing a factory, coming from Pyramid.
//!
//! # Security
//! What it promises, and what cookie sessions can't do, is written at [`CookieSessions`] and in [`guide::factories`]. Options that
//! weaken a default are called `danger_…`.

pub mod guide;

pub use cloakroom_session::*;

#[cfg(feature = "store")]
pub use cloakroom_store::*;
#[cfg(feature = "tower")]
pub use cloakroom_tower::{
    CsrfFuture, CsrfLayer, CsrfService, ReplayBody, ResponseBody, SessionFuture, SessionLayer, SessionService,
};

/// Extractors for axum.
#[cfg(feature = "axum")]
pub mod axum {
    pub use cloakroom_tower::axum::{CheckedForm, CheckedFormRejection, FormToken};
}

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
