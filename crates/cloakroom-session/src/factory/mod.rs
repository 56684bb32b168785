//! For authors of session factories, and for tools that read and write records.
//!
//! A [`SessionFactory`] opens the session of a request's cookie, and commits it when the response
//! is ready. `CookieSessions` of this crate and `StoredSessions` of `cloakroom-store` are
//! factories; most applications need no other one. The guide's page "Writing a factory"
//! (`own-factory.md`) explains the contract.
//!
//! | items | purpose |
//! |---|---|
//! | [`SessionFactory`], [`Committed`], [`Presented`], [`EndReason`] | the trait, the result of a commit, the session that cookies name, and why it ended |
//! | [`SessionState`], [`SessionId`], [`StoreKey`], [`Version`] | the session that a factory opens, and its identity |
//! | [`Commit`], [`CommitId`], [`Plan`], [`CookieUpdate`], [`After`], [`Dropped`] | the commit that a factory carries out |
//! | [`begin_commit`], [`replay()`], [`replay_with`], [`hand_on`], [`Replayed`] | the steps of a commit that all factories share |
//! | [`commit_to_cookie`], [`Retries`], [`Collisions`], [`TimeLimit`] | a commit to a cookie, and the retries of a commit to a store |
//! | [`FactoryOptions`] | the options that builders of factories share |
//! | [`Candidates`], [`CookieHeader`], [`CookieOrder`], [`CookieTemplate`], [`CookiePayload`], [`SetCookie`], [`MAX_COOKIE`] | reading and writing cookies |
//! | [`Sealer`], [`RecordSealer`], [`Seal`], [`KeyId`], [`Rejected`], [`OpenedCookie`] | sealing cookies and records |
//! | [`Record`], [`Alias`], [`Json`], [`Text`], [`FrameworkData`], [`SessionTimes`], [`Deadline`], [`Resolution`] | the content of a session |
//! | [`FlashId`], [`Duplicates`], [`FLASH_LIMIT`], [`KeyName`], [`CsrfScheme`], [`RequestKind`] | parts of the state |
//! | [`fill`], [`random`], [`fresh_id`], [`fresh_token`] | random bytes |
//! | `conformance` | the conformance suite for factories, behind the feature `conformance` |

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;

pub use crate::candidates::Candidates;
pub use crate::clock::{fill, fresh_id, fresh_token, random};
pub use crate::cookie_sessions::OpenedCookie;
pub use crate::ended::EndReason;
#[doc(hidden)]
pub use crate::ended::{after_failures, span};
pub use crate::options::FactoryOptions;
pub use crate::retry::{Collisions, Retries, TimeLimit};
pub use cloakroom_core::{
    After, Alias, Commit, CommitId, CookieOrder, CookiePayload, CookieTemplate, CookieUpdate, CsrfScheme, Deadline,
    Dropped, Duplicates, FLASH_LIMIT, FlashId, FrameworkData, Json, KeyId, KeyName, MAX_COOKIE, Plan, Record,
    RecordSealer, Rejected, Replayed, Resolution, Seal, Sealer, SessionId, SessionState, SessionTimes, SetCookie,
    StoreKey, Text, Version,
};
#[doc(no_inline)]
pub use cloakroom_core::{CookieHeader, RequestKind};
pub use contract::{
    Committed, Presented, SessionFactory, begin_commit, commit_to_cookie, hand_on, replay, replay_with,
};
