//! What a session is, without anything that waits.
//!
//! This crate knows no I/O, clock, lock, runtime or framework: time and random bytes are passed in,
//! and everything here can be tested with a table. It isn't what applications use, the `cloakroom`
//! crate is; factories, stores and adapters are built on it.
//!
//! The modules, in the order in which a request meets them:
//!
//! | module | what it is about |
//! |---|---|
//! | `cookie` | the `Cookie` header, and the configuration of ours |
//! | `keyring`, `seal`, `rejected` | opening what we sealed, or the reason why not |
//! | `at_rest` | records that a store can't read |
//! | `formats` | which versions of our formats are read, and which one is written |
//! | `wire`, `record`, `text`, `lifetimes` | what is kept between requests, and how long |
//! | `marks` | the commits that wrote a record last |
//! | `exact`, `unreadable` | JSON that says exactly what was put in, and why a value can't be read |
//! | `loose`, `foreign` | JSON as other frameworks write it, and what they keep of their own |
//! | `state`, `access`, `key`, `flash` | the session of one request, as a handler sees it |
//! | `version` | which of its record's versions a store has |
//! | `change`, `apply` | what the handler did, what that does to a record, and how it is done again on a newer version |
//! | `request_kind` | whether a visitor sent the request, or a browser by itself |
//! | `csrf` | where a request comes from, and whether it knows the token |
//! | `plan`, `commit` | what to store and what cookie to send |
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

mod access;
mod apply;
mod at_rest;
mod change;
mod commit;
mod cookie;
mod csrf;
mod error;
mod exact;
mod flash;
mod foreign;
mod formats;
mod id;
mod key;
mod keyring;
mod lifetimes;
mod loose;
mod marks;
mod pairs;
mod plan;
mod record;
mod rejected;
mod request_kind;
mod seal;
mod state;
mod text;
mod time;
mod unreadable;
mod version;
mod wire;

pub use at_rest::RecordSealer;
pub use change::{ChangeLog, ConflictPolicy, Replayed, Updater};
pub use commit::{After, Commit};
pub use cookie::{
    CookieConfig, CookieHeader, CookieTemplate, MAX_COOKIE, SameSite, SetCookie, cache_control, invites_shared_caches,
    is_targeted_cache_field, overrides_cache_control, vary,
};
pub use csrf::{
    CsrfDecision, CsrfRules, CsrfRulesBuilder, CsrfScheme, CsrfToken, HeaderFact, Origin, OriginPattern, Refusal,
    RequestFacts, TokenPolicy,
};
pub use error::{ConfigError, Error};
pub use flash::{Duplicates, FLASH_LIMIT, FlashId, Level, Message};
pub use foreign::Foreign;
pub use id::{SessionId, StoreKey};
pub use key::{IntoKey, KeyName, SessionKey};
pub use keyring::{Key, KeyId, Keyring};
pub use lifetimes::{Clockwork, Deadline, Lifetimes};
pub use marks::CommitId;
pub use plan::{Carrier, CommitPolicy, CookieUpdate, Dropped, Plan};
pub use record::Record;
pub use rejected::Rejected;
pub use request_kind::RequestKind;
pub use seal::{Seal, Sealer};
pub use state::{Absorbed, Rebased, SessionState, Since};
pub use text::{Json, Text};
pub use time::{Resolution, Timestamp};
pub use version::Version;
pub use wire::Corrupt;
