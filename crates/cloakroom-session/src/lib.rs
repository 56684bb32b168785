//! The session handle, the factories and the CSRF guard, shared by all adapters.
//!
//! Applications use the `cloakroom` crate. This crate is for authors of adapters for web
//! frameworks. An adapter keeps one [`SessionSlot`] per request, opens the session from it when a
//! handler asks for one, and applies the [`ResponseEffects`] that the slot returns at the end.
//! [`adapter`] holds the code that adapters share. A request waits in two places only: when it
//! opens the session and when it commits.
//!
//! The modules, in the order in which a request meets them:
//!
//! | module | contents |
//! |---|---|
//! | `clock` | the time and random bytes |
//! | `slot` | the state of a request's session |
//! | `engine` | the factory, clock and commit policy of an application |
//! | `factory`, `dyn_factory` | the trait that opens and commits sessions, and the type without parameters for it |
//! | `candidates` | the candidate cookies of a request |
//! | `options` | the options that the builders of factories share |
//! | `retry` | the retries of a commit that meets those of other requests |
//! | `cookie_sessions` | the factory that keeps sessions in cookies |
//! | `csrf` | the checks of a request's origin and CSRF token |
//! | `session`, `error` | the session handle of handlers, and its errors |
//! | `finish`, `effects` | the end of a request, and its effects on the response |
//! | `meter` | counters and timings |
//! | [`adapter`] | code that adapters share, and the trait impls that must be in the crate of their types |
//! | `factory_conformance` | the conformance suite for factories, behind the feature `conformance` |
//!
//! ```
//! use std::sync::Arc;
//! use cloakroom_session::{CookieHeader, CookieSessions, Engine, Key, SessionSlot};
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
mod dyn_factory;
mod effects;
mod engine;
mod error;
mod factory;
#[cfg(feature = "conformance")]
pub mod factory_conformance;
mod finish;
pub mod meter;
mod options;
mod retry;
mod session;
mod slot;

pub use candidates::Candidates;
pub use cloakroom_core::{
    After, Commit, CommitId, CommitPolicy, ConfigError, ConflictPolicy, CookieConfig, CookieHeader, CookiePayload,
    CookieTemplate, CookieUpdate, CsrfDecision, CsrfRules, CsrfRulesBuilder, CsrfScheme, CsrfToken, Deadline, Dropped,
    Duplicates, FLASH_LIMIT, FlashId, FrameworkData, HeaderFact, IntoKey, Json, Key, KeyId, KeyName, Keyring, Level,
    Lifetimes, MAX_COOKIE, Message, Origin, OriginPattern, Plan, Record, RecordSealer, Refusal, Rejected, Replayed,
    RequestFacts, RequestKind, Resolution, SameSite, Seal, Sealer, SessionId, SessionKey, SessionState, SessionTimes,
    SetCookie, StoreKey, Text, Timestamp, TokenPolicy, Version, cache_control, invites_shared_caches,
    is_targeted_cache_field, overrides_cache_control, vary,
};
pub use clock::{Clock, ManualClock, SystemClock, fill, fresh_id, fresh_token, random};
pub use cookie_sessions::{CookieSessions, CookieSessionsBuilder, OpenedCookie};
#[cfg(feature = "form")]
pub use csrf::FormRejection;
pub use csrf::{BodyExtent, CsrfGuard, CsrfSlot, FormBody, FormKind, FormToken, Piece, find_token};
pub use effects::ResponseEffects;
pub use engine::Engine;
pub use error::Error;
pub use factory::{Committed, SessionFactory, begin_commit, commit_to_cookie, hand_on, replay, replay_with};
pub use finish::{CommitFuture, NotCommitted};
pub use options::FactoryOptions;
pub use retry::{Collisions, Retries, TimeLimit};
pub use session::{FlashQueue, RefMut, Session};
pub use slot::SessionSlot;
