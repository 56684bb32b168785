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
//! | `keyring`, `seal`, `rejected` | opening sealed cookies, and the reasons for rejecting one |
//! | `at_rest` | encryption of records in a store |
//! | `formats` | the versions of our formats that are read, and the one that is written |
//! | `wire`, `record`, `text`, `lifetimes` | the record kept between requests, and its deadlines |
//! | `marks` | the ids of the latest commits of a record |
//! | `exact`, `unreadable` | lossless JSON encoding, and the reasons why a value can't be decoded |
//! | `loose`, `foreign` | lenient JSON parsing, and the data of other frameworks |
//! | `state`, `access`, `key`, `flash` | the session of one request |
//! | `version` | the version of a stored record |
//! | `change`, `apply` | the change log, its application to a record, and its replay on a newer version |
//! | `request_kind` | navigation, subresource or speculative request |
//! | `csrf` | CSRF rules: the request's origin and its token |
//! | `plan`, `commit` | the store operation and the cookie of a commit |
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
