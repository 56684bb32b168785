//! The session handle, the factories and the CSRF guard, shared by all adapters.
//!
//! Applications use the `cloakroom` crate. This crate is for authors of factories and of adapters
//! for web frameworks. Its root has the types that applications configure and use:
//!
//! - [`Session`], [`SessionKey`], [`FlashQueue`], [`Message`] and [`Error`] for handlers;
//! - [`CookieSessions`], [`Key`], [`Keyring`], [`Lifetimes`], [`CookieConfig`] and [`Engine`] for
//!   the configuration of sessions;
//! - [`CsrfRules`], [`CsrfGuard`] and [`Refusal`] for CSRF protection.
//!
//! All other names are in one module for each task:
//!
//! | module | for |
//! |---|---|
//! | [`factory`] | authors of session factories: the trait, sessions, records, seals and the conformance suite |
//! | [`adapter`] | authors of adapters: the slots of a request, its head and body, and the response |
//! | [`meter`] | the counters and timings, for operators |
//!
//! An adapter keeps one [`SessionSlot`](adapter::SessionSlot) per request, opens the session from
//! it when a handler asks for one, and applies the [`ResponseEffects`](adapter::ResponseEffects)
//! that the slot returns at the end. A request waits in two places only: when it opens the session
//! and when it commits.
//!
//! The files, in the order in which a request meets them:
//!
//! | file | contents |
//! |---|---|
//! | `clock` | the time and random bytes |
//! | `slot` | the state of a request's session |
//! | `header` | ids in a header, for clients without cookies |
//! | `engine` | the factory, clock and commit policy of an application |
//! | `factory/contract`, `dyn_factory` | the trait that opens and commits sessions, and the type without parameters for it |
//! | `candidates` | the candidate cookies of a request |
//! | `options` | the options that the builders of factories share |
//! | `retry` | the retries of a commit that meets those of other requests |
//! | `cookie_sessions` | the factory that keeps sessions in cookies |
//! | `csrf` | the checks of a request's origin and CSRF token |
//! | `return_path` | the way back after a sign-in |
//! | `session`, `error` | the session handle of handlers, and its errors |
//! | `named` | the session of a layer that has a name |
//! | `watched`, `dropping` | handlers that are dropped before they return |
//! | `finish`, `effects` | the end of a request, and its effects on the response |
//! | `ended` | the reason for which a session has ended, and the check of factories without a feed |
//! | `devices` | sessions that are bound to a device: the options, the two endpoints, the proof of a request |
//! | `meter` | counters and timings |
//! | `adapter` | code that adapters share, and the trait impls that must be in the crate of their types |
//! | `simulation` | random bytes that can be repeated, behind the feature `simulation` |
//! | `factory/conformance` | the conformance suite for factories, behind the feature `conformance` |
//!
//! ```
//! use std::sync::Arc;
//! use cloakroom_session::adapter::{CookieHeader, SessionSlot};
//! use cloakroom_session::{CookieSessions, Engine, Key};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let engine = Arc::new(Engine::new(CookieSessions::encrypted(key).build()?));
//!
//! let slot = SessionSlot::new(engine);                       // the adapter, when a request arrives
//! let session = slot.open(CookieHeader::default()).await?;   // a handler that uses the session
//! session.insert("theme", "dark")?;
//! let effects = slot.finish(200).await?;                     // the adapter, when the response is ready
//! assert_eq!(effects.cookies.len(), 1);
//! # Ok(())
//! # }
//! ```

pub mod adapter;
mod candidates;
mod clock;
mod cookie_sessions;
mod csrf;
mod devices;
mod domains;
mod dropping;
mod dyn_factory;
mod effects;
mod ended;
mod engine;
mod error;
pub mod factory;
mod finish;
mod header;
pub mod meter;
mod named;
mod options;
mod retry;
mod return_path;
mod session;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod slot;
mod watched;

#[cfg(feature = "dbsc")]
pub use cloakroom_core::dbsc::DeviceProof;
pub use cloakroom_core::{
    CommitPolicy, ConfigError, ConflictPolicy, CookieConfig, CsrfRules, CsrfRulesBuilder, CsrfToken, IntoKey, Key,
    Keyring, Level, Lifetimes, Message, Refusal, SameSite, SessionKey, Timestamp, TokenPolicy,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use cookie_sessions::{CookieSessions, CookieSessionsBuilder};
pub use csrf::CsrfGuard;
#[cfg(feature = "dbsc")]
pub use devices::DeviceBinding;
pub use engine::Engine;
pub use error::Error;
pub use header::SessionHeader;
pub use named::NamedSession;
pub use return_path::{NotLocal, ReturnPath};
pub use session::{FlashQueue, RefMut, Session};
