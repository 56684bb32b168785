//! Sessions shared with applications in other frameworks, and migrations from those frameworks.
//!
//! A team that ports an application to Rust runs both versions for months, and its users hold
//! cookies of the old one. This crate provides factories that read and write those cookies:
//! [`BridgedCookies`] for sessions kept in the cookie and `SharedRecords` for sessions kept in a
//! store. [`Migration`] moves sessions from one factory to another without signing anyone out.
//!
//! Applications use the `cloakroom` crate, which re-exports this one as the module `bridge`. Each
//! family of frameworks is a feature.
//!
//! | module | contents |
//! |---|---|
//! | `secret`, `mac` | the other application's secrets, and message authentication |
//! | `cookie_format`, `bridged_cookies` | a cookie of another framework, and the factory for it |
//! | `layout`, `extras` | the meaning of a session object's members, and data that the framework has no place for |
//! | `flash_object` | flash messages in one object, the form that several frameworks use |
//! | `csrf`, `numbers`, `iso`, `token`, `hex`, `percent`, `zlib` | CSRF tokens, times, and signed, escaped and compressed text in the frameworks' forms |
//! | `cookie_jar` | cookies of the crate `cookie`, which frameworks in Rust use |
//! | `pyramid`, `beaker`, `flask`, `django`, `express`, `rails`, `plug`, `starlette`, `tower_sessions`, `actix_session` | the formats |
//! | `shared` | records that another framework keeps in its store, and the factory for them |
//! | `stores` | Redis, PostgreSQL, MySQL and SQLite in the frameworks' own schemas |
//! | `migration` | the move from an old factory to a new one |
//!
//! This crate never guesses: a format is tried only if it was configured, and a pickle is never
//! read.

#![cfg_attr(
    not(all(feature = "beaker", feature = "django", feature = "flask", feature = "pyramid")),
    allow(dead_code, unused_imports, reason = "each framework needs only a part of the shared code")
)]

#[cfg(feature = "actix-session")]
mod actix_session;
#[cfg(feature = "beaker")]
mod beaker;
mod bridged_cookies;
mod cookie_format;
#[cfg(any(feature = "tower-sessions", feature = "actix-session"))]
mod cookie_jar;
mod csrf;
#[cfg(feature = "django")]
mod django;
#[cfg(feature = "express")]
mod express;
mod extras;
#[cfg(any(
    feature = "express",
    feature = "rails",
    feature = "plug",
    feature = "flask-session",
    feature = "starlette",
    feature = "tower-sessions",
    feature = "actix-session"
))]
mod flash_object;
#[cfg(feature = "flask")]
mod flask;
mod hex;
#[cfg(any(
    feature = "django",
    feature = "express",
    feature = "rails",
    feature = "tower-sessions",
    feature = "records-sqlite"
))]
mod iso;
mod layout;
mod mac;
mod migration;
#[cfg(any(feature = "tower-sessions", feature = "flask-session"))]
mod msgpack;
mod numbers;
#[cfg(any(feature = "express", feature = "rails", feature = "tower-sessions", feature = "actix-session"))]
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
mod spelling;
#[cfg(feature = "starlette")]
mod starlette;
#[cfg(any(
    feature = "records-redis",
    feature = "records-postgres",
    feature = "records-mysql",
    feature = "records-sqlite"
))]
mod stores;
#[cfg(any(feature = "flask", feature = "django", feature = "starlette"))]
mod token;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;
#[cfg(feature = "zlib")]
mod zlib;

#[cfg(feature = "actix-session")]
pub use actix_session::{ActixSessionCookie, ActixSessionRecord};
#[cfg(feature = "beaker")]
pub use beaker::{BeakerCipher, BeakerCookie, BeakerCookieBuilder, BeakerId, BeakerRecord};
pub use bridged_cookies::{BridgedCookies, BridgedCookiesBuilder};
pub use cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, Renewal, SealContext};
#[cfg(feature = "django")]
pub use django::{DjangoCookie, DjangoCookieBuilder, DjangoRecord};
#[cfg(feature = "express")]
pub use express::{ExpressCookie, ExpressCookieBuilder, ExpressRecord, ExpressRecordBuilder};
#[cfg(feature = "flask")]
pub use flask::{FlaskCookie, FlaskCookieBuilder, FlaskWtf};
#[cfg(feature = "flask-session")]
pub use flask::{FlaskSessionRecord, FlaskSessionRecordBuilder};
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
pub use shared::{
    DatedRecord, ForeignStore, MemoryRecords, RecordFormat, SharedRecords, SharedRecordsBuilder, SwapOutcome, TouchMode,
};
#[cfg(feature = "starlette")]
pub use starlette::{StarletteCookie, StarletteCookieBuilder};
#[cfg(feature = "records-mysql")]
pub use stores::MysqlRecords;
#[cfg(feature = "records-postgres")]
pub use stores::PostgresRecords;
#[cfg(feature = "records-redis")]
pub use stores::RedisRecords;
#[cfg(feature = "records-sqlite")]
pub use stores::SqliteRecords;
#[cfg(feature = "tower-sessions")]
pub use tower_sessions::TowerSessionsRecord;
