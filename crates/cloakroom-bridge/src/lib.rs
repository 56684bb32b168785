//! Sessions shared with applications in other frameworks, and the way from there.
//!
//! A team that moves an application to Rust runs both for months, and its users hold cookies of the
//! old one. Here are factories that read and write those: [`BridgedCookies`] where the session is
//! in the cookie, `SharedRecords` where it is in a store; and [`Migration`], which leads from one
//! factory to another without signing anybody out.
//!
//! Applications use the `cloakroom` crate, where this is the module `bridge`. Each family of
//! frameworks has a feature.
//!
//! | module | what it is about |
//! |---|---|
//! | `secret`, `mac` | what the other application signs with |
//! | `cookie_format`, `bridged_cookies` | a cookie of another framework, and the factory over it |
//! | `layout`, `ours` | which member of a session object is what, and what has no place there |
//! | `flash_object` | flash messages in one object, as several frameworks keep them |
//! | `csrf`, `numbers`, `iso`, `token`, `hex`, `percent`, `zlib` | CSRF tokens, times, signed, escaped and compressed text as those frameworks have them |
//! | `pyramid`, `beaker`, `flask`, `django`, `express`, `rails`, `plug` | the formats |
//! | `shared` | records that another framework keeps in its store, and the factory over them |
//! | `stores` | Redis, PostgreSQL and SQLite, as those frameworks use them |
//! | `migration` | from the old factory to the new one |
//!
//! What doesn't belong here: guessing. A format is tried only if it was configured, and a pickle is
//! never read.

#![cfg_attr(
    not(all(feature = "beaker", feature = "django", feature = "flask", feature = "pyramid")),
    allow(dead_code, unused_imports, reason = "each framework needs a part of what they share")
)]

#[cfg(feature = "beaker")]
mod beaker;
mod bridged_cookies;
mod cookie_format;
mod csrf;
#[cfg(feature = "django")]
mod django;
#[cfg(feature = "express")]
mod express;
#[cfg(any(feature = "express", feature = "rails", feature = "plug"))]
mod flash_object;
#[cfg(feature = "flask")]
mod flask;
mod hex;
#[cfg(any(feature = "express", feature = "rails", feature = "records-sqlite"))]
mod iso;
mod layout;
mod mac;
mod migration;
mod numbers;
mod ours;
#[cfg(any(feature = "express", feature = "rails"))]
mod percent;
#[cfg(feature = "plug")]
mod plug;
#[cfg(feature = "pyramid")]
mod pyramid;
#[cfg(any(feature = "pyramid", feature = "beaker"))]
mod pyramid_keys;
#[cfg(feature = "rails")]
mod rails;
mod secret;
#[cfg(feature = "records")]
mod shared;
#[cfg(any(feature = "records-redis", feature = "records-postgres", feature = "records-sqlite"))]
mod stores;
#[cfg(any(feature = "flask", feature = "django"))]
mod token;
#[cfg(feature = "zlib")]
mod zlib;

#[cfg(feature = "beaker")]
pub use beaker::{BeakerCipher, BeakerCookie, BeakerCookieBuilder, BeakerId, BeakerRecord};
pub use bridged_cookies::{BridgedCookies, BridgedCookiesBuilder};
pub use cookie_format::{CookieFormat, Presented, Sealed, Sealing};
#[cfg(feature = "django")]
pub use django::{DjangoCookie, DjangoCookieBuilder, DjangoRecord};
#[cfg(feature = "express")]
pub use express::{ExpressCookie, ExpressCookieBuilder, ExpressRecord, ExpressRecordBuilder};
#[cfg(feature = "flask")]
pub use flask::{FlaskCookie, FlaskCookieBuilder, FlaskWtf};
pub use migration::{Migration, MigrationStats, Phase, PhaseSwitch};
#[cfg(feature = "plug")]
pub use plug::{PlugCookie, PlugCookieBuilder};
#[cfg(feature = "pyramid-nacl")]
pub use pyramid::PyramidNaclCookie;
#[cfg(feature = "pyramid")]
pub use pyramid::{HashAlgorithm, PyramidCookie, PyramidCookieBuilder};
#[cfg(feature = "rails")]
pub use rails::{RailsCookie, RailsCookieBuilder, RailsDigest};
pub use secret::Secret;
#[cfg(feature = "records")]
pub use shared::{ForeignStore, MemoryRecords, RecordFormat, SharedRecords, SharedRecordsBuilder, Swap, Touching};
#[cfg(feature = "records-postgres")]
pub use stores::PostgresRecords;
#[cfg(feature = "records-redis")]
pub use stores::RedisRecords;
#[cfg(feature = "records-sqlite")]
pub use stores::SqliteRecords;
