//! The pure core of sessions: state, changes, lifetimes and cookies.
//!
//! This crate has no I/O, clock, lock, async runtime or framework. Time and random bytes are passed
//! in, so everything here can be tested with a table. Applications use the `cloakroom` crate;
//! factories, stores and adapters are built on this one.
//!
//! The modules, in the order in which a request meets them:
//!
//! | module | contents |
//! |---|---|
//! | `cookie` | the `Cookie` header, and the configuration of our cookie |
//! | `seal` | opening and sealing cookies, the keys, and encryption of records in a store |
//! | `formats` | the versions of our formats that are read, and the one that is written |
//! | `record`, `lifetimes` | the record kept between requests, and its deadlines |
//! | `json` | JSON values that stay text until they are read: encoding, decoding and lenient parsing |
//! | `session` | the session of one request: its values, change log, plan and commit |
//! | `request_kind` | navigation, subresource or speculative request |
//! | `dbsc` | with the feature `dbsc`: sessions that are bound to a device |
//! | `csrf` | CSRF rules: the request's origin and its token |
//!
//! ```
//! use cloakroom_core::{CookieUpdate, Lifetimes, Plan, SessionState, Timestamp};
//!
//! let now = Timestamp::from_unix_secs(1_700_000_000);
//! let mut session = SessionState::fresh(now, Lifetimes::default());
//! assert_eq!(session.plan(now), (Plan::Nothing, CookieUpdate::Keep));
//!
//! session.update("visits", |visits: &mut u32| *visits += 1)?;
//! assert_eq!(session.plan(now), (Plan::Create, CookieUpdate::Set));
//! # Ok::<(), cloakroom_core::Error>(())
//! ```

mod alias;
mod cookie;
mod csrf;
#[cfg(feature = "dbsc")]
pub mod dbsc;
mod error;
mod formats;
mod id;
mod json;
mod lifetimes;
mod record;
mod request_kind;
mod seal;
mod session;
mod time;

pub use alias::Alias;
pub use cookie::{
    CookieCandidates, CookieConfig, CookieHeader, CookieOrder, CookieTemplate, MAX_COOKIE, SameSite, SetCookie,
    cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary, vary_by,
};
pub use csrf::{
    CsrfDecision, CsrfRules, CsrfRulesBuilder, CsrfScheme, CsrfToken, HeaderFact, Origin, OriginPattern, Refusal,
    RequestFacts, TokenPolicy,
};
pub use error::{ConfigError, Error};
pub use id::{SessionId, StoreKey};
pub use json::{Json, Text};
pub use lifetimes::{Deadline, Lifetimes, SessionTimes};
pub use record::{CommitId, Corrupt, Duplicates, FLASH_LIMIT, FlashId, FrameworkData, Level, Message, Record};
pub use request_kind::RequestKind;
pub use seal::{Key, KeyId, Keyring, RecordSealer, Rejected, Seal, Sealer};
pub use session::{
    Absorbed, After, ChangeLog, Commit, CommitPolicy, ConflictPolicy, CookiePayload, CookieUpdate, Dropped, IntoKey,
    KeyName, Plan, Rebased, Replayed, SessionKey, SessionState, Since, Updater, Version,
};
pub use time::{Resolution, Timestamp};
