//! For authors of stores, and for tools that work on the sessions of a store.
//!
//! A [`Store`] is a versioned compare-and-set register with expiry. The guide's page "Writing a
//! store" (`own-store.md`) has a complete one. Applications that use one of the stores of this
//! project need only the root of the crate.
//!
//! | items | purpose |
//! |---|---|
//! | [`Store`], [`StoreError`], [`Loaded`], [`Created`], [`Replaced`] | the trait, its error and its results |
//! | [`Entry`], [`StoreKey`], [`Version`] | the entry stored under a key |
//! | [`OwnedSession`], [`OwnedPage`], [`Ended`], [`EndedPage`], [`all_owned`], [`end_all_before`], [`end_alias`] | the sessions of an owner, and ending many sessions |
//! | [`time_for_ends`] | the time at which sessions are ended, for clocks that differ |
//! | [`delegate_store!`] | the methods that a wrapper of a store passes on |
//! | [`Cursor`], [`Page`], [`ScannedSession`] | the scan of all sessions |
//! | [`Checkup`], [`Finding`], [`Severity`], [`Topic`] | the report on a store's server |
//! | [`feed`] | hints about changed sessions, for listeners and for stores that announce them |
//! | [`IntoStore`], [`SessionInfoPage`], [`Stats`], [`CacheStats`], [`SweeperBuilder`], [`SweeperStats`] | types in the signatures of `StoredSessions`, `CachedStore`, `Sessions` and `Sweeper` |
//! | `conformance` | the conformance suite for stores, behind the feature `conformance` |

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;

pub use super::delegate_store;
pub use crate::alias::end_alias;
pub use crate::cached::CacheStats;
pub use crate::checkup::{Checkup, Finding, Severity, Topic};
pub use crate::entry::{Entry, OwnedSession};
pub use crate::error::StoreError;
#[doc(inline)]
pub use crate::feed;
pub use crate::pages::{Ended, EndedPage, OwnedPage};
pub use crate::scan::{Cursor, Page, ScannedSession};
pub use crate::sessions::SessionInfoPage;
pub use crate::skew::time_for_ends;
pub use crate::stats::Stats;
pub use crate::stored_sessions::IntoStore;
pub use crate::sweeper::{SweeperBuilder, SweeperStats};
pub use crate::walks::{all_owned, end_all_before};
#[doc(no_inline)]
pub use cloakroom_session::factory::{StoreKey, Version};
pub use contract::{Created, Loaded, Replaced, Store};
